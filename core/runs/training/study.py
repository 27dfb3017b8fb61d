"""The study of a sweep: its finished trials on disk, and what Optuna makes of them.

trials.jsonl has one line per finished trial; importance.json says how much each setting matters.
Optuna is imported inside functions: pages and the scheduler read trials without it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import RecipeRefused
from core.runs.recipe.plans import (
    Choices,
    NumberRange,
    SweepPlan,
    Value,
    find_space,
    first_settings,
)
from core.runs.recipe.recipe import Recipe, recipe_from_json, recipe_to_json
from core.runs.run_files import append_line, read_json
from core.workspace import write_json

if TYPE_CHECKING:
    from optuna import Study, Trial

TRIALS_FILE = "trials.jsonl"
IMPORTANCE_FILE = "importance.json"
_STARTUP_TRIALS = 10
"""Trials drawn at random before the sampler learns from them and any is pruned."""
_FIRST_EPOCHS = 2
"""Epochs after which a trial may be pruned."""

_Space = Mapping[str, NumberRange | Choices]


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """A finished trial: its settings and its curve."""

    number: int
    """From 1."""
    settings: Mapping[str, Value]
    recipe: Recipe
    val_accuracy: tuple[float, ...]
    """After each epoch."""
    val_loss: tuple[float | None, ...]
    """After each epoch; None where it was not finite."""
    best_epoch: int
    pruned: bool
    """Stopped early: below the median of the trials before it at that epoch."""
    seconds: float

    @property
    def accuracy(self) -> float:
        """Validation accuracy of the best epoch, which has the lowest validation loss."""
        return self.val_accuracy[self.best_epoch - 1]

    @property
    def loss(self) -> float:
        """Validation loss of the best epoch; infinite where it was not finite."""
        loss = self.val_loss[self.best_epoch - 1]
        return float("inf") if loss is None else loss


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Share of the differences between the trials that each setting explains, largest first."""

    shares: Mapping[str, float]
    trials: int


def sort_trials(trials: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the trials, best first: by accuracy, then lower loss, then number."""
    return sorted(trials, key=lambda trial: (-trial.accuracy, trial.loss, trial.number))


def append_trial(folder: Path, trial: TrialResult) -> None:
    """Append the trial to its file."""
    content = asdict(trial) | {"recipe": json.loads(recipe_to_json(trial.recipe))}
    append_line(folder / TRIALS_FILE, content)


def read_trials(folder: Path) -> list[TrialResult]:
    """Return the finished trials in order, without a line that a kill cut short."""
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
    """Write the importance into the run's folder."""
    write_json(folder / IMPORTANCE_FILE, asdict(importance))


def read_importance(folder: Path) -> Importance | None:
    """Return the importance; None before ten trials are finished."""
    content = read_json(folder / IMPORTANCE_FILE)
    return Importance(**content) if content else None


def is_study_whole(folder: Path, plan: SweepPlan) -> bool:
    """Return whether all trials of the plan are finished."""
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


def measure_importance(trials: Sequence[TrialResult], vary: Sequence[str]) -> Importance:
    """Return the share of the differences in accuracy that each setting explains.

    A pruned trial counts with its last accuracy: else settings that fail would look unimportant.

    Source: Hutter et al. 2014, "An Efficient Approach for Assessing Hyperparameter Importance"
    (functional ANOVA over a random forest), as in Optuna.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    study = make_study(trials, find_space(trials[0].recipe, vary), seed=0, as_complete=True)
    if len({trial.accuracy for trial in trials}) == 1:  # no difference to explain
        return Importance(shares=dict.fromkeys(vary, 0.0), trials=len(trials))
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return Importance(shares={one: float(shares[one]) for one in shares}, trials=len(trials))


def choose_settings(
    plan: SweepPlan, recipe: Recipe, trials: Sequence[TrialResult]
) -> tuple["Trial", dict[str, Value]]:
    """Return the next trial of the study and its settings; the first is the recipe itself."""
    import numpy as np  # the scheduler imports this module

    number = len(trials) + 1
    seed = int(np.random.SeedSequence((plan.seed, number)).generate_state(1)[0])
    space = find_space(trials[0].recipe if trials else recipe, plan.vary)
    study = make_study(trials, space, seed=seed)
    first = first_settings(recipe, plan.vary)
    if number == 1:
        study.enqueue_trial(_clip(space, first))
    trial = study.ask(_distributions(space))
    return trial, first if number == 1 else _clip(space, trial.params)


def _clip(space: _Space, settings: Mapping[str, Value]) -> dict[str, Any]:
    """Return the settings inside the space; the first trial may be outside."""
    return {name: one.nearest(settings[name]) for name, one in space.items()}


def make_study(
    trials: Sequence[TrialResult], space: _Space, *, seed: int, as_complete: bool = False
) -> "Study":
    """Return a study in memory with these trials."""
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(n_startup_trials=_STARTUP_TRIALS, seed=seed),
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=_FIRST_EPOCHS
        ),
    )
    distributions = _distributions(space)
    for trial in trials:
        pruned = trial.pruned and not as_complete
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
                params=_clip(space, trial.settings),
                distributions=distributions,
                intermediate_values=dict(enumerate(trial.val_accuracy, 1)),
                value=trial.accuracy,
            )
        )
    return study


def _distributions(space: _Space) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    found: dict[str, Any] = {}
    for name, one in space.items():
        if isinstance(one, NumberRange):
            found[name] = FloatDistribution(one.low, one.high, step=one.step, log=one.step is None)
        else:
            found[name] = CategoricalDistribution(one.values)
    return found
