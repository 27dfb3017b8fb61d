"""How a network is fitted: the plan, learning rates and early ends, and where batches come from.

Rates and ends are pure functions of plan and finished epochs. No Keras: pages may read this.
"""

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from core.ahead import work_ahead
from core.config import fingerprint
from models.rows import Rows


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """Everything about the steps of a fit; the fields mean what those of `Recipe` mean."""

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
    """A point of the curve: means while it learned, and what it answers after the epoch."""

    epoch: int
    """From 1, over both phases where there are two."""
    phase: Literal["head", "stages"] = "head"
    """Whether only the head was trained, or stages of the backbone with it."""
    loss: float
    """Of training photos, the mean over the epoch's batches: weights that still change, dropout
    and augmentation on. Not to be compared with `val_loss`; `train_loss` is."""
    accuracy: float
    train_loss: float | None = None
    """Of training photos after the epoch, as validation is measured; None: not measured."""
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
    """Photos on the device at a time; below the recipe's where memory ran out."""
    memory_bytes: int = 0
    """Of the worker process, at the end of the epoch."""
    gpu_memory_bytes: int | None = None
    gpu_share: float | None = None
    """Busy share of the GPU over the epoch, 0 to 1; None on the CPU."""


Tell = Callable[[EpochResult, EpochResult], None]
"""Told each epoch and the best so far, once its checkpoint is written. The epochs of a checkpoint
are told again: the process may have died before it could pass them on."""
Ask = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class FitWatch:
    """Whom a fit tells how far it is, and whom it asks whether to go on."""

    on_epoch: Tell = lambda *_: None
    on_step: Callable[[int, int], None] | None = None
    """Told after each batch how many photos of the epoch are done, and of how many."""
    should_stop: Ask = lambda: False
    """Asked after each batch and epoch; an epoch that is not complete is dropped."""
    should_end: Ask = lambda: False
    """Asked after each epoch."""


UNWATCHED = FitWatch()


@dataclass(frozen=True, kw_only=True, eq=False)
class FitRecord:
    """Where the checkpoints of a fit are kept, and what they belong to."""

    folder: Path | None
    """None: no checkpoint is written."""
    subject: Mapping[str, object] = field(default_factory=dict)
    """All that decides the fit beside the plan; a checkpoint of another is not used."""
    before: Sequence[EpochResult] = ()
    """Epochs of an earlier phase; one of them may be the best."""

    def mark(self, plan: FitPlan) -> str:
        """Return what a checkpoint of this fit is recognised by."""
        timing = asdict(plan)
        if plan.schedule != "cosine":  # more epochs go on from fewer, but for the cosine
            timing.pop("epochs")
        timing.pop("patience")
        past = [{"epoch": epoch.epoch, "loss": repr(epoch.loss)} for epoch in self.before]
        return fingerprint({"plan": timing, "subject": dict(self.subject), "before": past})


PLATEAU_EPOCHS = 2
PLATEAU_FACTOR = 0.5


def find_rate(
    plan: FitPlan, history: Sequence[EpochResult], step: int = 0, steps: int = 1
) -> float:
    """Return the learning rate of a step (from 0) of the epoch that follows the plan's history.

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
    """Return the first epoch of the lowest validation, else training, loss."""
    return min(history, key=_read_loss).epoch


def is_patience_over(plan: FitPlan, history: Sequence[EpochResult]) -> bool:
    """Return whether the last `patience` epochs brought none that is better."""
    if plan.patience is None or not history:
        return False
    best = find_best_epoch(history)
    since = sum(epoch.epoch > best for epoch in history)
    return since >= plan.patience


def _count_plateaus(history: Sequence[EpochResult]) -> int:
    """Return how often the rate was lowered; the wait starts anew each time."""
    lowered, waited, best = 0, 0, math.inf
    for epoch in history:
        loss = _read_loss(epoch)
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited >= PLATEAU_EPOCHS:
            lowered, waited = lowered + 1, 0
    return lowered


def _read_loss(epoch: EpochResult) -> float:
    """Return the loss by which an epoch is judged; infinite where it is not finite."""
    loss = epoch.loss if epoch.val_loss is None else epoch.val_loss
    return loss if math.isfinite(loss) else math.inf


_AHEAD = 4
"""Batches that are ready, in the making or waited for."""


class Source(Protocol):
    """The photos of a split, in whatever shape the network takes them."""

    labels: np.ndarray
    """(m,) int."""

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return what the network takes for these rows, in an epoch (from 1); any thread."""


class KeptViews:
    """Arrays that were computed before, one a view; epochs walk through the views."""

    def __init__(self, views: Sequence[Rows], labels: np.ndarray) -> None:
        self.views = tuple(views)
        self.labels = labels

    def read(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Return the rows of the view whose turn it is."""
        return np.asarray(self.views[(epoch - 1) % len(self.views)][rows])


def read_ahead(
    source: Source, batches: Iterable[np.ndarray], epoch: int
) -> Generator[tuple[np.ndarray, np.ndarray]]:
    """Return (rows, inputs) of each batch in order; a thread reads the next ones meanwhile."""
    return work_ahead(batches, lambda rows: source.read(rows, epoch), 1, _AHEAD)
