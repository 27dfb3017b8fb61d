"""How a network is fitted, and what an epoch of it gives. No Keras here: pages may read this."""

from dataclasses import dataclass
from typing import Literal


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
    """A point of the curve. Training: means over the epoch, with dropout. Validation: after it."""

    epoch: int
    """From 1, over both phases where there are two."""
    phase: Literal["head", "stages"] = "head"
    """Whether only the head was trained, or stages of the backbone with it."""
    loss: float
    accuracy: float
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
