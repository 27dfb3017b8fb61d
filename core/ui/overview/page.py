"""The overview: the next step, the runs, the datasets, this machine."""

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from core.downloading import is_reachable
from core.errors import WeightsDamaged, WeightsMissing
from core.exact.forecasting import say_more
from core.formats import count, plain, size
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.choosing import find_default
from core.ui.parts.frame import link_page
from core.ui.parts.state import name_visitor
from core.ui.recipes.form import prepare_training, start_run
from core.ui.recipes.run_list import show_runs
from core.ui.recipes.settings import describe_device
from core.ui.recipes.weights import (
    ask_fetch,
    can_be_fetched,
    describe_download,
    find_address,
    find_or_say,
    show_fetch,
)
from data.manifest import DatasetSummary, list_datasets
from models.catalogue import DEFAULT, STARTER
from models.weights import Weights, find_entry, find_weights

_MORE_PHOTOS = 100
_NO_NETWORK = "There is no network just now. With one, weights that learned from photos do better."


@dataclass(frozen=True)
class Overview:
    """Where things stand in the workspace; datasets and runs newest first."""

    datasets: list[DatasetSummary]
    runs: list[RunRecord]
    pretrained: Weights | WeightsMissing | WeightsDamaged
    """The pretrained weights, or why there are none."""

    @property
    def newest_dataset(self) -> DatasetSummary | None:
        """The newest dataset that can be used."""
        return next((entry for entry in self.datasets if not entry.problem), None)

    @property
    def newest_done(self) -> RunRecord | None:
        """The visitor's own newest finished run, else the newest of all."""
        return find_default([run for run in self.runs if run.state == "done"])

    @property
    def unfinished(self) -> RunRecord | None:
        return next((run for run in self.runs if not run.has_ended), None)


def show_overview() -> None:
    """Draw where things stand, and the next step."""
    workspace = cache.workspace()
    overview = Overview(list_datasets(workspace), list_runs(workspace), find_or_say())
    with st.container(border=True):
        _show_next_step(overview)
    left, right = st.columns([3, 2], gap="medium")
    with left.container(border=True):
        st.subheader("Runs", anchor=False)
        show_runs()
    with right.container(border=True):
        st.subheader("Datasets", anchor=False)
        _show_datasets(overview.datasets)
    if overview.newest_dataset is not None:
        with right.container(border=True):
            st.subheader("How many more photos?", anchor=False)
            _show_forecast(overview.newest_dataset)
    with right.container(border=True):
        st.subheader("This machine", anchor=False)
        words, reason = describe_device()
        st.caption(f"{words}: {plain(reason)}")
        _show_weights(overview)


def _show_next_step(overview: Overview) -> None:
    """Draw the one thing to do next: add photos, train, or look at the newest run."""
    if overview.newest_dataset is None:
        st.subheader("Start with photos", anchor=False)
        st.write(
            "Bring a folder or an archive of photos, one folder a class, or draw the sample "
            "flowers and try everything in a minute."
        )
        link_page("dataset", "Add a dataset", "add_photo_alternate")
    elif overview.newest_done is None:
        _offer_quick_start(overview, overview.newest_dataset)
    else:
        _offer_newest(overview.newest_done)


def _offer_quick_start(overview: Overview, dataset: DatasetSummary) -> None:
    prepare_training()
    if overview.unfinished:
        st.subheader("A run is on its way", anchor=False)
        link_page("training", "Watch it", "model_training", run=overview.unfinished.id)
        return
    st.subheader(f"Train on {plain(dataset.name)}", anchor=False)
    st.write(
        "One click trains a classifier on top of a frozen ResNet-50 with sensible settings. You "
        "watch it learn, then see which photos it gets wrong and why."
    )
    weights = overview.pretrained
    if isinstance(weights, Weights):
        with st.container(horizontal=True, vertical_alignment="center"):
            _offer_run(dataset, weights, main=True)
            link_page("training", "Choose the settings yourself", "tune")
    else:
        _offer_weights(dataset, weights)


def _offer_weights(dataset: DatasetSummary, error: WeightsMissing | WeightsDamaged) -> None:
    """Offer the download of the usual weights, and what can be done without a network."""
    entry, second = find_entry(DEFAULT), find_weights(cache.workspace(), STARTER)
    fetched = can_be_fetched(entry) and not isinstance(error, WeightsDamaged)
    if not fetched:
        st.caption(f"{plain(error.problem)} {plain(error.remedy)}")
    state = show_fetch(entry) if fetched else ""
    reachable = is_reachable(find_address(entry)) if fetched and state != "going" else False
    if reachable is None:
        st.fragment(_await_network, run_every="0.5s")(find_address(entry))
    downloads = reachable is not False and state != "failed"
    if fetched and state != "going":
        st.caption(describe_download(entry) if reachable is not False else _NO_NETWORK)
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = {"dataset": dataset.id, "name": dataset.name, "submitter": name_visitor()}
        label = f"Download ImageNet weights ({size(entry.size_bytes)}) and train"
        if downloads:
            ask_fetch(entry, label, main=True, run=wanted)
        _offer_run(dataset, second, main=not downloads and state != "going")
        if fetched and not downloads and state != "going":
            ask_fetch(entry, label, run=wanted)
        link_page("training", "Choose the settings yourself", "tune")


def _await_network(address: str) -> None:
    """Draw nothing; the whole page once it is known whether there is a network."""
    if is_reachable(address) is not None:
        st.rerun()


def _offer_run(dataset: DatasetSummary, weights: Weights, *, main: bool) -> None:
    quick = f"Quick start with {weights.name} weights"
    label = f"Train with {weights.label} weights" if weights.name == DEFAULT else quick
    kind: Literal["primary", "secondary"] = "primary" if main else "secondary"
    if st.button(label, type=kind, icon=":material/play_arrow:", key="start"):
        recipe = Recipe(dataset=dataset.id, weights=weights.name, weights_digest=weights.digest)
        start_run(recipe, dataset.name, open_training=True)


def _offer_newest(run: RunRecord) -> None:
    st.subheader(f"Run {run.number} is done: see what it gets wrong", anchor=False)
    with st.container(horizontal=True):
        link_page("confusion", "Its confusions", "grid_on", run=run.id)
        link_page("metrics", "Its metrics", "monitoring", run=run.id)
        link_page("predict", "Classify a photo", "photo_camera", run=run.id)
        link_page("training", "Train another", "model_training")


def _show_datasets(datasets: list[DatasetSummary]) -> None:
    if not datasets:
        st.caption("None yet.")
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


def _show_forecast(entry: DatasetSummary) -> None:
    """Draw what more photos of a dataset would bring, where its learning curves are drawn."""
    found = cache.forecasts(entry.id)
    if found is None:
        st.caption("Learning curves say what more photos would bring, class by class.")
    else:
        st.markdown(say_more(found.whole, _MORE_PHOTOS, "accuracy"))
    link_page("forecast", f"Forecast of {plain(entry.name, 40)}", "query_stats", dataset=entry.id)
    link_page("lesson", "Learn transfer learning, step by step", "school", dataset=entry.id)


def _show_weights(overview: Overview) -> None:
    """Draw which pretrained weights would be used."""
    weights = overview.pretrained
    if isinstance(weights, Weights):
        st.caption(f":material/key: {plain(weights.label)} weights, from {plain(weights.origin)}")
    else:
        st.caption(f":material/key_off: {plain(weights.problem)}")
