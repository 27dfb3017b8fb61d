"""Runs that the lesson needs: the first one, and those that it compares."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

import pandas as pd
import streamlit as st

from core.charts.theme import place_epochs
from core.evaluation.comparison import Comparison
from core.formats import rough_duration
from core.runs.queue.estimating import estimate_run
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import Recipe, suggest_settings
from core.runs.recipe.strategies import HEAD, STRATEGIES, StrategyName
from core.runs.run_files import curve
from core.runs.store import RunRecord, list_runs
from core.ui.comparing.reading import compare_runs
from core.ui.parts import cache
from core.ui.parts.live_state import follow_run, show_progress
from core.ui.parts.messages import show_problem
from data.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Trained:
    """Finished and possible runs of a dataset."""

    dataset: Dataset

    @cached_property
    def every(self) -> list[RunRecord]:
        """All runs, newest first."""
        return list_runs(cache.workspace(), self.dataset.id)

    @cached_property
    def runs(self) -> dict[str, RunRecord]:
        """Strategy → its newest finished run, with the weights of the head-only run."""
        newest: dict[tuple[str, str], RunRecord] = {}
        for run in self.every:
            if run.state == "done":
                newest.setdefault((run.recipe.weights, run.recipe.strategy), run)
        weights = next((weights for weights, name in newest if name == HEAD), None)
        return {name: run for (one, name), run in newest.items() if one == weights}

    @property
    def untrained(self) -> list[Recipe]:
        """Recipes like the head-only run, with strategies that have no run yet."""
        if HEAD not in self.runs:
            return []
        base, device = self.runs[HEAD].recipe, cache.device()
        return [
            replace(base, strategy=name, **suggest_settings(name, device.kind, device.half))
            for name in get_args(StrategyName)
            if STRATEGIES[name].stages and name not in self.runs
        ]

    def list_epochs(self, chosen: str) -> pd.DataFrame:
        """Return epochs of the head-only run and the chosen one: place (seconds), share, line."""
        parts = []
        for name in (HEAD, chosen):
            epochs = curve(cache.event_tail(self.runs[name].id).read())
            facts = {
                "place": place_epochs(epochs, by_time=True),
                "share": [one["val_accuracy"] for one in epochs],
                "line": STRATEGIES[name].title,
            }
            parts.append(pd.DataFrame(facts))
        return pd.concat(parts, ignore_index=True)

    def compare(self, chosen: str) -> Comparison:
        """Compare the head-only run with the chosen one on validation photos."""
        return compare_runs(self.runs[HEAD], self.runs[chosen], "validation").comparison


def offer_training(trained: Trained) -> None:
    """Draw the running run, or buttons for the missing ones."""
    if follow_running(trained):
        return
    failed = {run.id: run for run in trained.every if run.state == "failed"}
    for recipe in trained.untrained:
        if run := failed.get(recipe.run_id):
            show_problem(run.problem or "", run.remedy or "")
        title, workspace = STRATEGIES[recipe.strategy].title, cache.workspace()
        time = estimate_run(workspace, recipe, trained.dataset)
        label = f"{title}: about {rough_duration(time.seconds)}" if time else title
        key = f"lesson.train.{recipe.strategy}"
        if cache.edit_button(label, icon=":material/play_arrow:", key=key):
            submit_run(workspace, recipe, title)
            ensure_scheduler(workspace)
            st.rerun()


def follow_running(trained: Trained) -> bool:
    """Draw the run that is running or queued; return False without one."""
    running = next((run for run in reversed(trained.every) if not run.has_ended), None)
    if running is not None:
        follow_run(running, _show_running)
    return running is not None


def _show_running(run: RunRecord) -> None:
    events = cache.event_tail(run.id).read()
    show_progress(run, events, curve(events))
