"""The plan of a fit: learning rates, early stopping and the source of batches.

Rates and stops are pure functions of the plan and the finished epochs. No Keras: pages import this.
"""

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from core.ahead import work_ahead
from core.config import fingerprint
from models.dense import DenseHead
from models.rows import Rows

CHECKPOINT_FILE = "checkpoint.npz"


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """The settings of a fit's steps, as in `Recipe`."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    warmup_epochs: int = 0
    patience: int | None = None
    class_weights: bool = False
    label_smoothing: float = 0.0
    mixup: float = 0.0
    batch_size: int = 32
    epochs: int = 10
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class HeadShape:
    """The head on the pooled features."""

    n_classes: int
    hidden: tuple[int, ...] = ()
    dropout: float = 0.5


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """A point of the curve: means during the epoch, and measurements after it."""

    epoch: int
    """From 1, over both phases where there are two."""
    phase: Literal["head", "stages"] = "head"
    """Whether only the head was trained, or stages of the backbone with it."""
    loss: float
    """Mean of the training photos over the epoch's batches, with dropout and augmentation. Compare
    `train_loss` with `val_loss`, not this."""
    accuracy: float
    train_loss: float | None = None
    """Of the training photos after the epoch, in inference mode; None: not measured."""
    train_accuracy: float | None = None
    val_loss: float | None
    """None without validation photos."""
    val_accuracy: float | None
    learning_rate: float = 0.0
    """At the end of the epoch."""
    seconds: float
    photos_per_second: float = 0.0
    """Training photos only, validation not counted."""
    batch_size: int = 0
    """Photos on the device at a time; less than the recipe's after memory ran out."""


Tell = Callable[[EpochResult, EpochResult], None]
"""Receives each epoch and the best one after the checkpoint is written. After a resume it receives
the epochs of the checkpoint again: the process may have died before."""
Ask = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """The curve, and the head of the best epoch: lowest validation loss, the first on ties."""

    history: list[EpochResult]
    best_epoch: int
    head: DenseHead
    """The head of the best epoch."""
    epochs_done: int
    stopped: bool
    """Whether a person ended it before its last epoch (patience does not count)."""


@dataclass(frozen=True, kw_only=True)
class FitWatch:
    """The listeners of a fit, and its stop signals."""

    on_epoch: Tell = lambda *_: None
    on_step: Callable[[int, int], None] | None = None
    """Receives the finished photos of the epoch after each batch, and their total."""
    should_stop: Ask = lambda: False
    """Asked several times within an epoch, between batches; an incomplete epoch is dropped."""
    should_end: Ask = lambda: False
    """Asked after each epoch."""


UNWATCHED = FitWatch()


@dataclass(frozen=True, kw_only=True, eq=False)
class FitRecord:
    """The folder of checkpoints, and the facts that identify the fit."""

    folder: Path | None
    """None: no checkpoint is written."""
    subject: Mapping[str, object] = field(default_factory=dict)
    """Everything but the plan that decides the fit."""
    before: Sequence[EpochResult] = ()
    """Epochs of an earlier phase."""

    def mark(self, plan: FitPlan) -> str:
        """Return the id of the fit, written into its checkpoints."""
        timing = asdict(plan)
        if plan.schedule != "cosine":  # a run may get more epochs, except with cosine
            timing.pop("epochs")
        timing.pop("patience")
        past = [{"epoch": epoch.epoch, "loss": repr(epoch.loss)} for epoch in self.before]
        return fingerprint({"plan": timing, "subject": dict(self.subject), "before": past})


PLATEAU_EPOCHS = 2
PLATEAU_FACTOR = 0.5


def find_rate(
    plan: FitPlan, history: Sequence[EpochResult], step: int = 0, steps: int = 1
) -> float:
    """Return the learning rate of a step (from 0) in the epoch after this history.

    Source: cosine after Loshchilov & Hutter 2016, "SGDR", without restarts; warm-up is linear.
    """
    if plan.schedule == "plateau":
        return plan.learning_rate * PLATEAU_FACTOR ** _count_plateaus(history)
    if plan.schedule == "constant":
        return plan.learning_rate
    epoch = len(history) + step / steps
    if epoch < plan.warmup_epochs:
        return plan.learning_rate * (epoch + 1 / steps) / plan.warmup_epochs
    share = (epoch - plan.warmup_epochs) / max(plan.epochs - plan.warmup_epochs, 1)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def find_best_epoch(history: Sequence[EpochResult]) -> int:
    """Return the first epoch with the lowest validation loss, or training loss without photos."""
    return min(history, key=_read_loss).epoch


def is_patience_over(plan: FitPlan, history: Sequence[EpochResult]) -> bool:
    """Return whether the last `patience` epochs did not improve."""
    if plan.patience is None or not history:
        return False
    best = find_best_epoch(history)
    since = sum(epoch.epoch > best for epoch in history)
    return since >= plan.patience


def _count_plateaus(history: Sequence[EpochResult]) -> int:
    """Return how often the rate was lowered; the wait restarts each time."""
    lowered, waited, best = 0, 0, math.inf
    for epoch in history:
        loss = _read_loss(epoch)
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited >= PLATEAU_EPOCHS:
            lowered, waited = lowered + 1, 0
    return lowered


def _read_loss(epoch: EpochResult) -> float:
    """Return the loss that judges an epoch; infinite where it is not finite."""
    loss = epoch.loss if epoch.val_loss is None else epoch.val_loss
    return loss if math.isfinite(loss) else math.inf


_AHEAD = 4
"""Batches that are read ahead."""


class Source(Protocol):
    """The photos of a split as input of a network."""

    labels: np.ndarray
    """(m,) int."""

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return the input of these rows in an epoch (from 1); called in any thread."""


class KeptViews:
    """Cached arrays, one per view; epochs take turns with the views."""

    def __init__(self, views: Sequence[Rows], labels: np.ndarray) -> None:
        self.views = tuple(views)
        self.labels = labels

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return the rows of the epoch's view."""
        return np.asarray(self.views[(epoch - 1) % len(self.views)][rows])


def read_ahead(
    source: Source, batches: Iterable[np.ndarray], epoch: int
) -> Generator[tuple[np.ndarray, np.ndarray]]:
    """Return (rows, inputs) of each batch in order; a thread reads ahead."""
    return work_ahead(batches, lambda rows: source.read(rows, epoch), 1, _AHEAD)
