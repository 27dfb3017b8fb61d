"""The first visit of the lesson: one button imports the sample, if needed, and trains a head.

Training caches the features that the lesson rests on.
"""

from typing import NoReturn

import streamlit as st

from core.datasets.importing import ImportJob, read_import, start_import
from core.formats import plain, rough_duration
from core.runs.queue.estimating import estimate_run
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import Recipe
from core.ui.lesson.trained import Trained, follow_running
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.recipes.form import prepare_training
from core.ui.recipes.weights import find_or_say
from data.dataset import Dataset
from data.sources.found import SourceRequest
from models.catalogue import STARTER
from models.weights import Weights, find_weights

_IMPORT = "lesson.import"
"""The import of the sample that this session started."""


def show_preparation(dataset: Dataset | None) -> None:
    """Draw the button that prepares the lesson, then its progress."""
    if dataset is not None and follow_running(Trained(dataset)):
        return
    if (import_id := st.session_state.get(_IMPORT)) is not None:
        status = read_import(cache.workspace(), import_id)
        if status.state == "running":
            st.fragment(_watch_import, run_every="0.5s")(import_id)
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


def _watch_import(import_id: str) -> None:
    """Draw that the import is running, and the whole page again at its end."""
    if read_import(cache.workspace(), import_id).state != "running":
        st.rerun()
    st.progress(0.0, text="Importing the sample photos …")


def _choose_recipe(dataset: Dataset) -> Recipe:
    """Return the recipe of a head with the ImageNet weights, or with the built-in ones."""
    usual = find_or_say()
    weights = usual if isinstance(usual, Weights) else find_weights(cache.workspace(), STARTER)
    return Recipe(dataset=dataset.id, weights=weights.name, weights_digest=weights.digest)


def _train(recipe: Recipe, dataset: Dataset) -> NoReturn:
    submit_run(cache.workspace(), recipe, dataset.name)
    ensure_scheduler(cache.workspace())
    st.rerun()
