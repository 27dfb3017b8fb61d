"""Fits a head, or stages with a head, and returns the best epoch (keras).

The same arguments give the same curve, bit for bit, also if the process is killed in between.
"""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from models.catalogue import FEATURE_WIDTH
from models.dense import measure_spread
from models.fit_state import FitData, FitState, find_best
from models.head import Spread, build_head, to_dense_head
from models.plan import UNWATCHED, FitPlan, FitRecord, FitResult, FitWatch, HeadShape, KeptViews
from models.rows import Rows, split_rows
from models.stepping import Stepper


def leave_as_is(width: int) -> Spread:
    """Return the mean and scale that do not change the features."""
    return np.zeros(width, np.float32), np.ones(width, np.float32)


Features = tuple[Sequence[Rows], np.ndarray]
"""One array (m, 2048) float32 per view, and labels (m,) int."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadFit:
    """The fit of a head: data and settings."""

    train: Features
    """Epochs take turns with its views."""
    validation: Features
    """Without photos the training loss decides the best epoch."""
    shape: HeadShape
    plan: FitPlan
    standardise: bool
    """By the first view."""
    plain: Rows | None = None
    """Features (m, 2048) of the training photos, to measure them after each epoch, or None."""


def fit_head(job: HeadFit, folder: Path | None, watch: FitWatch = UNWATCHED) -> FitResult:
    """Return the curve and the best head; resume from a checkpoint in the folder.

    Raises:
        RunStopped: Stopped before the first epoch was complete.
    """
    make_deterministic(job.plan.seed)
    first = job.train[0][0]
    spread = measure_spread(first) if job.standardise else leave_as_is(first.shape[1])
    model = build_head(job.shape, spread, job.plan.seed)
    parts = (*job.train[0], job.train[1], *job.validation[0], job.validation[1])
    digests = [_digest(part) for part in parts]

    def measure(_: Stepper) -> np.ndarray:
        return to_dense_head(model).scores(job.validation[0][0])

    def measure_train(_: Stepper) -> np.ndarray | None:
        return None if job.plain is None else to_dense_head(model).scores(job.plain)

    data = FitData(
        train=KeptViews(*job.train),
        val_labels=job.validation[1],
        measure=measure,
        measure_train=measure_train,
    )
    subject = {"head": asdict(job.shape), "standardise": job.standardise, "photos": digests}
    return fit(model, data, job.plan, FitRecord(folder=folder, subject=subject), watch)


def _digest(rows: Rows) -> int:
    found = 0
    for block in split_rows(len(rows)):
        found = zlib.crc32(np.ascontiguousarray(rows[block]).data, found)
    return found


def fit(
    model: keras.Model, data: FitData, plan: FitPlan, record: FitRecord, watch: FitWatch
) -> FitResult:
    """Return the curve and set the model to its best epoch; resume from a checkpoint.

    Raises:
        RunStopped: Stopped before the first epoch was complete, with none before.
    """
    one = FitState(model, plan, record, watch.on_step)
    first = len(record.before)
    for number, result in enumerate(one.history[first:], first + 1):
        watch.on_epoch(result, find_best(one.history[:number]))
    while not one.is_complete and not watch.should_end():
        if not one.run_epoch(data, watch.should_stop):
            break
        watch.on_epoch(one.history[-1], one.best)
    return one.conclude()


def make_deterministic(seed: int, *, exact: bool = True) -> None:
    """Seed all random numbers; `exact`: make training deterministic.

    Otherwise TensorFlow compiles with XLA on a GPU, and PyTorch chooses any kernel. JAX gets its
    setting before its import (models/__init__.py).
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        from tensorflow.python.framework import config

        (config.enable_op_determinism if exact else config.disable_op_determinism)()
    if keras.backend.backend() == "torch":
        import torch

        torch.use_deterministic_algorithms(exact, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # else a kernel per tensor
        torch.backends.cudnn.benchmark = not exact  # True: tries out kernels


def warm_up() -> None:
    """Import Keras and train a tiny head, so that the first epoch of the next fit is fast."""
    rng = np.random.default_rng(0)
    features, labels = rng.random((8, FEATURE_WIDTH), dtype=np.float32), np.arange(8) % 2
    job = HeadFit(
        train=([features], labels),
        validation=([features], labels),
        shape=HeadShape(n_classes=2),
        plan=FitPlan(batch_size=8, epochs=1),
        standardise=True,
    )
    fit_head(job, folder=None)
