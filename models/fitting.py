"""Trains a head on features (keras), epoch by epoch, and keeps the best one.

The same arguments give the same curve, bit for bit, also when the process is killed at any point
and the call is made again: everything random is seeded from (seed, epoch) when an epoch starts, and
a checkpoint is written when it ends. Every Keras backend trains.
"""

import math
import tempfile
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
from models.head import build_head, seed_dropout, to_dense_head

_NO_SPREAD = np.zeros(FEATURE_SIZE, np.float32), np.ones(FEATURE_SIZE, np.float32)

Photos = tuple[np.ndarray, np.ndarray]
"""Features (n, 2048) float32 and labels (n,) int of a split."""


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """A point of the curve. Training: means over the epoch, with dropout. Validation: after it."""

    epoch: int
    """From 1."""
    loss: float
    accuracy: float
    val_loss: float | None
    """None without validation photos."""
    val_accuracy: float | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """The curve, and the head of the best epoch: lowest validation loss, the first on ties."""

    history: list[EpochResult]
    best_epoch: int
    head: DenseHead
    epochs_done: int
    stopped: bool
    """Whether a person ended it before its last epoch."""


def fit_head(
    *,
    train: Photos,
    validation: Photos,
    n_classes: int,
    hidden: tuple[int, ...],
    dropout: float,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    seed: int,
    standardise: bool,
    checkpoint_folder: Path,
    on_epoch: Callable[[EpochResult, EpochResult], None],
    should_stop: Callable[[], bool],
) -> FitResult:
    """Returns the best head and the curve; goes on from the checkpoint in the folder, if any.

    Args:
        validation: May be empty: then the training loss decides which epoch is best.
        on_epoch: Told each epoch, and the best so far, once its checkpoint stands. The epochs of a
            checkpoint are told again: the process may have died before it could pass them on.
        should_stop: Asked after each batch and epoch; an epoch that is not complete is dropped.

    Raises:
        RunStopped: Stopped before the first epoch was complete.
    """
    _make_deterministic(seed)
    head = {"n_classes": n_classes, "hidden": list(hidden), "dropout": dropout, "seed": seed}
    steps = {"learning_rate": learning_rate, "batch_size": batch_size, "standardise": standardise}
    digests = [zlib.crc32(np.ascontiguousarray(part).data) for part in (*train, *validation)]
    mean, scale = measure_spread(train[0]) if standardise else _NO_SPREAD
    model = build_head(
        n_classes=n_classes,
        hidden=hidden,
        dropout=dropout,
        learning_rate=learning_rate,
        seed=seed,
        mean=mean,
        scale=scale,
    )
    fit = _Fit(model, checkpoint_folder, fingerprint(head | steps | {"photos": digests}))
    for result in fit.history:
        on_epoch(result, fit.best)
    while len(fit.history) < epochs and fit.run_epoch(
        train, validation, batch_size, seed, should_stop
    ):
        on_epoch(fit.history[-1], fit.best)
    return fit.conclude(epochs)


class _Fit:
    """A head on its way: the model, its curve, and the weights of the best epoch so far."""

    def __init__(self, model: keras.Model, folder: Path, mark: str) -> None:
        self.history: list[EpochResult] = []
        self._model, self._folder, self._mark = model, folder, mark
        self._best_epoch, self._best_weights = 0, model.get_weights()
        model.optimizer.build(model.trainable_variables)
        if checkpoint := read_checkpoint(folder, mark):
            model.set_weights(checkpoint.weights)
            model.optimizer.load_own_variables(
                {str(number): array for number, array in enumerate(checkpoint.optimizer)}
            )
            self.history = [EpochResult(**facts) for facts in checkpoint.history]
            self._best_epoch, self._best_weights = checkpoint.best_epoch, checkpoint.best_weights

    @property
    def best(self) -> EpochResult:
        """The best epoch so far."""
        return self.history[self._best_epoch - 1]

    def run_epoch(
        self,
        train: Photos,
        validation: Photos,
        batch_size: int,
        seed: int,
        should_stop: Callable[[], bool],
    ) -> bool:
        """Returns whether another epoch was completed; False when a stop was asked for."""
        start, epoch = time.perf_counter(), len(self.history) + 1
        shuffling, dropping = np.random.SeedSequence((seed, epoch)).spawn(2)
        order = np.random.default_rng(shuffling).permutation(len(train[1]))
        seed_dropout(self._model, dropping)
        sums = np.zeros(2)  # train_on_batch tells of its batch only
        for first in range(0, len(order), batch_size):
            if should_stop():
                return False
            rows = order[first : first + batch_size]
            sums += len(rows) * _train_on(self._model, train[0][rows], train[1][rows])
        loss, accuracy = (float(mean) for mean in sums / len(order))
        val_loss, val_accuracy = _measure_validation(self._model, validation)
        self._keep(
            EpochResult(
                epoch=epoch,
                loss=loss,
                accuracy=accuracy,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                seconds=time.perf_counter() - start,
            )
        )
        return True

    def _keep(self, result: EpochResult) -> None:
        """Returns nothing; the epoch is in the curve and the checkpoint stands."""
        weights = self._model.get_weights()
        self.history.append(result)
        self._best_epoch = find_best_epoch(self.history)
        if self._best_epoch == result.epoch:
            self._best_weights = weights
        checkpoint = Checkpoint(
            weights=weights,
            optimizer=[variable.numpy() for variable in self._model.optimizer.variables],
            best_weights=self._best_weights,
            best_epoch=self._best_epoch,
            history=[asdict(epoch) for epoch in self.history],
        )
        write_checkpoint(self._folder, self._mark, checkpoint)

    def conclude(self, epochs: int) -> FitResult:
        """Returns the result; the model has the weights of the best epoch."""
        if not self.history:
            raise RunStopped(
                "The run was stopped before its first epoch was complete.",
                "Start it again: what was computed before is kept.",
            )
        self._model.set_weights(self._best_weights)
        return FitResult(
            history=self.history,
            best_epoch=self._best_epoch,
            head=to_dense_head(self._model),
            epochs_done=len(self.history),
            stopped=len(self.history) < epochs,
        )


def find_best_epoch(history: Sequence[EpochResult]) -> int:
    """Returns the first epoch (from 1) of the lowest validation, else training, loss."""
    losses = [epoch.loss if epoch.val_loss is None else epoch.val_loss for epoch in history]
    finite = [loss if math.isfinite(loss) else math.inf for loss in losses]
    return history[int(np.argmin(finite))].epoch


def warm_up() -> None:
    """Returns nothing; a tiny head was trained, so that the first epoch of the next fit is fast."""
    rng = np.random.default_rng(0)
    photos = rng.random((8, FEATURE_SIZE), dtype=np.float32), np.arange(8) % 2
    with tempfile.TemporaryDirectory() as folder:
        fit_head(
            train=photos,
            validation=photos,
            n_classes=2,
            hidden=(),
            dropout=0.5,
            learning_rate=1e-3,
            batch_size=8,
            epochs=1,
            seed=0,
            standardise=True,
            checkpoint_folder=Path(folder),
            on_epoch=lambda *_: None,
            should_stop=lambda: False,
        )


def _train_on(model: keras.Model, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns loss and accuracy of a batch, (2,) float64, as they were before the step on it."""
    one_hot = np.eye(model.output_shape[-1], dtype=np.float32)[labels]
    logs = model.train_on_batch(features, one_hot, return_dict=True)
    return np.array([logs["loss"], logs["accuracy"]], np.float64)


def _measure_validation(model: keras.Model, photos: Photos) -> tuple[float | None, float | None]:
    """Returns loss and accuracy as `model.evaluate` gives them, of the head that will answer."""
    if not len(photos[1]):
        return None, None
    scores = to_dense_head(model).scores(photos[0])
    return measure_scores(scores, photos[1])


def _make_deterministic(seed: int) -> None:
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
