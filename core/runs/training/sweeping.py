"""A sweep: trials of a recipe's settings, in the worker that has the run.

Each trial depends only on the plan and the trials before it, so a killed sweep resumes with the
same trials. A stop drops the unfinished trial; its checkpoint stays where stages are trained. Keras
and Optuna are imported inside functions.
"""

import gc
import logging
import math
import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.errors import RecipeRefused, RunStopped
from core.runs.queue.run_lock import Attempt, keep_finite, record_epoch
from core.runs.recipe.plans import base_recipe, change_recipe, check_plan
from core.runs.recipe.recipe import Recipe
from core.runs.training.strategies import Training, TrialFit, describe_head
from core.runs.training.study import (
    TrialResult,
    append_trial,
    choose_settings,
    measure_importance,
    read_importance,
    read_trials,
    sort_trials,
    write_importance,
)
from data.dataset import Dataset
from data.policy import AugmentationPolicy
from models import prefer_convolutions
from models.devices import find_device
from models.plan import EpochResult, FitResult, FitWatch

if TYPE_CHECKING:
    from optuna import Trial

    from models.fitting import Features

IMPORTANCE_EVERY = 10
"""Number of trials between two measurements of the importance."""

_log = logging.getLogger("run")


def execute_sweep(attempt: Attempt, dataset: Dataset, splits: np.ndarray) -> bool:
    """Return whether the sweep was stopped before its last trial.

    Args:
        splits: Split of each photo, (n,) str.

    Raises:
        RecipeRefused: There is no validation photo, or the plan is refused.
        RunStopped: It was paused, or stopped before its first trial was finished.
    """
    assert attempt.run.plan is not None
    check_plan(attempt.run.plan)
    if not np.any(splits == "validation"):
        raise RecipeRefused(
            "A sweep needs validation photos, and this dataset has none.",
            "Let the recipe draw new splits, or import photos with a validation folder.",
        )
    if attempt.run.trains_stages:
        prefer_convolutions()
    return _Sweep(attempt, dataset, splits).run()


class _Sweep:
    """A running sweep with its finished trials."""

    def __init__(self, attempt: Attempt, dataset: Dataset, splits: np.ndarray) -> None:
        run = attempt.run
        assert run.plan is not None
        self._attempt, self._plan, self._folder = attempt, run.plan, attempt.folder
        self._dataset, self._splits = dataset, splits
        self._photos: dict[AugmentationPolicy, tuple[Features, Features]] = {}
        self._trials = read_trials(self._folder)

    @property
    def _share_done(self) -> float:
        spent = sum(trial.seconds for trial in self._trials)
        return self._plan.share_done(len(self._trials), spent)

    def run(self) -> bool:
        """Return whether it was stopped, with one finished trial or more."""
        self._tell()
        attempt = self._attempt
        while self._share_done < 1:
            ended = attempt.should_stop() or attempt.request() == "stop_after_epoch"
            if ended or not self._run_trial():
                if self._trials and attempt.request() != "pause":
                    return True
                problem = "The sweep was stopped before its last trial."
                raise RunStopped(problem, "Start it again: finished trials are stored.")
        return False

    def _run_trial(self) -> bool:
        """Return whether another trial was finished; False after a stop."""
        start = time.perf_counter()
        number = len(self._trials) + 1
        recipe = self._attempt.run.recipe
        trial, settings = choose_settings(self._plan, recipe, self._trials)
        if self._trials:
            base = base_recipe(recipe, self._plan.vary)
            recipe = change_recipe(base, settings, find_device().kind)
        # The same recipe gives the same numbers.
        same = next((one for one in self._trials if one.recipe == recipe), None)
        found = same or self._fit(number, recipe, trial)
        if found is None:
            return False
        seconds = round(time.perf_counter() - start, 3)
        result = replace(found, number=number, settings=settings, seconds=seconds)
        append_trial(self._folder, result)
        shutil.rmtree(self._folder / _name_part(number), ignore_errors=True)
        self._trials.append(result)
        self._tell()
        return True

    def _fit(self, number: int, recipe: Recipe, trial: "Trial") -> TrialResult | None:
        """Return a trial without its settings; None where it was stopped."""
        accuracies: list[float] = []
        losses: list[float | None] = []
        best_epoch, pruned = 0, False

        def note(epoch: EpochResult, best: EpochResult) -> None:
            nonlocal best_epoch, pruned
            assert epoch.val_accuracy is not None and epoch.val_loss is not None
            accuracies.append(epoch.val_accuracy)
            losses.append(epoch.val_loss if math.isfinite(epoch.val_loss) else None)
            trial.report(epoch.val_accuracy, epoch.epoch)
            best_epoch = best.epoch
            pruned = bool(epoch.epoch != recipe.epochs and trial.should_prune())

        watch = FitWatch(
            on_epoch=note,
            should_stop=self._attempt.should_stop,
            should_end=lambda: pruned,
        )
        try:
            fit = self._train(TrialFit(recipe, _name_part(number), watch))
        except RunStopped:
            return None
        if fit.stopped and not pruned:
            return None
        return TrialResult(
            number=number,
            settings={},
            recipe=recipe,
            val_accuracy=tuple(accuracies),
            val_loss=tuple(losses),
            best_epoch=best_epoch,
            pruned=pruned,
            seconds=0.0,
        )

    def _train(self, trial: TrialFit) -> FitResult:
        """Return the fit of a trial; heads with the same augmentation share their features."""
        from models.fitting import fit_head

        recipe = trial.recipe
        if recipe.trained_stages or recipe.augmentation not in self._photos:
            training = Training(self._attempt, self._dataset, self._splits, trial)
        if recipe.trained_stages:
            fit, _ = training.run()
            gc.collect()  # networks are large and have reference cycles
            return fit
        if recipe.augmentation not in self._photos:
            frozen = training.read_features(training.weights)
            self._photos[recipe.augmentation] = training.split_features(frozen)
            training.begin()
        photos = self._photos[recipe.augmentation]
        job = describe_head(recipe, photos, len(self._dataset.classes))
        return fit_head(job, None, trial.watch)

    def _tell(self) -> None:
        """Report the progress to the list, the events and the log."""
        done, minutes = len(self._trials), self._plan.minutes
        if not done:
            return
        best = sort_trials(self._trials)[0]
        numbers = {"epoch": best.number, "val_accuracy": best.accuracy, "val_loss": best.loss}
        record_epoch(self._attempt.workspace, self._attempt.run, done, keep_finite(numbers))
        total = self._plan.trials if minutes is None else minutes
        reached = done if minutes is None else int(self._share_done * total)
        left = self._plan.seconds_left([trial.seconds for trial in self._trials])
        self._attempt.tell_progress(reached, total, best=best.accuracy, seconds_left=left)
        last = self._trials[-1]
        _log.info("trial %d: %.4f, best %.4f", done, last.accuracy, best.accuracy)
        if done >= IMPORTANCE_EVERY and (done % IMPORTANCE_EVERY == 0 or self._share_done >= 1):
            known = read_importance(self._folder)
            if known is None or known.trials != done:
                write_importance(self._folder, measure_importance(self._trials, self._plan.vary))


def _name_part(number: int) -> str:
    return f"trial-{number}"  # the folder of its checkpoints
