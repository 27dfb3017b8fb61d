"""Sensible settings for each strategy: what the form and the command line begin with.

Only what differs from the recipe's own defaults stands here.
"""

from functools import cache
from typing import Any, Literal

from core.runs.recipe.recipe import Strategy

SUGGESTED_VIEWS = 4
"""Views of each photo to begin with, where a policy augments them."""

_FINE_RATE = 1e-4
"""A tenth of the head's: stages that know photos already are to be nudged, not overwritten."""

_SUGGESTED: dict[Strategy, dict[str, Any]] = {
    "head": {"learning_rate": 1e-3, "epochs": 10},
    "last_stage": {"learning_rate": _FINE_RATE, "epochs": 8},
    "full": {"learning_rate": _FINE_RATE, "epochs": 5},
    "two_phases": {
        "learning_rate": 1e-3,
        "fine_learning_rate": _FINE_RATE,
        "epochs": 10,
        "head_epochs": 5,
        "unfrozen": 1,
    },
}


def suggest_settings(strategy: Strategy, device_kind: Literal["cpu", "gpu"]) -> dict[str, Any]:
    """Returns fields of a recipe and the values to begin with for this strategy."""
    mixed = strategy != "head" and (device_kind == "gpu" or _has_bfloat16())
    return {**_SUGGESTED[strategy], "precision": "mixed" if mixed else "float32"}


@cache
def _has_bfloat16() -> bool:
    """Returns whether this CPU computes bfloat16 natively: then mixed precision pays.

    Source: our own measurements, 1.5 times the photos a second in training (2 cores of an AMD EPYC
    with avx512_bf16); without native bfloat16 it is slower.
    """
    from models.backbone import offered_precisions  # OpenVINO: a head needs no answer

    return offered_precisions()[0] == "bf16"
