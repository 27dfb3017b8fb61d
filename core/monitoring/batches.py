"""Many photos answered in the background: a thread works, the page looks on.

A batch is held under an id that cannot be guessed, and dropped half an hour after the last look.
"""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread, Timer

from core.errors import DISK_FULL_ERRNOS, DiskFull, PetalscopeError, PhotoRefused
from core.monitoring.kept_photos import Photo, forget_photos
from core.monitoring.sessions import BrowserSession, Fresh, Model, answer_afresh, log_fresh
from core.prediction.album import NamedPhoto, answer_photos, unpack_album
from core.prediction.answers import AnsweredPhoto, ShortAnswer
from core.prediction.predictor import Predictor
from core.workspace import Workspace
from data.importing import remove_orphans

MOST_PHOTOS = 1_000
"""At once; more are a matter for the command line."""

_KEPT_S = 1800.0
_SWEPT_EVERY_S = 60.0
_PREFIX = "predict"
_LOGGED_AT_ONCE = 25


@dataclass(eq=False)
class Batch:
    """The photos, what became of them so far, and the models that answer."""

    models: tuple[tuple[Model, Predictor], ...]
    session: BrowserSession
    folder: Path
    """Where archives are unpacked."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    rows: list[AnsweredPhoto] = field(default_factory=list)
    """Those that were answered or refused, the first of `photos` in their order."""
    phase: str = "beginning"
    done: int = 0
    total: int = 0
    left_out: int = 0
    """Files in archives that are no photos."""
    is_logged: bool = True
    """Whether all answers so far are in the log."""
    error: PetalscopeError | None = None
    started: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)
    photos: list[NamedPhoto] = field(default_factory=list)
    """All that are to be answered; none while archives are unpacked."""
    digests: set[str] = field(default_factory=set)
    """Of all photos that a model was asked about, also of those that nobody saw the answer to."""
    owns_folder: bool = True
    is_forgotten: bool = False
    is_withdrawn: bool = False
    """Its visitor had all deleted: nothing of it is logged any more."""
    logging: Lock = field(default_factory=Lock)
    stop: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)

    def seconds_left(self) -> float | None:
        """Return how long it takes yet at the pace so far; None where that cannot be told."""
        if self.phase != "answering" or self.done < 3:
            return None
        return (time.monotonic() - self.started) / self.done * (self.total - self.done)

    def remove_folder(self) -> None:
        """Remove what was unpacked, unless another batch reads it."""
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


_held: dict[str, Batch] = {}
_working: dict[str, Batch] = {}
"""Those whose thread runs, also the forgotten ones."""


def start_batch(
    workspace: Workspace,
    session: BrowserSession,
    models: Sequence[tuple[Model, Predictor]],
    photos: Sequence[NamedPhoto],
    archives: Sequence[bytes],
) -> Batch:
    """Return a batch whose thread has begun; photos of the archives come behind the others."""
    remove_orphans(workspace.temporary, _PREFIX)
    prefix = f"{_PREFIX}-{os.getpid()}-"
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=workspace.temporary))
    batch = Batch(tuple(models), session, folder)
    _begin(workspace, batch, photos, archives)
    return batch


def ask_others(
    workspace: Workspace, batch: Batch, models: Sequence[tuple[Model, Predictor]]
) -> Batch:
    """Return a batch of the same photos for other models, which takes the place of the former."""
    following = Batch(tuple(models), batch.session, batch.folder)
    following.left_out, following.digests = batch.left_out, batch.digests
    batch.owns_folder = False  # the next one reads the photos
    forget_batch(batch)
    _begin(workspace, following, batch.photos, [])
    return following


def find_batch(batch_id: str | None) -> Batch | None:
    """Return the batch of a link, if it is still held."""
    batch = _held.get(batch_id or "")
    if batch is not None:
        batch.looked = time.monotonic()
    return batch


def forget_batch(batch: Batch) -> None:
    """Stop a batch and remove its photos."""
    batch.stop.set()
    batch.is_forgotten = True
    _held.pop(batch.id, None)
    if batch.ended.is_set():
        batch.remove_folder()


def end_batches(visitor: str) -> None:
    """Forget the batches of a visitor; when this returns, none of them logs anything any more."""
    for batch in {*list(_working.values()), *list(_held.values())}:
        if batch.session.visitor == visitor:
            with batch.logging:
                batch.is_withdrawn = True
            forget_batch(batch)


def _begin(
    workspace: Workspace, batch: Batch, photos: Sequence[NamedPhoto], archives: Sequence[bytes]
) -> None:
    _held[batch.id] = _working[batch.id] = batch
    if len(_held) == 1:
        _sweep_later()
    work = partial(_work, workspace, batch, list(photos), list(archives))
    Thread(target=work, name=f"batch-{batch.id}", daemon=True).start()


def _work(
    workspace: Workspace, batch: Batch, photos: list[NamedPhoto], archives: list[bytes]
) -> None:
    """Work a batch through, to its end or until it is stopped; in any case, `ended` is set."""
    try:
        for number, archive in enumerate(archives):
            photos += _unpack(batch, archive, number, MOST_PHOTOS - len(photos))
        archives.clear()
        batch.photos = photos
        _answer_all(workspace, batch, photos)
    except PetalscopeError as error:
        batch.error = error
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        batch.error = DiskFull("There is no room to unpack the archive.", "Free some space.")
    finally:
        batch.ended.set()
        if batch.is_forgotten:
            batch.remove_folder()
        if batch.stop.is_set() and batch.owns_folder:  # the last ones may be kept without an answer
            forget_photos(workspace, batch.digests)
        _working.pop(batch.id, None)


def _unpack(batch: Batch, archive: bytes, number: int, most: int) -> list[NamedPhoto]:
    def tell(done: int, total: int) -> None:
        batch.done, batch.total = done, total

    batch.phase = "unpacking"
    file, target = batch.folder / f"{number}.archive", batch.folder / str(number)
    target.mkdir()
    file.write_bytes(archive)
    album = unpack_album(file, target, most=most, on_progress=tell)
    file.unlink()
    batch.left_out += album.left_out
    return album.photos


def _answer_all(workspace: Workspace, batch: Batch, photos: list[NamedPhoto]) -> None:
    batch.done, batch.total, batch.started = 0, len(photos), time.monotonic()
    batch.phase = "answering"
    fresh: list[Fresh] = []
    for photo, answer in answer_photos(photos, partial(_ask_models, workspace, batch)):
        if isinstance(answer, PhotoRefused):
            answered = AnsweredPhoto(name=photo.name, refusal=answer)
        else:
            digest, short, new = answer
            fresh += new
            answered = AnsweredPhoto(name=photo.name, sha256=digest, answers=short)
        batch.rows.append(answered)
        batch.done += 1
        if len(fresh) >= _LOGGED_AT_ONCE:
            _log(workspace, batch, fresh)
            fresh = []
        if batch.stop.is_set():
            break
    _log(workspace, batch, fresh)


def _log(workspace: Workspace, batch: Batch, fresh: Sequence[Fresh]) -> None:
    """Log the answers, unless their visitor had all deleted."""
    with batch.logging:
        if not batch.is_withdrawn:
            batch.is_logged &= log_fresh(workspace, batch.session, fresh)


def _ask_models(
    workspace: Workspace, batch: Batch, content: bytes
) -> tuple[str, tuple[ShortAnswer, ...], list[Fresh]]:
    """Return digest, answer of each model, and which of these are new."""
    photo = Photo(content)
    batch.digests.add(photo.sha256)
    short: list[ShortAnswer] = []
    fresh: list[Fresh] = []
    for model, predictor in batch.models:
        known = batch.session.find(model, photo.sha256)
        if known is None:
            fresh.append(answer_afresh(workspace, batch.session, model, predictor, photo))
            known = fresh[-1].asked
        short.append(known.short)
    return photo.sha256, tuple(short), fresh


def _sweep_later() -> None:
    timer = Timer(_SWEPT_EVERY_S, _sweep)
    timer.daemon = True
    timer.start()


def _sweep() -> None:
    """Drop the batches that nobody has looked at; come again while there are others."""
    now = time.monotonic()
    for batch in list(_held.values()):
        if now - batch.looked > _KEPT_S:
            forget_batch(batch)
    if _held:
        _sweep_later()
