"""What sweeps and rate searches leave in their run's folder; pages and command lines read it.

trials.jsonl: a line a finished trial, appended. importance.json: what the settings explain.
rates.json: loss against learning rate. Nothing here needs Optuna or Keras.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import RecipeRefused
from core.runs.recipe.plans import Plan, SweepPlan, Value
from core.runs.recipe.recipe import Recipe, recipe_from_json, recipe_to_json
from core.runs.run_files import append_line, read_json
from core.workspace import write_json

TRIALS_FILE = "trials.jsonl"
IMPORTANCE_FILE = "importance.json"
RATES_FILE = "rates.json"


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """A trial that ended: its settings and how good its head was on the validation photos."""

    number: int
    """From 1."""
    settings: Mapping[str, Value]
    recipe: Recipe
    """Trained as a run it reaches the same numbers."""
    val_accuracy: tuple[float, ...]
    """After each epoch."""
    val_loss: tuple[float | None, ...]
    """After each epoch; None where it was not finite."""
    best_epoch: int
    pruned: bool
    """Ended early: at that epoch it was below the median of the trials before it."""
    seconds: float

    @property
    def accuracy(self) -> float:
        """Validation accuracy of the best epoch (the one with the lowest validation loss)."""
        return self.val_accuracy[self.best_epoch - 1]

    @property
    def loss(self) -> float:
        """Validation loss of the best epoch; infinite where it was not finite."""
        loss = self.val_loss[self.best_epoch - 1]
        return float("inf") if loss is None else loss


@dataclass(frozen=True, kw_only=True)
class Importance:
    """The share of the differences between trials that each setting explains, largest first."""

    shares: Mapping[str, float]
    trials: int
    """How many trials it rests on."""


@dataclass(frozen=True, kw_only=True)
class RateCurve:
    """The loss while the learning rate rose, and the rate that is suggested."""

    rates: tuple[float, ...]
    losses: tuple[float | None, ...]
    """Of one batch each, before the step on it; None where it was not finite."""
    smoothed: tuple[float | None, ...]
    suggestion: float | None
    """Where the smoothed loss falls fastest; None when it never falls."""
    exploded: bool
    """Whether the search ended early because the loss exploded."""
    photos: int
    """Training photos that were learnt from."""
    part: str = "head"
    """What was trained: the head on frozen features."""


def sort_trials(trials: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the trials, best first: accuracy, then the lower loss, then the earlier one."""
    return sorted(trials, key=lambda trial: (-trial.accuracy, trial.loss, trial.number))


def append_trial(folder: Path, trial: TrialResult) -> None:
    """Append the trial to its file, whole."""
    content = asdict(trial) | {"recipe": json.loads(recipe_to_json(trial.recipe))}
    append_line(folder / TRIALS_FILE, content)


def read_trials(folder: Path) -> list[TrialResult]:
    """Return the finished trials in their order; a line cut short by a kill is left out."""
    try:
        lines = (folder / TRIALS_FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    trials: list[TrialResult] = []
    for line in lines:
        trial = _parse_trial(line)
        if trial is not None and trial.number == len(trials) + 1:
            trials.append(trial)
    return trials


def write_importance(folder: Path, importance: Importance) -> None:
    """Write it into the run's folder."""
    write_json(folder / IMPORTANCE_FILE, asdict(importance))


def read_importance(folder: Path) -> Importance | None:
    """Return what the settings explain; None before ten trials are done."""
    content = read_json(folder / IMPORTANCE_FILE)
    return Importance(**content) if content else None


def write_rates(folder: Path, curve: RateCurve) -> None:
    """Write it into the run's folder."""
    write_json(folder / RATES_FILE, asdict(curve))


def read_rates(folder: Path) -> RateCurve | None:
    """Return the curve of a rate search; None while there is none."""
    content = read_json(folder / RATES_FILE)
    if "rates" not in content:
        return None
    lists = {name: tuple(content[name]) for name in ("rates", "losses", "smoothed")}
    return RateCurve(**content | lists)


def is_study_whole(folder: Path, plan: Plan) -> bool:
    """Return whether what the plan asked for is there, all of it."""
    if isinstance(plan, SweepPlan):
        trials = read_trials(folder)
        return plan.share_done(len(trials), sum(trial.seconds for trial in trials)) >= 1
    return read_rates(folder) is not None


def _parse_trial(line: bytes) -> TrialResult | None:
    try:
        content: dict[str, Any] = json.loads(line)
        content["recipe"] = recipe_from_json(json.dumps(content["recipe"]))
        for name in ("val_accuracy", "val_loss"):
            content[name] = tuple(content[name])
        return TrialResult(**content)
    except (ValueError, TypeError, KeyError, RecipeRefused):
        return None
