"""A sweep: trials of heads on the same features, in the worker that has the run.

Each trial follows from the plan and the trials before it: a sweep that was killed goes on with the
trial it would have made next, and gives the same trials as one that was not. A stop comes between
trials: one that is not complete is dropped. Keras is imported inside functions.
"""

import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RecipeRefused, RunStopped
from core.runs.queue.progress import record_epoch
from core.runs.queue.run_lock import Hold
from core.runs.recipe.fit_plans import plan_head, shape_head
from core.runs.recipe.plans import SweepPlan, base_recipe, change_recipe, check_plan
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord
from core.runs.training.reporting import RunReport
from core.runs.training.study_results import (
    TrialResult,
    append_trial,
    read_importance,
    read_trials,
    sort_trials,
    write_importance,
)
from core.runs.training.sweep_study import choose_settings, measure_importance
from core.workspace import Workspace
from models.plan import FitWatch

if TYPE_CHECKING:
    from optuna import Trial

    from models.fitting import Features
    from models.plan import EpochResult

IMPORTANCE_EVERY = 10
"""Trials between two looks at what the settings explain."""

_log = logging.getLogger("run")


def execute_sweep(
    workspace: Workspace,
    run: RunRecord,
    hold: Hold,
    report: RunReport,
    *,
    train: "Features",
    validation: "Features",
    n_classes: int,
) -> bool:
    """Returns whether a person ended the sweep before its last trial; the trials that ended stand.

    Args:
        train: Features as `models.fitting.fit_head` takes them, one array a view.
        validation: Features of the photos that trials are compared on.

    Raises:
        RecipeRefused: There is no validation photo, or the plan cannot be made.
        RunStopped: A person paused it, or ended it before the first trial was complete.
    """
    assert isinstance(run.plan, SweepPlan)
    check_plan(run.plan)
    if not len(validation[1]):
        raise RecipeRefused(
            "A sweep compares heads on validation photos, and this dataset has none.",
            "Let the recipe draw new splits, or import photos with a validation folder.",
        )
    sweep = _Sweep(workspace, run, report, train, validation, n_classes)
    sweep.tell()
    while sweep.trials_left:
        ended = hold.should_stop() or hold.request() == "stop_after_epoch"
        if ended or not sweep.run_trial(hold):
            sweep.leave(paused=hold.request() == "pause")
            return True
    return False


class _Sweep:
    """A sweep on its way: the trials that ended, and what the next one needs."""

    def __init__(
        self,
        workspace: Workspace,
        run: RunRecord,
        report: RunReport,
        train: "Features",
        validation: "Features",
        n_classes: int,
    ) -> None:
        assert isinstance(run.plan, SweepPlan)
        self._workspace, self._run, self._report = workspace, run, report
        self._plan = run.plan
        self._folder = workspace.run_folder(run.id)
        self._base = base_recipe(run.recipe, run.plan.vary)
        self._photos: dict[str, Any] = {"train": train, "validation": validation}
        self._n_classes = n_classes
        self._trials = read_trials(self._folder)

    @property
    def trials_left(self) -> int:
        return self._plan.trials - len(self._trials)

    def leave(self, *, paused: bool) -> None:
        """Returns nothing when a person ended the sweep for good and a trial is there to keep.

        Raises:
            RunStopped: The sweep is paused, or no trial has ended.
        """
        if paused or not self._trials:
            raise RunStopped(
                "The sweep was stopped before its last trial.",
                "Start it again: the trials that ended are kept.",
            )

    def run_trial(self, hold: Hold) -> bool:
        """Returns whether another trial ended; False when a stop came in between."""
        start = time.perf_counter()
        number = len(self._trials) + 1
        trial, settings = choose_settings(self._plan, self._base, self._trials)
        recipe = change_recipe(self._base, settings)
        twin = next((one for one in self._trials if one.recipe == recipe), None)
        if twin is None:
            curve = self._fit(recipe, trial, hold)
            if curve is None:
                return False
        else:  # the same recipe gives the same numbers
            curve = _Curve(
                list(twin.val_accuracy), list(twin.val_loss), twin.best_epoch, twin.pruned
            )
        result = TrialResult(
            number=number,
            settings=settings,
            recipe=recipe,
            val_accuracy=tuple(curve.accuracy),
            val_loss=tuple(curve.loss),
            best_epoch=curve.best_epoch,
            pruned=curve.pruned,
            seconds=round(time.perf_counter() - start, 3),
        )
        append_trial(self._folder, result)
        self._trials.append(result)
        self.tell()
        return True

    def _fit(self, recipe: Recipe, trial: "Trial", hold: Hold) -> "_Curve | None":
        """Returns the curve of a trial; None when a person stopped it before it ended."""
        from models.fitting import HeadFit, fit_head

        curve = _Curve()

        def note(epoch: "EpochResult", best: "EpochResult") -> None:
            curve.note(epoch, best)
            last = epoch.epoch == recipe.epochs
            trial.report(curve.accuracy[-1], epoch.epoch)
            curve.pruned = bool(not last and trial.should_prune())

        try:
            job = HeadFit(
                **self._photos,
                shape=shape_head(recipe, self._n_classes),
                plan=plan_head(recipe),
                standardise=recipe.standardise,
            )
            watch = FitWatch(
                on_epoch=note, should_stop=hold.should_stop, should_end=lambda: curve.pruned
            )
            fit = fit_head(job, None, watch)
        except RunStopped:
            return None
        return curve if curve.pruned or not fit.stopped else None

    def tell(self) -> None:
        """Returns nothing; the list, the events and the log know how far the sweep is."""
        done, total = len(self._trials), self._plan.trials
        if not done:
            return
        best = sort_trials(self._trials)[0]
        record_epoch(
            self._workspace,
            self._run,
            epochs_done=done,
            best_epoch=best.number,
            best_val_accuracy=best.accuracy,
            best_val_loss=best.loss if math.isfinite(best.loss) else None,
        )
        seconds = [trial.seconds for trial in self._trials]
        left = (total - done) * float(np.mean(seconds))
        self._report.tell_progress(done, total, best=best.accuracy, seconds_left=left)
        last = self._trials[-1]
        _log.info("trial %d of %d: %.4f, best %.4f", done, total, last.accuracy, best.accuracy)
        if done >= IMPORTANCE_EVERY and (done % IMPORTANCE_EVERY == 0 or done == total):
            self._explain()

    def _explain(self) -> None:
        known = read_importance(self._folder)
        if known is None or known.trials != len(self._trials):
            write_importance(self._folder, measure_importance(self._trials, self._plan.vary))


@dataclass
class _Curve:
    """What a trial has told of its epochs so far."""

    accuracy: list[float] = field(default_factory=list)
    loss: list[float | None] = field(default_factory=list)
    best_epoch: int = 0
    pruned: bool = False

    def note(self, epoch: "EpochResult", best: "EpochResult") -> None:
        assert epoch.val_accuracy is not None and epoch.val_loss is not None
        self.accuracy.append(epoch.val_accuracy)
        self.loss.append(epoch.val_loss if math.isfinite(epoch.val_loss) else None)
        self.best_epoch = best.epoch
