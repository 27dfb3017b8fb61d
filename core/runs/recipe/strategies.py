"""The strategies: which part of the network each trains, its words and its defaults.

A new strategy is an entry here: all other code reads these facts and asks for no name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

StrategyName = Literal["head", "last_stage", "full", "two_phases", "exact", "added"]
ADDED: StrategyName = "added"
"""Stands for a strategy where the predictions were made elsewhere."""
STAGES = 5
"""Stages of ResNet-50, conv1 to conv5."""
HEAD: StrategyName = "head"
"""The default strategy."""
SUGGESTED_VIEWS = 4
"""Default views per photo with an augmentation policy."""
_FINE_RATE = 1e-4
"""A tenth of the head's rate: pretrained stages should change little."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way of training: the head, stages of the backbone, or one after the other."""

    title: str
    words: str
    """Name in a table of settings."""
    sentence: str
    head_alone: bool
    """Whether it begins with epochs that train only the head."""
    stages: int | None
    """How many of the last stages are trained; None: the recipe's `unfrozen`."""
    suggested: Mapping[str, Any] = field(default_factory=dict)
    """Initial settings that differ from the recipe's defaults."""
    has_epochs: bool = True
    """Whether it learns step by step; else it is solved at once, stored as one epoch."""
    loss: str = "categorical cross-entropy"

    @property
    def starts_with_head(self) -> bool:
        return self.head_alone and self.stages != 0


STRATEGIES: Mapping[str, Strategy] = {
    "head": Strategy(
        title="Head on frozen features",
        words="head",
        sentence="Trains a small classifier on cached features; the backbone stays frozen.",
        head_alone=True,
        stages=0,
    ),
    "last_stage": Strategy(
        title="Last stage",
        words="last stage",
        sentence="Also trains conv5, on cached activations of the stages before it.",
        head_alone=False,
        stages=1,
        suggested={"learning_rate": _FINE_RATE, "epochs": 8},
    ),
    "full": Strategy(
        title="Full fine-tuning",
        words="full fine-tuning",
        sentence="Trains the whole network on photos that are augmented in every epoch.",
        head_alone=False,
        stages=STAGES,
        suggested={"learning_rate": _FINE_RATE, "epochs": 5},
    ),
    "two_phases": Strategy(
        title="Two phases",
        words="two phases",
        sentence="First the head, then the last stages with it, at a lower learning rate.",
        head_alone=True,
        stages=None,
    ),
    "exact": Strategy(
        title="Exact head",
        words="exact head",
        sentence="Ridge regression in closed form on cached features; takes seconds.",
        head_alone=True,
        stages=0,
        suggested={"epochs": 1},
        has_epochs=False,
        loss="squared error (ridge)",
    ),
}
NOT_TRAINED = Strategy(
    title="Added predictions",
    words="added predictions",
    sentence="The predictions were made by another program.",
    head_alone=False,
    stages=0,
    has_epochs=False,
    loss="",
)
"""Takes the place of a strategy in a run of added predictions."""
ADDED_MODEL = replace(
    NOT_TRAINED,
    title="Added model",
    words="added model",
    sentence="The model was trained by another program.",
)
SUGGESTED = tuple(dict.fromkeys(name for one in STRATEGIES.values() for name in one.suggested))
"""Settings whose initial value depends on the strategy."""


def suggest_precision(
    strategy: StrategyName, device_kind: Literal["cpu", "gpu"], half: str
) -> Literal["float32", "mixed"]:
    """Return the initial precision: mixed where stages are trained and the device supports it."""
    if STRATEGIES[strategy].stages == 0:
        return "float32"
    pays = bool(half) if device_kind == "gpu" else _has_bfloat16()
    return "mixed" if pays else "float32"


@cache
def _has_bfloat16() -> bool:
    """Return whether this CPU computes bfloat16 natively, so that mixed precision is faster.

    Source: our measurements, 1.5 times the photos per second (2 cores of an AMD EPYC with
    avx512_bf16).
    """
    from models.backbone import offered_precisions  # imports OpenVINO

    return offered_precisions()[0] == "bf16"
