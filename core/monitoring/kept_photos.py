"""Photos that people sent for prediction, stored only with permission and for a limited time.

Permission is a setting (days; off by default), or the person's consent with their feedback, which
ends with its review. Files are private and are verified when read.
"""

import logging
import math
import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock

from sqlalchemy import select

from core.config import read_settings
from core.monitoring.tables import feedback_table, predictions_table
from core.runs.database import read_database
from core.workspace import Workspace, write_atomically

_log = logging.getLogger(__name__)

MOST_KEPT_BYTES = 500_000_000
_SWEPT_EVERY_S = 60.0
_HALF_WRITTEN_S = 3600.0
_UNDO_TIME = timedelta(days=1)
"""A discarded photo stays this long, so that its review can be undone."""
_LOW_WATER = 0.9
"""Share of the limit that a sweep leaves, so that not every photo needs another sweep."""
_AT_ONCE = 500


@dataclass(frozen=True)
class Photo:
    """A photo as bytes, with its digest."""

    content: bytes

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hexadecimal digits."""
        return sha256(self.content).hexdigest()


_usages: dict[Path, tuple[int, float]] = defaultdict(lambda: (0, -math.inf))
"""Workspace → bytes of its stored photos, and the time of the last sweep."""
_counting = Lock()


def keep_photo(workspace: Workspace, photo: Photo, *, consent: bool = False) -> None:
    """Store a photo, unless permission or space is missing.

    Args:
        consent: The person sent the photo for review; without it the setting decides.
    """
    settings = read_settings()
    if workspace.read_only or (not consent and settings.keep_photos_days <= 0):
        return
    file = workspace.kept_photo_file(photo.sha256)
    if read_kept_photo(workspace, file.name) is not None:
        with suppress(FileNotFoundError):  # another process may be sweeping
            os.utime(file)  # its days start again
            return
    if not sweep_when_due(workspace, len(photo.content)):
        return
    try:
        workspace.kept_photos.mkdir(mode=0o700, parents=True, exist_ok=True)
        with write_atomically(file) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_bytes(photo.content)
    except OSError as error:  # a full disk must not stop an answer or feedback
        _log.error("a photo was not stored: %s", error)


def read_kept_photo(workspace: Workspace, digest: str) -> bytes | None:
    """Return a stored photo by its SHA-256; None where it is missing or altered."""
    try:
        content = workspace.kept_photo_file(digest).read_bytes()
    except FileNotFoundError:
        return None
    return content if Photo(content).sha256 == digest else None


def find_kept(workspace: Workspace, digests: Iterable[str]) -> set[str]:
    """Return the digests whose photos are stored."""
    return {digest for digest in digests if workspace.kept_photo_file(digest).is_file()}


def sweep_kept_photos(workspace: Workspace, room: int = 0) -> None:
    """Remove expired photos, then the oldest above the limit; photos under review stay.

    Args:
        room: Bytes that must fit below the limit afterwards.
    """
    settings, held, now = read_settings(), _list_held(workspace), time.time()
    for changed, _, file in _list_files(workspace, ".*"):
        if changed < now - _HALF_WRITTEN_S:
            file.unlink(missing_ok=True)
    files = _list_files(workspace, "[!.]*")
    free = [one for one in files if one[2].name not in held]
    leaving = [one for one in free if one[0] < now - settings.keep_photos_days * 86_400]
    total = sum(size for _, size, _ in files) - sum(size for _, size, _ in leaving)
    goal: float = total
    if total + room > MOST_KEPT_BYTES:
        goal = min(MOST_KEPT_BYTES * _LOW_WATER, MOST_KEPT_BYTES - room)
    for one in free[len(leaving) :]:
        if total <= goal:
            break
        leaving.append(one)
        total -= one[1]
    _usages[workspace.root] = total, time.monotonic()
    for _, _, file in leaving:
        file.unlink(missing_ok=True)


def sweep_when_due(workspace: Workspace, size: int = 0) -> bool:
    """Count a photo of this size; return False where it does not fit below the limit.

    Sweep first if this process has not done so for a minute, or where it does not fit.
    """
    with _counting:
        used, swept = _usages[workspace.root]
        if time.monotonic() - swept > _SWEPT_EVERY_S or used + size > MOST_KEPT_BYTES:
            sweep_kept_photos(workspace, size)
            used, swept = _usages[workspace.root]
        if used + size > MOST_KEPT_BYTES:
            return False
        _usages[workspace.root] = used + size, swept
        return True


def forget_photos(workspace: Workspace, digests: Collection[str]) -> None:
    """Remove these photos unless a prediction in the log is about them.

    Where only photos under review are stored, those without an open review go too.
    """
    column, listed, still = predictions_table.c.photo, sorted(digests), set[str]()
    with read_database(workspace) as connection:
        for start in range(0, len(listed), _AT_ONCE):
            some = listed[start : start + _AT_ONCE]
            still |= set(connection.scalars(select(column).where(column.in_(some))))
    if still and read_settings().keep_photos_days <= 0:
        still &= _list_held(workspace)
    for digest in set(digests) - still:
        workspace.kept_photo_file(digest).unlink(missing_ok=True)


def _list_held(workspace: Workspace) -> set[str]:
    """Return the digests of photos whose review is open or can be undone."""
    said = feedback_table.c
    recently = datetime.now(UTC) - _UNDO_TIME
    open_review = said.state.in_(("waiting", "accepted", "relabelled")) & said.dataset.is_(None)
    may_be_undone = (said.state == "discarded") & (said.reviewed > recently)
    query = (
        select(predictions_table.c.photo)
        .join(feedback_table, said.prediction == predictions_table.c.id)
        .where(open_review | may_be_undone)
    )
    with read_database(workspace) as connection:
        return set(connection.scalars(query))


def _list_files(workspace: Workspace, pattern: str) -> list[tuple[float, int, Path]]:
    """Return time of change, bytes and path of each file, the oldest first."""
    found = []
    for file in workspace.kept_photos.glob(pattern):
        with suppress(FileNotFoundError):  # another process may be sweeping
            facts = file.stat()
            found.append((facts.st_mtime, facts.st_size, file))
    return sorted(found)
