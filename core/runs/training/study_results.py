"""What sweeps leave in their run's folder; pages and command lines read it.

trials.jsonl: a line a finished trial, appended. importance.json: what the settings explain.
Nothing here needs Optuna or Keras.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import RecipeRefused
from core.runs.recipe.plans import SweepPlan, Value
from core.runs.recipe.recipe import Recipe, recipe_from_json, recipe_to_json
from core.runs.run_files import append_line, read_json
from core.workspace import write_json

TRIALS_FILE = "trials.jsonl"
IMPORTANCE_FILE = "importance.json"


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


def is_study_whole(folder: Path, plan: SweepPlan) -> bool:
    """Return whether what the plan asked for is there, all of it."""
    trials = read_trials(folder)
    return plan.share_done(len(trials), sum(trial.seconds for trial in trials)) >= 1


def _parse_trial(line: bytes) -> TrialResult | None:
    try:
        content: dict[str, Any] = json.loads(line)
        content["recipe"] = recipe_from_json(json.dumps(content["recipe"]))
        for name in ("val_accuracy", "val_loss"):
            content[name] = tuple(content[name])
        return TrialResult(**content)
    except (ValueError, TypeError, KeyError, RecipeRefused):
        return None
