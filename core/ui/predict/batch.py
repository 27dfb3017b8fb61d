"""Many photos answered in the background: a thread works, the page looks on.

A batch is held by the server under an id that is nobody's to guess. It lives in the link, so a
reload loses nothing. Half an hour after the last look it is dropped, and with it the photos.
"""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Thread, Timer

import psutil

from core.prediction.album import NamedPhoto
from core.prediction.predictor import Predictor
from core.ui.parts import cache
from core.ui.predict.desk import Desk
from core.ui.predict.models import Model, open_model
from core.ui.predict.work import Batch, remove_folder, work_through

_KEPT_S = 1800.0
_SWEPT_EVERY_S = 60.0
_PREFIX = "predict"
_held: dict[str, Batch] = {}
_working: dict[str, Batch] = {}
"""Those whose thread goes, also the forgotten ones."""


def start_batch(
    desk: Desk, models: Sequence[Model], photos: Sequence[NamedPhoto], archives: Sequence[bytes]
) -> Batch:
    """Returns a batch whose thread has begun.

    Raises:
        PetalscopeError: A model cannot answer.
    """
    predictors = [open_model(model) for model in models]  # here: its errors belong to the page
    temporary = cache.workspace().temporary
    _remove_orphans(temporary)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{os.getpid()}-", dir=temporary))
    batch = Batch(secrets.token_hex(8), tuple(models), desk, folder)
    _begin(batch, predictors, photos, archives)
    return batch


def ask_others(batch: Batch, models: Sequence[Model]) -> Batch:
    """Returns a batch of the same photos for other models, which takes the place of the former.

    Raises:
        PetalscopeError: A model cannot answer.
    """
    predictors = [open_model(model) for model in models]
    following = Batch(secrets.token_hex(8), tuple(models), batch.desk, batch.folder)
    following.left_out, following.digests = batch.left_out, batch.digests
    batch.owns_folder = False  # the photos go on to the next
    forget_batch(batch)
    _begin(following, predictors, batch.photos or [], [])
    return following


def find_batch(batch_id: str | None) -> Batch | None:
    """Returns the batch of a link, if it is still held."""
    batch = _held.get(batch_id or "")
    if batch is not None:
        batch.looked = time.monotonic()
    return batch


def forget_batch(batch: Batch) -> None:
    """Stops a batch and removes its photos."""
    batch.stop.set()
    batch.forgotten.set()
    _held.pop(batch.id, None)
    if batch.ended.is_set():
        remove_folder(batch)


def end_batches(visitor: str) -> None:
    """Forgets the batches of a visitor; when it returns, none of them writes anything down."""
    for batch in {*list(_working.values()), *list(_held.values())}:
        if batch.desk.visitor == visitor:
            batch.withdraw()
            forget_batch(batch)


def _begin(
    batch: Batch,
    predictors: Sequence[Predictor],
    photos: Sequence[NamedPhoto],
    archives: Sequence[bytes],
) -> None:
    _held[batch.id] = batch
    if len(_held) == 1:
        _sweep_later()
    _working[batch.id] = batch
    work = partial(work_through, cache.workspace(), batch, predictors, list(photos), list(archives))
    Thread(target=_work, args=(batch, work), name=f"batch-{batch.id}", daemon=True).start()


def _work(batch: Batch, work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        _working.pop(batch.id, None)


def _sweep_later() -> None:
    timer = Timer(_SWEPT_EVERY_S, _sweep)
    timer.daemon = True
    timer.start()


def _sweep() -> None:
    """Drops the batches that nobody has looked at; comes again while there are others."""
    now = time.monotonic()
    for batch in list(_held.values()):
        if now - batch.looked > _KEPT_S:
            forget_batch(batch)
    if _held:
        _sweep_later()


def _remove_orphans(temporary: Path) -> None:
    """Removes what servers that are gone have left behind."""
    for orphan in temporary.glob(f"{_PREFIX}-*-*"):
        owner = orphan.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(orphan, ignore_errors=True)
