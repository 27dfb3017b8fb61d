"""Read what the page Training shows of runs: the watched run, its epochs, other runs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.errors import PetalscopeError
from core.evaluation.learning import Learning, judge_learning
from core.runs.run_files import curve
from core.runs.store import RunRecord, list_runs, list_trained
from core.ui.parts import cache
from core.ui.parts.choosing import RUN, choose_run, read_asked_run, report_missing
from core.ui.parts.state import is_linked
from core.ui.training.charts import Overlay

_LOG_LINES = 40


@dataclass(frozen=True, kw_only=True)
class WatchedRun:
    """A run with the events that it has reported so far."""

    run: RunRecord
    events: Sequence[dict[str, Any]]

    @cached_property
    def epochs(self) -> list[dict[str, Any]]:
        """Its epochs; in a finished run the best one has its training accuracy."""
        epochs, run = curve(self.events), self.run
        best = next((one for one in epochs if one["epoch"] == run.best_epoch), None)
        if best and best.get("train_accuracy") is None and run.state == "done":
            with suppress(PetalscopeError):
                return cache.result(run.id).curve
        return epochs

    @cached_property
    def learning(self) -> Learning:
        """The verdict on the curves."""
        run = self.run
        ended = run.has_ended or not run.is_going
        return judge_learning(self.epochs, run.best_epoch, run.val_photos or 0, ended=ended)

    @property
    def log(self) -> str:
        """The last lines of its log."""
        log = cache.workspace().run_folder(self.run.id) / "worker.log"
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.exists() else []
        return "\n".join(lines) or "The log is empty."


def read_choice_of_run() -> RunRecord | None:
    """Return the run to watch, if any; report a deleted one."""
    linked = is_linked(RUN)
    runs = [run for run in list_runs(cache.workspace()) if run.recipe.has_model]
    asked, run = read_asked_run(), choose_run(runs)
    if asked is not None and (run is None or run.id != asked):
        report_missing(asked, None if linked else run)
    return run


def read_watched(run: RunRecord) -> WatchedRun:
    """Return the run with its events so far."""
    return WatchedRun(run=run, events=cache.event_tail(run.id).read())


def list_others(run: RunRecord) -> dict[str, RunRecord]:
    """Return the runs to compare this one with, by id, newest first."""
    runs = list_trained(cache.workspace())
    return {other.id: other for other in runs if other.id != run.id and other.epochs_done}


def read_overlay(run: RunRecord) -> Overlay:
    """Return the curve of another run."""
    return Overlay(f"Run {run.number}", curve(cache.event_tail(run.id).read()))
