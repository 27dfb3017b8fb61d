"""Rows of photos, kept: features/<id>.npy, and in <id>.json what they are and their digest.

Until all rows are there they are in a hidden file, from which the next call continues. A view is
what a network sees in some photos, each changed by one draw: features, or activations of conv4.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from core.config import PHOTO_SIZE, Framing, fingerprint
from core.errors import RunStopped
from core.workspace import Workspace, digest_file, digest_once, write_atomically
from models.rows import RowForm, conv4_form, photo_form, pooled_form


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of kept rows: everything that decides what stands in it."""

    id: str
    facts: dict[str, Any]
    """JSON values; "dataset" is the dataset it goes with."""
    form: RowForm


def name_partial(workspace: Workspace, entry: Entry) -> Path:
    """Return the path of the hidden file that holds the rows of an entry until all are there."""
    kind = entry.facts.get("view", "features")
    return workspace.features / f".{entry.facts['dataset']}.{kind}.{entry.id}.part"


def count_partial_rows(workspace: Workspace, entry: Entry) -> int:
    """Return how many rows of an entry that is not complete are there, by the file's size."""
    try:
        return name_partial(workspace, entry).stat().st_size // entry.form.size
    except FileNotFoundError:
        return 0


def read_kept(workspace: Workspace, identifier: str) -> np.ndarray | None:
    """Return the rows (n, …), memory-mapped; None when missing or altered."""
    file = workspace.features_file(identifier)
    try:
        facts = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        if digest_once(file) != facts["sha256"]:
            return None
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return _map(file)


def is_kept(workspace: Workspace, identifier: str) -> bool:
    """Return whether the rows are kept, by their names alone: costs nothing."""
    file = workspace.features_file(identifier)
    return file.exists() and file.with_suffix(".json").exists()


def keep_rows(
    workspace: Workspace,
    entry: Entry,
    complete: Callable[[Path], None],
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """Return the rows of the entry, memory-mapped; `complete` fills the partial file if need be.

    Raises:
        RunStopped: `should_stop` said so while another process had the file.
    """
    partial = name_partial(workspace, entry)
    with _hold(partial.with_suffix(".lock"), should_stop):
        kept = read_kept(workspace, entry.id)
        if kept is None:
            complete(partial)
            file = workspace.features_file(entry.id)
            _publish(partial, file, entry)
            kept = _map(file)
    return kept


def report_stop() -> RunStopped:
    """Return what is raised when a person stops an extraction."""
    return RunStopped(
        "The extraction of features was stopped.",
        "Start the run again: it goes on with the photos that are left.",
    )


def _publish(partial: Path, file: Path, entry: Entry) -> None:
    """Give the complete file its name, and write beside it what it is."""
    with partial.open("rb") as rows:
        os.fsync(rows.fileno())
    content = {**entry.facts, "sha256": digest_file(partial)}
    partial.replace(file)
    with write_atomically(file.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")


def _map(file: Path) -> np.ndarray:
    rows: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
    return rows


@contextmanager
def _hold(lock_file: Path, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Yield when no other process makes the same rows."""
    lock = FileLock(lock_file)
    while True:
        try:
            with lock.acquire(timeout=0.5):
                yield
                return
        except Timeout:
            if should_stop():
                raise report_stop() from None


ViewKind = Literal["pooled", "conv4"]

FRAMED = "photos"

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ViewSource:
    """What decides the row of a photo in a view, whichever dataset the photo is in."""

    kind: ViewKind
    backbone: str
    precision: str
    policy: str
    """The fingerprint of the augmentation policy; empty: the photos as they are."""
    seed: int
    number: int
    """Which draw of the policy, from 0."""
    side: int = PHOTO_SIZE
    """Of the photos, in pixels; the backbone's id stands for it, too."""

    @property
    def form(self) -> RowForm:
        """What one row is."""
        return pooled_form() if self.kind == "pooled" else conv4_form(self.side)

    @property
    def facts(self) -> dict[str, Any]:
        """What is written beside rows of this source, and looked for to find more of them."""
        return {
            "view": self.kind,
            "version": _VERSION,
            "backbone": self.backbone,
            "precision": self.precision,
            "policy": self.policy,
            "seed": self.seed,
            "number": self.number,
        }


def describe_photos(framing: Framing, dataset_id: str) -> Entry:
    """Return the entry under which all photos of a dataset, so framed, are kept."""
    source = {
        "view": FRAMED,
        "version": _VERSION,
        "framing": framing.how,
        "photo_size": framing.side,
    }
    facts = {**source, "dataset": dataset_id}
    return Entry(id=fingerprint(facts), facts=facts, form=photo_form(framing.side))


def describe_view(source: ViewSource, dataset_id: str, photos: np.ndarray) -> Entry:
    """Return the entry under which a view of these photos (m,) int of a dataset is kept."""
    rows = np.ascontiguousarray(photos, dtype="<i8")
    facts = {**source.facts, "dataset": dataset_id}
    identifier = fingerprint({**facts, "photos": hashlib.sha256(rows.tobytes()).hexdigest()})
    return Entry(id=identifier, facts={**facts, "photos": rows.tolist()}, form=source.form)
