"""Fits a network epoch by epoch and keeps its best one (keras): a head alone, or stages with it.

The same arguments give the same curve, bit for bit, also when the process is killed at any point
and the call is made again: everything random is seeded from (seed, epoch) when an epoch starts, and
a checkpoint is written when it ends. Every Keras backend trains.
"""

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from core.config import FEATURE_SIZE, fingerprint
from core.errors import RunStopped
from models.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from models.dense import DenseHead, measure_scores, measure_spread
from models.head import Spread, build_head, seed_dropout, to_dense_head
from models.parallel import prepare_devices
from models.plan import EpochResult, FitPlan, HeadShape
from models.schedules import find_best_epoch, find_rate, is_patience_over
from models.sources import KeptViews, Source
from models.stepping import Stepper
from models.usage import UsageSampler

NO_SPREAD: Spread = np.zeros(FEATURE_SIZE, np.float32), np.ones(FEATURE_SIZE, np.float32)

Features = tuple[Sequence[np.ndarray], np.ndarray]
"""One array (m, 2048) float32 a view, and labels (m,) int."""

Tell = Callable[[EpochResult, EpochResult], None]
Ask = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """The curve, and the head of the best epoch: lowest validation loss, the first on ties."""

    history: list[EpochResult]
    best_epoch: int
    head: DenseHead
    """As it was in the best epoch."""
    epochs_done: int
    stopped: bool
    """Whether a person ended it before its last epoch (an end by patience is none)."""


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
    measure: Callable[[Stepper], np.ndarray | None],
    plan: FitPlan,
    *,
    folder: Path | None,
    subject: dict[str, object],
    on_epoch: Tell,
    should_stop: Ask,
    should_end: Ask = lambda: False,
    before: Sequence[EpochResult] = (),
) -> FitResult:
    """Returns the curve, with the model set to its best epoch; goes on from a checkpoint.

    Args:
        model: Inputs of `train` → scores; not compiled. Its trainable variables are fitted.
        measure: Gives the scores of the validation photos, (n, k); None when asked to stop.
        subject: All that decides the fit beside the plan; a checkpoint of another is not used.
        before: Epochs of an earlier phase; one of them may be the best, and `head` is then not its.

    Raises:
        RunStopped: Stopped before the first epoch was complete, with none before.
    """
    timing = asdict(plan)
    if plan.schedule != "cosine":  # more epochs go on from fewer, but for the cosine
        timing.pop("epochs")
    timing.pop("patience")
    past = [{"epoch": epoch.epoch, "loss": epoch.loss} for epoch in before]
    mark = fingerprint({"plan": timing, "subject": subject, "before": past})
    one = _Fit(model, plan, folder, mark, before)
    for number, result in enumerate(one.history[len(before) :], len(before) + 1):
        on_epoch(result, _find_best(one.history[:number]))
    while not one.is_complete and not should_end():
        if not one.run_epoch(train, val_labels, measure, should_stop):
            break
        on_epoch(one.history[-1], one.best)
    return one.conclude()


class _Fit:
    """A network on its way: the model, its curve, and the weights of the best epoch so far."""

    def __init__(
        self,
        model: keras.Model,
        plan: FitPlan,
        folder: Path | None,
        mark: str,
        before: Sequence[EpochResult],
    ) -> None:
        self.history = list(before)
        self._before = len(before)
        self._plan, self._folder, self._mark = plan, folder, mark
        self._stepper = Stepper(model, plan)
        self._best_weights = self._stepper.read_weights()
        kept = read_checkpoint(folder, mark) if folder else None
        if kept and kept.best_epoch <= len(before) + len(kept.history):
            self._stepper.write_state(kept.weights, kept.optimizer, split=kept.split)
            self.history += [EpochResult(**facts) for facts in kept.history]
            self._best_weights = list(kept.best_weights)

    @property
    def own(self) -> list[EpochResult]:
        """The epochs of this phase."""
        return self.history[self._before :]

    @property
    def best(self) -> EpochResult:
        """The best epoch so far, of all phases."""
        return _find_best(self.history)

    @property
    def is_complete(self) -> bool:
        over = bool(self.own) and is_patience_over(self._plan, self.history)
        return over or len(self.own) >= self._plan.epochs

    def run_epoch(
        self,
        train: Source,
        val_labels: np.ndarray,
        measure: Callable[[Stepper], np.ndarray | None],
        should_stop: Ask,
    ) -> bool:
        """Returns whether another epoch was completed; False when a stop was asked for."""
        start, epoch = time.perf_counter(), len(self.history) + 1
        number = len(self.own) + 1
        shuffling, dropping, mixing = np.random.SeedSequence((self._plan.seed, epoch)).spawn(3)
        order = np.random.default_rng(shuffling).permutation(len(train.labels))
        seed_dropout(self._stepper.model, dropping)
        with UsageSampler() as usage:
            seen = self._stepper.run(
                train,
                order,
                number=number,
                rate=lambda step, steps: find_rate(self._plan, self.own, step, steps),
                mixing=np.random.default_rng(mixing),
                should_stop=should_stop,
            )
            trained = time.perf_counter()
            scores = measure(self._stepper) if seen and len(val_labels) else None
        if seen is None or (scores is None and len(val_labels)):
            return False
        val_loss, val_accuracy = measure_scores(scores, val_labels) if scores is not None else _NONE
        used = usage.read()
        self._keep(
            EpochResult(
                epoch=epoch,
                phase="stages" if self._stepper.trains_stages else "head",
                loss=seen.loss,
                accuracy=seen.accuracy,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                learning_rate=seen.learning_rate,
                seconds=time.perf_counter() - start,
                photos_per_second=len(order) / (trained - start),
                batch_size=-(-self._plan.batch_size // self._stepper.split),
                memory_bytes=used.memory_bytes,
                gpu_memory_bytes=used.gpu_memory_bytes,
                gpu_share=used.gpu_share,
            )
        )
        return True

    def _keep(self, result: EpochResult) -> None:
        """Returns nothing; the epoch is in the curve and the checkpoint stands."""
        weights = self._stepper.read_weights()
        self.history.append(result)
        if find_best_epoch(self.history) == result.epoch:
            self._best_weights = weights
        if self._folder is None:
            return
        checkpoint = Checkpoint(
            weights=weights,
            optimizer=self._stepper.read_optimizer(),
            best_weights=self._best_weights,
            best_epoch=find_best_epoch(self.history),
            history=[asdict(epoch) for epoch in self.own],
            split=self._stepper.split,
        )
        write_checkpoint(self._folder, self._mark, checkpoint)

    def conclude(self) -> FitResult:
        """Returns the result; the model has the weights of the best epoch of this phase."""
        if not self.history:
            raise RunStopped(
                "The run was stopped before its first epoch was complete.",
                "Start it again: what was computed before is kept.",
            )
        self._stepper.write_weights(self._best_weights)
        return FitResult(
            history=self.history,
            best_epoch=self.best.epoch,
            head=to_dense_head(self._stepper.model),
            epochs_done=len(self.history),
            stopped=not self.is_complete,
        )


_NONE = (None, None)


def _find_best(history: Sequence[EpochResult]) -> EpochResult:
    return history[find_best_epoch(history) - 1]


def make_deterministic(seed: int) -> None:
    """Returns nothing; equal steps give equal numbers from here on, on all devices there are."""
    prepare_devices()
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
