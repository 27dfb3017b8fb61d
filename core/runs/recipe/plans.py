"""What a queued item does besides one training: a sweep of heads, or the search for a rate.

Both start from a recipe and go through the same queue as runs. Standard library only.
"""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from core.errors import RecipeRefused

SWEPT = (
    "learning_rate",
    "batch_size",
    "hidden",
    "dropout",
    "weight_decay",
    "label_smoothing",
)
"""The settings of a head that a sweep may vary."""


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """Trials of heads on the same features; each trial is a recipe of its own."""

    kind: ClassVar[Literal["sweep"]] = "sweep"

    trials: int = 100
    vary: tuple[str, ...] = SWEPT
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class RatePlan:
    """One pass in which the learning rate rises, to find where the loss falls fastest."""

    kind: ClassVar[Literal["rate"]] = "rate"

    lowest: float = 1e-6
    highest: float = 1.0
    steps: int = 100


Plan = SweepPlan | RatePlan


def plan_to_json(plan: Plan) -> str:
    """Returns the plan as one JSON object."""
    return json.dumps({"kind": plan.kind, **dataclasses.asdict(plan)})


def plan_from_json(text: str) -> Plan:
    """Returns the plan that `plan_to_json` wrote.

    Raises:
        RecipeRefused: It is none.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        kind = content.pop("kind")
        if kind == SweepPlan.kind:
            return SweepPlan(**content | {"vary": tuple(content["vary"])})
        if kind == RatePlan.kind:
            return RatePlan(**content)
        raise ValueError(f"unknown kind {kind}")
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise RecipeRefused(
            "This is not a sweep that this version of the program can read.",
            "Start it anew.",
            cause=str(error),
        ) from error
