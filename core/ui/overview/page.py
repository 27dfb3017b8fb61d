"""The overview: the next step, the newest runs, the datasets."""

from typing import Literal

import pandas as pd
import streamlit as st

from core.config import read_settings
from core.datasets.importing import ImportJob, start_import
from core.downloading import is_reachable
from core.errors import WeightsDamaged, WeightsMissing
from core.formats import count, moment, percent_number, plain, size
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_runs
from core.ui.adding.page import IMPORT
from core.ui.parts import cache
from core.ui.parts.choosing import find_default, list_done
from core.ui.parts.frame import link_page, page_file
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import title_run
from core.ui.recipes.form import prepare_training, start_run
from core.ui.recipes.weights import ask_fetch, can_be_fetched, find_or_say, show_fetch
from data.manifest import DatasetSummary, list_datasets
from data.sources.found import SourceRequest
from models.catalogue import CATALOGUE, DEFAULT, STARTER
from models.weights import Weights, find_weights

_MOST_RUNS = 10
Pretrained = Weights | WeightsMissing | WeightsDamaged
"""The ImageNet weights, or why there are none."""


def show_overview() -> None:
    """Draw the next step, then runs and datasets."""
    datasets, pretrained = list_datasets(cache.workspace()), find_or_say()
    newest = next((entry for entry in datasets if not entry.problem), None)
    with st.container(border=True):
        _show_next_step(newest, pretrained)
    if not datasets:
        return
    left, right = st.columns([3, 2], gap="medium")
    with left.container(border=True):
        st.subheader("Runs", anchor=False)
        going = any(not run.has_ended for run in list_runs(cache.workspace()))
        st.fragment(_show_runs, run_every="2s" if going else None)(going)
    with right.container(border=True):
        st.subheader("Datasets", anchor=False)
        _show_datasets(datasets)
        if newest is not None:
            link_page("lesson", "Learn transfer learning", "school", dataset=newest.id)


def _show_next_step(newest: DatasetSummary | None, pretrained: Pretrained) -> None:
    """Draw the next thing to do: add photos, train, or look at the newest finished run."""
    if newest is None:
        st.subheader("Start with photos", anchor=False)
        with st.container(horizontal=True, vertical_alignment="center"):
            _offer_sample()
            link_page("dataset", "Add your own photos", "add_photo_alternate")
    elif (done := find_default(list_done())) is None:
        _offer_quick_start(newest, pretrained)
    else:
        st.subheader(f"Run {done.number} is finished: see its mistakes", anchor=False)
        with st.container(horizontal=True):
            link_page("confusion", "Confusion", "grid_on", run=done.id)
            link_page("metrics", "Metrics", "monitoring", run=done.id)
            link_page("predict", "Classify a photo", "photo_camera", run=done.id)
            cache.for_editors(link_page)("training", "Train another", "model_training")


@cache.for_editors
def _offer_sample() -> None:
    if st.button("Open the sample flowers", type="primary", icon=":material/local_florist:"):
        job = ImportJob(request=SourceRequest(kind="sample"), keep=True)
        address = {IMPORT: start_import(cache.workspace(), job)}
        st.switch_page(page_file("dataset"), query_params=address)


def _offer_quick_start(dataset: DatasetSummary, weights: Pretrained) -> None:
    prepare_training()
    unfinished = [run for run in list_runs(cache.workspace()) if not run.has_ended]
    if unfinished:
        st.subheader("The first run is in progress", anchor=False)
        link_page("training", "Watch", "model_training", run=unfinished[0].id)
        return
    if cache.workspace().read_only:
        st.subheader("No run yet", anchor=False)
        return
    st.subheader(f"Train on {plain(dataset.name)}", anchor=False)
    if isinstance(weights, Weights):
        with st.container(horizontal=True, vertical_alignment="center"):
            _offer_run(dataset, weights, main=True)
            link_page("training", "Choose the settings", "tune")
    else:
        _offer_weights(dataset, weights)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Trained elsewhere already?", width="content")
        link_page("models", "Add the model", "upload_file", dataset=dataset.id)
        link_page("runs", "Add its predictions", "table", dataset=dataset.id)


def _offer_weights(dataset: DatasetSummary, error: WeightsMissing | WeightsDamaged) -> None:
    """Draw the buttons that train: with downloaded weights, and with the built-in ones."""
    address = read_settings().weights_url
    fetched = can_be_fetched() and not isinstance(error, WeightsDamaged)
    if not fetched:
        st.caption(f"{plain(error.problem)} {plain(error.remedy)}")
    state = show_fetch() if fetched else ""
    offers = fetched and state != "running"
    reachable = is_reachable(address) if offers else False
    main = offers and reachable is not False and state != "failed"
    label = f"Download ImageNet weights ({size(CATALOGUE[DEFAULT].size_bytes)}) and train"
    wanted = {"dataset": dataset.id, "name": dataset.name}
    # No button moves when the network is known: a click would miss it.
    with st.container(horizontal=True, vertical_alignment="center"):
        if offers:
            ask_fetch(label, main=main, run=wanted)
        second = find_weights(cache.workspace(), STARTER)
        _offer_run(dataset, second, main=not main and state != "running")
        link_page("training", "Choose the settings", "tune")
    if offers and reachable is False:
        st.caption("You are offline. ImageNet weights would give better results.")
    if reachable is None:
        st.fragment(_await_network, run_every="0.5s")(address)


def _await_network(address: str) -> None:
    """Draw the whole page again as soon as it is known whether there is a network."""
    if is_reachable(address) is not None:
        st.rerun()


def _offer_run(dataset: DatasetSummary, weights: Weights, *, main: bool) -> None:
    usual = weights.name == DEFAULT
    label = f"Train with {weights.label} weights" if usual else "Train with the built-in weights"
    kind: Literal["primary", "secondary"] = "primary" if main else "secondary"
    if st.button(label, type=kind, icon=":material/play_arrow:", key="start"):
        recipe = Recipe(dataset=dataset.id, weights=weights.name, weights_digest=weights.digest)
        start_run(recipe, dataset.name, open_training=True)


def _show_runs(was_going: bool) -> None:
    """Draw the newest runs."""
    with report_errors():  # errors of a fragment do not reach those of its page
        runs = list_runs(cache.workspace())
        if was_going and all(run.has_ended for run in runs):
            st.rerun()  # the whole page: polling stops
        if not runs:
            st.caption("No run yet.")
            return
        names = {entry.id: entry.name for entry in list_datasets(cache.workspace())}
        st.dataframe(
            pd.DataFrame([_describe(run, names) for run in runs[:_MOST_RUNS]]),
            hide_index=True,
            column_config={
                "Accuracy": st.column_config.NumberColumn(
                    format="%.3g %%", help="Validation accuracy of the best epoch."
                ),
                "n": st.column_config.NumberColumn(width=60, help="Validation photos."),
            },
            placeholder="",
            alt="The newest runs",
        )
        link_page("runs", f"All runs ({len(runs):,})", "compare_arrows")


def _describe(run: RunRecord, names: dict[str, str]) -> dict[str, object]:
    accuracy, n = run.best_val_accuracy, run.val_photos or 0
    return {
        "Run": title_run(run),
        "Accuracy": None if accuracy is None else percent_number(accuracy, n),
        "n": run.val_photos,
        "State": "stopped" if run.stopped else run.state,
        "Dataset": names.get(run.recipe.dataset, run.recipe.dataset),
        "Created": moment(run.created),
    }


def _show_datasets(datasets: list[DatasetSummary]) -> None:
    for entry in datasets:
        if entry.problem:
            st.caption(f":red[{plain(entry.name or entry.id)}: {plain(entry.problem)}]")
            continue
        link_page(
            "dataset",
            f"**{plain(entry.name, 40)}** · {count(entry.photos, 'photo')} · "
            f"{count(entry.classes, 'class')}",
            "photo_library",
            dataset=entry.id,
        )
