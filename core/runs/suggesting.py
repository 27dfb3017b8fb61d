"""Sensible settings for each strategy: what the form and the command line begin with.

Only what differs from the recipe's own defaults stands here. Standard library only.
"""

from typing import Any, Literal

from core.runs.recipe import Strategy

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
    precision = "mixed" if device_kind == "gpu" and strategy != "head" else "float32"
    return {**_SUGGESTED[strategy], "precision": precision}
