"""Fits a network epoch by epoch and keeps its best one (keras): a head alone, or stages with it.

The same arguments give the same curve, bit for bit, also when the process is killed at any point
and the call is made again: everything random is seeded from (seed, epoch) when an epoch starts, and
a checkpoint is written when it ends. Every Keras backend trains.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from core.config import FEATURE_SIZE, fingerprint
from models.dense import measure_spread
from models.fit_state import Ask, FitResult, FitState, Measure, find_best
from models.head import Spread, build_head, to_dense_head
from models.parallel import prepare_devices
from models.plan import EpochResult, FitPlan, HeadShape, KeptViews, Source
from models.stepping import Stepper

__all__ = ["FitResult", "fit", "fit_head", "make_deterministic"]

NO_SPREAD: Spread = np.zeros(FEATURE_SIZE, np.float32), np.ones(FEATURE_SIZE, np.float32)

Features = tuple[Sequence[np.ndarray], np.ndarray]
"""One array (m, 2048) float32 a view, and labels (m,) int."""

Tell = Callable[[EpochResult, EpochResult], None]


def fit_head(
    *,
    train: Features,
    validation: Features,
    head: HeadShape,
    plan: FitPlan,
    standardise: bool,
    checkpoint_folder: Path | None,
    on_epoch: Tell,
    should_stop: Ask,
    should_end: Ask = lambda: False,
) -> FitResult:
    """Returns the best head and the curve; goes on from the checkpoint in the folder, if any.

    Args:
        train: Epochs walk through its views.
        validation: May have no photos: then the training loss decides which epoch is best.
        checkpoint_folder: None: no checkpoint is written.
        on_epoch: Told each epoch, and the best so far, once its checkpoint stands. The epochs of a
            checkpoint are told again: the process may have died before it could pass them on.
        should_stop: Asked after each batch and epoch; an epoch that is not complete is dropped.
        should_end: Asked after each epoch.

    Raises:
        RunStopped: Stopped before the first epoch was complete.
    """
    make_deterministic(plan.seed)
    spread = measure_spread(train[0][0]) if standardise else NO_SPREAD
    parts = (*train[0], train[1], *validation[0], validation[1])
    digests = [zlib.crc32(np.ascontiguousarray(part).data) for part in parts]
    model = build_head(head, spread, plan.seed)

    def measure(_: Stepper) -> np.ndarray:
        return to_dense_head(model).scores(validation[0][0])

    return fit(
        model,
        KeptViews(*train),
        validation[1],
        measure,
        plan,
        folder=checkpoint_folder,
        subject={"head": asdict(head), "standardise": standardise, "photos": digests},
        on_epoch=on_epoch,
        should_stop=should_stop,
        should_end=should_end,
    )


def fit(
    model: keras.Model,
    train: Source,
    val_labels: np.ndarray,
    measure: Measure,
    plan: FitPlan,
    *,
    folder: Path | None,
    subject: dict[str, object],
    on_epoch: Tell,
    should_stop: Ask,
    should_end: Ask = lambda: False,
    before: Sequence[EpochResult] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> FitResult:
    """Returns the curve, with the model set to its best epoch; goes on from a checkpoint.

    Args:
        model: Inputs of `train` → scores; not compiled. Its trainable variables are fitted.
        subject: All that decides the fit beside the plan; a checkpoint of another is not used.
        before: Epochs of an earlier phase; one of them may be the best, and `head` is then not its.
        on_step: Told after each batch how many photos of the epoch are done, and of how many.

    Raises:
        RunStopped: Stopped before the first epoch was complete, with none before.
    """
    timing = asdict(plan)
    if plan.schedule != "cosine":  # more epochs go on from fewer, but for the cosine
        timing.pop("epochs")
    timing.pop("patience")
    past = [{"epoch": epoch.epoch, "loss": repr(epoch.loss)} for epoch in before]
    mark = fingerprint({"plan": timing, "subject": subject, "before": past})
    one = FitState(model, plan, folder, mark, before, on_step)
    for number, result in enumerate(one.history[len(before) :], len(before) + 1):
        on_epoch(result, find_best(one.history[:number]))
    while not one.is_complete and not should_end():
        if not one.run_epoch(train, val_labels, measure, should_stop):
            break
        on_epoch(one.history[-1], one.best)
    return one.conclude()


def make_deterministic(seed: int) -> None:
    """Returns nothing; equal steps give equal numbers from here on, on all devices there are."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    prepare_devices()


def warm_up() -> None:
    """Returns nothing; a tiny head was trained."""
    rng = np.random.default_rng(0)
    features, labels = rng.random((8, FEATURE_SIZE), dtype=np.float32), np.arange(8) % 2
    fit_head(
        train=([features], labels),
        validation=([features], labels),
        head=HeadShape(n_classes=2),
        plan=FitPlan(batch_size=8, epochs=1),
        standardise=True,
        checkpoint_folder=None,
        on_epoch=lambda *_: None,
        should_stop=lambda: False,
    )
