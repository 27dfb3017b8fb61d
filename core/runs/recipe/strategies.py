"""The strategies: what each trains, what it says of itself, what it begins with.

A new strategy is an entry here: recipe, words, form, command line, estimates and training code read
these facts and ask for no name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

StrategyName = Literal["head", "last_stage", "full", "two_phases", "exact"]
STAGES = 5
"""Stages of ResNet-50, conv1 to conv5."""
HEAD: StrategyName = "head"
"""What sweeps and searches for a rate train, and a recipe that says nothing."""
SUGGESTED_VIEWS = 4
"""Views of each photo to begin with, where a policy augments them."""
_FINE_RATE = 1e-4
"""A tenth of the head's: stages that know photos already are to be nudged, not overwritten."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way of training: the head alone, stages of the backbone, or one after the other."""

    title: str
    words: str
    """In a table of settings."""
    sentence: str
    head_alone: bool
    """Whether epochs begin in which only the head is trained, on frozen features."""
    stages: int | None
    """How many of the last stages are trained; None: as many as the recipe's `unfrozen`."""
    suggested: Mapping[str, Any] = field(default_factory=dict)
    """Settings to begin with, where they are not the recipe's defaults."""
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
        sentence="The network stays as it is; a small classifier learns from its kept features.",
        head_alone=True,
        stages=0,
    ),
    "last_stage": Strategy(
        title="Last stage",
        words="last stage",
        sentence="conv5 learns, too, from what the frozen stages before it computed once.",
        head_alone=False,
        stages=1,
        suggested={"learning_rate": _FINE_RATE, "epochs": 8},
    ),
    "full": Strategy(
        title="Full fine-tuning",
        words="full fine-tuning",
        sentence="All of the network learns, from photos augmented anew in every epoch.",
        head_alone=False,
        stages=STAGES,
        suggested={"learning_rate": _FINE_RATE, "epochs": 5},
    ),
    "two_phases": Strategy(
        title="Two phases",
        words="two phases",
        sentence="First the head alone, then the last stages with it, at a lower rate.",
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
SUGGESTED = tuple(dict.fromkeys(name for one in STRATEGIES.values() for name in one.suggested))
"""Settings whose value to begin with depends on the strategy alone."""


def suggest_precision(strategy: StrategyName, device_kind: Literal["cpu", "gpu"], half: str) -> str:
    """Return the precision to begin with: mixed where stages are trained and it pays here.

    Args:
        half: What a GPU has units for (models/devices.py); empty: nothing.
    """
    if STRATEGIES[strategy].stages == 0:
        return "float32"
    pays = bool(half) if device_kind == "gpu" else _has_bfloat16()
    return "mixed" if pays else "float32"


@cache
def _has_bfloat16() -> bool:
    """Return whether this CPU computes bfloat16 natively: then mixed precision pays.

    Source: our own measurements, 1.5 times the photos a second in training (2 cores of an AMD EPYC
    with avx512_bf16); without native bfloat16 it is slower.
    """
    from models.backbone import offered_precisions  # OpenVINO: a head needs no answer

    return offered_precisions()[0] == "bf16"
