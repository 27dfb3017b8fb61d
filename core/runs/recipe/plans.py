"""The plan of a sweep: trials that start from a recipe.

The first trial is that recipe. The settings of the others are rounded numbers and names, so that a
trial's recipe follows exactly from its settings.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, ClassVar, Literal

from core.errors import RecipeRefused
from core.formats import count
from core.runs.recipe.recipe import SETTINGS, Recipe, suggest_settings
from core.runs.recipe.settings import parse_units, write_units
from core.runs.recipe.strategies import STRATEGIES, SUGGESTED_VIEWS
from data.policy import PRESETS

Value = float | int | str
MOST_MINUTES = 2880
MOST_TRIALS = 300
"""TensorFlow never frees the graphs of a network, about 10 MB per trial (measured)."""


@dataclass(frozen=True, kw_only=True)
class NumberRange:
    """A number between two ends, in equal steps, or (step None) on a logarithmic scale."""

    low: float
    high: float
    step: float | None = None

    def nearest(self, value: Value) -> float:
        """Return the closest value of the range."""
        inside = min(self.high, max(self.low, float(value)))
        if self.step is None:
            return float(f"{inside:.3g}")
        return round(self.low + round((inside - self.low) / self.step) * self.step, 10)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """A setting with a few values."""

    values: tuple[Value, ...]

    def nearest(self, value: Value) -> Value:
        """Return the value itself."""
        return value


HIDDEN: dict[str, tuple[int, ...]] = {
    "none": (),
    "128": (128,),
    "256": (256,),
    "512": (512,),
    "512 → 128": (512, 128),
}
"""Name → units of the hidden layers in a sweep."""

_STRATEGIES = tuple(name for name, one in STRATEGIES.items() if one.has_epochs)

SPACE: dict[str, NumberRange | Choices] = {
    "learning_rate": NumberRange(low=1e-5, high=0.1),
    "batch_size": Choices(values=(16, 32, 64, 128, 256)),
    "hidden": Choices(values=tuple(HIDDEN)),
    "dropout": NumberRange(low=0.0, high=0.8, step=0.05),
    "weight_decay": NumberRange(low=1e-6, high=0.1),
    "label_smoothing": NumberRange(low=0.0, high=0.3, step=0.01),
    "strategy": Choices(values=_STRATEGIES),
    "augmentation": Choices(values=tuple(PRESETS)),
    "optimizer": Choices(values=tuple(SETTINGS["optimizer"].choices)),
}
"""Setting → its search space."""

SWEPT = ("learning_rate", "batch_size", "hidden", "dropout", "weight_decay", "label_smoothing")
"""Settings that a sweep varies by default."""

MAY_VARY = tuple(SPACE)

SETTING_NAMES = {name: SETTINGS[name].title for name in MAY_VARY}


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """The number of trials, the varied settings and the seed."""

    kind: ClassVar[Literal["sweep"]] = "sweep"

    trials: int = 100
    vary: tuple[str, ...] = SWEPT
    seed: int = 0
    minutes: int | None = None
    """No new trial begins when the trials took this long."""

    @property
    def size(self) -> str:
        """The end of the sweep in words."""
        return count(self.trials, "trial") if self.minutes is None else f"{self.minutes} min"

    def share_done(self, trials: int, seconds: float) -> float:
        """Return the finished share of the plan, 0 to 1."""
        share = trials / self.trials
        if self.minutes is not None:
            share = max(share, seconds / (60 * self.minutes))
        return min(1.0, share)

    def seconds_left(self, seconds: Sequence[float]) -> float:
        """Return the estimated remaining time, by the median time of a trial."""
        left = (self.trials - len(seconds)) * median(seconds)
        return left if self.minutes is None else min(left, max(0, 60 * self.minutes - sum(seconds)))


def plan_to_json(plan: SweepPlan) -> str:
    """Return the plan as one JSON object."""
    content = {"kind": plan.kind, **dataclasses.asdict(plan)}
    if content.get("minutes", 0) is None:  # older sweeps keep their ids
        del content["minutes"]
    return json.dumps(content)


def plan_from_json(text: str) -> SweepPlan:
    """Return the plan that `plan_to_json` wrote.

    Raises:
        RecipeRefused: The text is not a plan.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        if content.pop("kind") != SweepPlan.kind:  # an earlier version also searched for rates
            raise ValueError("no sweep")
        return SweepPlan(**content | {"vary": tuple(content["vary"])})
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        problem = "This sweep cannot be read."
        raise RecipeRefused(problem, "Start a new sweep.", cause=str(error)) from error


def check_plan(plan: SweepPlan) -> None:
    """Check the number of trials, the minutes and the varied settings.

    Raises:
        RecipeRefused: One of them is not allowed.
    """
    limits = (("trials", plan.trials, MOST_TRIALS), ("minutes", plan.minutes, MOST_MINUTES))
    for unit, number, most in limits:
        if number is not None and not 1 <= number <= most:
            problem = f"A sweep cannot have {number:,} {unit}."
            raise RecipeRefused(problem, f"Allowed: 1 to {most:,}.")
    if not plan.vary or not set(plan.vary) <= set(MAY_VARY):
        problem = "The sweep varies nothing, or a setting that cannot be varied."
        raise RecipeRefused(problem, f"Choose from: {', '.join(MAY_VARY)}.")


def check_epochs(recipe: Recipe) -> None:
    """Check that the recipe has epochs.

    Raises:
        RecipeRefused: Its strategy has none.
    """
    if not recipe.has_epochs:
        problem = (
            "The exact head is solved in closed form: it has no learning rate to vary and cannot "
            "be trained further."
        )
        if recipe.is_added:
            problem = "This run was added: its model was not trained here."
        raise RecipeRefused(problem, "Choose another strategy.", field="strategy")


def base_recipe(recipe: Recipe, vary: tuple[str, ...] = SWEPT) -> Recipe:
    """Return the recipe of the trials; AdamW replaces Adam where weight decay is varied."""
    decays = "weight_decay" in vary and "optimizer" not in vary and recipe.optimizer == "adam"
    return replace(recipe, optimizer="adamw") if decays else recipe


def first_settings(recipe: Recipe, vary: Sequence[str]) -> dict[str, Value]:
    """Return the settings of the recipe itself: the first trial."""
    settings = {name: getattr(recipe, name) for name in vary}
    if "hidden" in settings:
        settings["hidden"] = write_units(recipe.hidden) if recipe.hidden else "none"
    if "augmentation" in settings:
        names = {policy: name for name, policy in PRESETS.items()}
        plain = recipe.augmentation.does_nothing
        # A policy of its own is not a preset.
        settings["augmentation"] = "none" if plain else names.get(recipe.augmentation, "own")
    return settings


def find_space(recipe: Recipe, vary: Sequence[str]) -> dict[str, NumberRange | Choices]:
    """Return the search space of each setting, with the recipe's own choice."""
    found: dict[str, NumberRange | Choices] = {}
    for name, own in first_settings(recipe, vary).items():
        space = SPACE[name]
        if isinstance(space, Choices) and own not in space.values:
            values = (*space.values, own)
            space = Choices(values=tuple(sorted(values)) if isinstance(own, int) else values)
        found[name] = space
    if "strategy" in found and recipe.epochs < 2:  # too few for two phases
        names = (name for name in _STRATEGIES if not STRATEGIES[name].starts_with_head)
        found["strategy"] = Choices(values=tuple(names))
    return found


def change_recipe(
    recipe: Recipe, settings: Mapping[str, Value], device_kind: Literal["cpu", "gpu"] = "cpu"
) -> Recipe:
    """Return the recipe with the settings of a trial.

    A new strategy brings its own defaults for the settings that are at a default, as in the form.
    """
    changes: dict[str, Any] = dict(settings)
    if "hidden" in changes:
        changes["hidden"] = parse_units(changes["hidden"])
    strategy = changes.get("strategy", recipe.strategy)
    if strategy != recipe.strategy:
        former = suggest_settings(recipe.strategy, device_kind)
        suited = suggest_settings(strategy, device_kind)
        unchanged = {name for name in suited if getattr(recipe, name) == former[name]}
        changes = {name: suited[name] for name in unchanged} | changes
        epochs = changes.get("epochs", recipe.epochs)
        changes["head_epochs"] = min(recipe.head_epochs, max(1, epochs // 2))
    if "augmentation" in changes:
        changes["augmentation"] = PRESETS.get(changes["augmentation"], recipe.augmentation)
        changes["views"] = SUGGESTED_VIEWS if recipe.augmentation.does_nothing else recipe.views
    return replace(recipe, **changes)


def write_setting(value: Value) -> str:
    """Return the setting in words."""
    return value.replace("_", " ") if isinstance(value, str) else f"{value:g}"
