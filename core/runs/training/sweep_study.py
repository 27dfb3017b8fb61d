"""What Optuna is asked in a sweep: the next settings, and what the settings explain.

A study is made anew from the trials that ended whenever one is needed: what is asked depends on
them and on (seed, trial) only, never on what else this process did. Optuna is imported inside
functions: only workers need it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.runs.recipe.plans import SPACE, NumberRange, SweepPlan, Value, first_settings
from core.runs.recipe.recipe import Recipe
from core.runs.training.study_results import Importance, TrialResult

if TYPE_CHECKING:
    from optuna import Study, Trial

_STARTUP_TRIALS = 10
"""Trials drawn at random before the sampler learns from them and any is pruned."""
_FIRST_EPOCHS = 2
"""Epochs after which a trial may be pruned."""


def measure_importance(trials: Sequence[TrialResult], vary: Sequence[str]) -> Importance:
    """Returns how much of the differences in accuracy between trials each setting explains.

    A pruned trial counts with what it had reached: left out, the settings that fail at once would
    look as if they did not matter.

    Source: Hutter et al. 2014, "An Efficient Approach for Assessing Hyperparameter Importance"
    (functional ANOVA over a random forest), as in Optuna.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    study = _make_study(trials, vary, seed=0, as_complete=True)
    if len({trial.accuracy for trial in trials}) == 1:  # no difference to explain
        return Importance(shares=dict.fromkeys(vary, 0.0), trials=len(trials))
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return Importance(
        shares={name: float(share) for name, share in shares.items()}, trials=len(trials)
    )


def choose_settings(
    plan: SweepPlan, base: Recipe, trials: Sequence[TrialResult]
) -> tuple["Trial", dict[str, Value]]:
    """Returns the next trial of the study and its settings; the first one is the recipe itself."""
    number = len(trials) + 1
    seed = int(np.random.SeedSequence((plan.seed, number)).generate_state(1)[0])
    study = _make_study(trials, plan.vary, seed=seed)
    if number == 1:
        study.enqueue_trial(first_settings(base, plan.vary))
    trial = study.ask(_distributions(plan.vary))
    settings: dict[str, Value] = {}
    for name, value in trial.params.items():
        space = SPACE[name]
        settings[name] = space.nearest(value) if isinstance(space, NumberRange) else value
    return trial, settings


def _make_study(
    trials: Sequence[TrialResult], vary: Sequence[str], *, seed: int, as_complete: bool = False
) -> "Study":
    """Returns a study in memory that knows the trials, in their order."""
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
    distributions = _distributions(vary)
    for trial in trials:
        pruned = trial.pruned and not as_complete
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
                params=dict(trial.settings),
                distributions=distributions,
                intermediate_values=dict(enumerate(trial.val_accuracy, 1)),
                value=trial.accuracy,
            )
        )
    return study


def _distributions(vary: Sequence[str]) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    found: dict[str, Any] = {}
    for name in vary:
        space = SPACE[name]
        if isinstance(space, NumberRange):
            found[name] = FloatDistribution(
                space.low, space.high, step=space.step, log=space.step is None
            )
        else:
            found[name] = CategoricalDistribution(space.values)
    return found
