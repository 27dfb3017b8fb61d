"""Runs that the lesson needs: the first one, and those that it compares.

The first visit imports the sample, if needed, and trains a head, which caches the features.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import NoReturn, get_args

import pandas as pd
import streamlit as st

from core.datasets.importing import ImportJob, read_import, start_import
from core.evaluation.comparison import Comparison
from core.formats import plain, rough_duration
from core.runs.queue.estimating import estimate_run
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe, suggest_settings
from core.runs.recipe.strategies import NOT_TRAINED, STRATEGIES, StrategyName
from core.runs.run_files import curve
from core.runs.store import RunRecord, list_trained
from core.ui.comparing.reading import compare_runs
from core.ui.parts import cache
from core.ui.parts.live_state import follow_job, follow_run, show_progress
from core.ui.parts.messages import show_problem
from core.ui.recipes.form import prepare_training
from core.ui.recipes.weights import find_or_say
from data.dataset import Dataset
from data.sources.found import SourceRequest
from models.catalogue import STARTER
from models.weights import Weights, find_weights

MODEL: StrategyName = "exact"
"""The strategy of the run that answers in all steps, and on the pages that these link to."""


@dataclass(frozen=True, eq=False)
class Trained:
    """Finished and possible runs of a dataset."""

    dataset: Dataset

    @cached_property
    def every(self) -> list[RunRecord]:
        """All runs, newest first."""
        return list_trained(cache.workspace(), self.dataset.id)

    @cached_property
    def runs(self) -> dict[str, RunRecord]:
        """Strategy → its newest finished run, with the weights of the lesson's run."""
        newest: dict[tuple[str, str], RunRecord] = {}
        for run in self.every:
            if run.state == "done":
                newest.setdefault((run.recipe.weights, run.recipe.strategy), run)
        weights = next((weights for weights, name in newest if name == MODEL), None)
        return {name: run for (one, name), run in newest.items() if one == weights}

    @property
    def untrained(self) -> list[Recipe]:
        """Recipes like the lesson's run, with strategies that have no run yet."""
        base, device = self.runs[MODEL].recipe, cache.device()
        return [
            replace(base, strategy=name, **suggest_settings(name, device.kind, device.half))
            for name in get_args(StrategyName)
            if STRATEGIES.get(name, NOT_TRAINED).stages and name not in self.runs
        ]

    def list_epochs(self, chosen: str) -> pd.DataFrame:
        """Return epochs: place (seconds), share, line; the lesson's run is the last, on top."""
        parts = []
        for name in (chosen, MODEL):
            epochs = curve(cache.event_tail(self.runs[name].id).read())
            facts = {
                "place": list(accumulate(float(one["seconds"]) for one in epochs)),
                "share": [one["val_accuracy"] for one in epochs],
                "line": STRATEGIES[name].title,
            }
            parts.append(pd.DataFrame(facts))
        return pd.concat(parts, ignore_index=True)

    def compare(self, chosen: str) -> Comparison:
        """Compare the lesson's run with the chosen one on validation photos."""
        return compare_runs(self.runs[MODEL], self.runs[chosen], "validation").comparison


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


_IMPORT = "lesson.import"
"""The import of the sample that this session started."""


def show_preparation(dataset: Dataset | None) -> None:
    """Draw the button that prepares the lesson, then its progress."""
    if dataset is not None and follow_running(Trained(dataset)):
        return
    if (import_id := st.session_state.get(_IMPORT)) is not None:
        status = read_import(cache.workspace(), import_id)
        if status.state == "running":
            follow_job(cache.workspace().import_folder(import_id), "Importing the sample photos")
            return
        del st.session_state[_IMPORT]
        if dataset is not None:
            _train(_choose_recipe(dataset), dataset)
        show_problem(status.problem, status.remedy)
    if cache.workspace().read_only:
        st.info("The lesson is not prepared, and this workspace is read-only.")
        return
    prepare_training()
    photos, time, recipe = "sample photos of flowers", "20 s", None
    if dataset is not None:
        recipe = _choose_recipe(dataset)
        photos = f"“{plain(dataset.name)}”"
        estimate = estimate_run(cache.workspace(), recipe, dataset)
        time = rough_duration(estimate.seconds) if estimate else "a minute"
        for run in Trained(dataset).every:
            if run.id == recipe.run_id and run.state == "failed":
                show_problem(run.problem or "", run.remedy or "")
    with st.container(border=True):
        st.write(f"The lesson uses {photos}. Preparing it takes about {time}.")
        if cache.edit_button(
            "Prepare the lesson", type="primary", icon=":material/play_arrow:", key="lesson.prepare"
        ):
            if dataset is not None and recipe is not None:
                _train(recipe, dataset)
            sample = ImportJob(request=SourceRequest(kind="sample"), keep=True)
            st.session_state[_IMPORT] = start_import(cache.workspace(), sample)
            st.rerun()


def _choose_recipe(dataset: Dataset) -> Recipe:
    """Return the recipe of an exact head with the ImageNet weights, or with the built-in ones."""
    usual = find_or_say()
    weights = usual if isinstance(usual, Weights) else find_weights(cache.workspace(), STARTER)
    return Recipe(
        dataset=dataset.id,
        weights=weights.name,
        weights_digest=weights.digest,
        strategy=MODEL,
        **suggest_settings(MODEL, "cpu"),
    )


def _train(recipe: Recipe, dataset: Dataset) -> NoReturn:
    submit_run(cache.workspace(), recipe, dataset.name)
    st.rerun()
