"""What the thread of a batch does: unpack archives, answer photos, write the answers down."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock

from core.errors import DISK_FULL_ERRNOS, DiskFull, PetalscopeError, PhotoRefused
from core.monitoring.kept_photos import forget_photos
from core.prediction.album import NamedPhoto, answer_photos, unpack_album
from core.prediction.answers import AnsweredPhoto, ShortAnswer
from core.prediction.predictor import Predictor
from core.ui.predict.desk import Desk, Fresh, answer_afresh, write_down
from core.ui.predict.models import Model
from core.workspace import Workspace

MOST_PHOTOS = 1_000
"""At once; more are a matter for the command line."""

_WRITTEN_AT_ONCE = 25


@dataclass(frozen=True, kw_only=True)
class Row:
    """A photo of a batch whose turn has come."""

    photo: AnsweredPhoto
    read: Callable[[], bytes]


@dataclass(eq=False)
class Batch:
    """The photos, what became of them so far, and the thread that goes on."""

    id: str
    models: tuple[Model, ...]
    desk: Desk
    folder: Path
    """Where archives are unpacked."""
    rows: list[Row] = field(default_factory=list)
    phase: str = "beginning"
    done: int = 0
    total: int = 0
    left_out: int = 0
    """Files in archives that are no photos."""
    written: bool = True
    """Whether all answers so far are in the log."""
    error: PetalscopeError | None = None
    started: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)
    photos: list[NamedPhoto] | None = None
    """All that are to be answered; None while archives are unpacked."""
    owns_folder: bool = True
    digests: set[str] = field(default_factory=set)
    """Of all photos that a model was asked about, also of those that nobody saw the answer to."""
    stop: Event = field(default_factory=Event)
    forgotten: Event = field(default_factory=Event)
    withdrawn: Event = field(default_factory=Event)
    """Its visitor had all deleted: nothing of it is written down any more."""
    writing: Lock = field(default_factory=Lock)
    ended: Event = field(default_factory=Event)

    def withdraw(self) -> None:
        """Returns when nothing of it is being written down, and nothing more will be."""
        with self.writing:
            self.withdrawn.set()

    def seconds_left(self) -> float | None:
        """Returns how long it goes on at the pace so far; None where that cannot be told."""
        if self.phase != "answering" or self.done < 3:
            return None
        return (time.monotonic() - self.started) / self.done * (self.total - self.done)


def work_through(
    workspace: Workspace,
    batch: Batch,
    predictors: Sequence[Predictor],
    photos: list[NamedPhoto],
    archives: list[bytes],
) -> None:
    """Works a batch through, to its end or until it is stopped; whatever happens, `ended` is set.

    Args:
        workspace: Its log takes the answers.
        batch: Told how far it is, and what is wrong.
        predictors: Of the batch's models, in their order.
        photos: Those that came one by one; those of the archives come behind them.
        archives: Their bytes.
    """
    try:
        for number, archive in enumerate(archives):
            photos += _unpack(batch, archive, number, MOST_PHOTOS - len(photos))
        archives.clear()
        batch.photos = photos
        _answer_all(workspace, batch, predictors, photos)
    except PetalscopeError as error:
        batch.error = error
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        batch.error = DiskFull("There is no room to unpack the archive.", "Free some space.")
    finally:
        batch.ended.set()
        if batch.forgotten.is_set():
            remove_folder(batch)
        if batch.stop.is_set() and batch.owns_folder:  # the last ones may be kept without an answer
            forget_photos(workspace, batch.digests)


def remove_folder(batch: Batch) -> None:
    """Removes what was unpacked, unless another batch goes on with it."""
    if batch.owns_folder:
        shutil.rmtree(batch.folder, ignore_errors=True)


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


def _answer_all(
    workspace: Workspace, batch: Batch, predictors: Sequence[Predictor], photos: list[NamedPhoto]
) -> None:
    batch.done, batch.total, batch.started = 0, len(photos), time.monotonic()
    batch.phase = "answering"
    fresh: list[Fresh] = []
    for photo, answer in answer_photos(photos, partial(_ask_models, workspace, batch, predictors)):
        if isinstance(answer, PhotoRefused):
            batch.rows.append(_refuse(photo, answer))
        else:
            digest, short, new = answer
            fresh += new
            answered = AnsweredPhoto(name=photo.name, sha256=digest, answers=short)
            batch.rows.append(Row(photo=answered, read=photo.read))
        batch.done += 1
        if len(fresh) >= _WRITTEN_AT_ONCE:
            _write_down(workspace, batch, fresh)
            fresh = []
        if batch.stop.is_set():
            break
    _write_down(workspace, batch, fresh)


def _write_down(workspace: Workspace, batch: Batch, fresh: Sequence[Fresh]) -> None:
    """Returns nothing; the answers are in the log, unless their visitor had all deleted."""
    with batch.writing:
        if not batch.withdrawn.is_set():
            batch.written &= write_down(workspace, batch.desk, fresh)


def _ask_models(
    workspace: Workspace, batch: Batch, predictors: Sequence[Predictor], content: bytes
) -> tuple[str, tuple[ShortAnswer, ...], list[Fresh]]:
    """Returns digest, answer of each model, and which of these are new."""
    digest = sha256(content).hexdigest()
    batch.digests.add(digest)
    short: list[ShortAnswer] = []
    fresh: list[Fresh] = []
    for model, predictor in zip(batch.models, predictors, strict=True):
        known = batch.desk.find(model, digest)
        if known is None:
            fresh.append(answer_afresh(workspace, batch.desk, model, predictor, content))
            known = fresh[-1].asked
        short.append(known.short)
    return digest, tuple(short), fresh


def _refuse(photo: NamedPhoto, refusal: PhotoRefused) -> Row:
    return Row(photo=AnsweredPhoto(name=photo.name, refusal=refusal), read=photo.read)
