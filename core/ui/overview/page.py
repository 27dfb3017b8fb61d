"""The overview: the next step, the runs, the datasets, this machine."""

from typing import Literal

import streamlit as st

from core.config import read_settings
from core.downloading import is_reachable
from core.errors import WeightsDamaged, WeightsMissing
from core.formats import count, plain, size
from core.runs.cluster_look import ask_cluster
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.choosing import find_default, list_done
from core.ui.parts.frame import link_page
from core.ui.recipes.form import prepare_training, start_run
from core.ui.recipes.run_list import show_runs
from core.ui.recipes.settings import describe_device
from core.ui.recipes.weights import (
    ask_fetch,
    can_be_fetched,
    describe_download,
    find_or_say,
    show_fetch,
)
from data.manifest import DatasetSummary, list_datasets
from models.catalogue import CATALOGUE, DEFAULT, STARTER
from models.weights import Weights, find_weights

_NO_NETWORK = "There is no network just now. With one, weights that learned from photos do better."


Pretrained = Weights | WeightsMissing | WeightsDamaged
"""The pretrained weights, or why there are none."""


def show_overview() -> None:
    """Draw where things stand, and the next step."""
    datasets, pretrained = list_datasets(cache.workspace()), find_or_say()
    newest = next((entry for entry in datasets if not entry.problem), None)
    with st.container(border=True):
        _show_next_step(newest, pretrained)
    left, right = st.columns([3, 2], gap="medium")
    with left.container(border=True):
        st.subheader("Runs", anchor=False)
        show_runs()
    with right.container(border=True):
        st.subheader("Datasets", anchor=False)
        _show_datasets(datasets)
        if newest is not None:
            said = "Learn transfer learning, step by step"
            link_page("lesson", said, "school", dataset=newest.id)
    with right.container(border=True):
        st.subheader("This machine", anchor=False)
        words, reason = describe_device()
        st.caption(f"{words}: {plain(reason)}")
        if isinstance(pretrained, Weights):
            words = f"{plain(pretrained.label)} weights, from {plain(pretrained.origin)}"
            st.caption(f":material/key: {words}")
        else:
            st.caption(f":material/key_off: {plain(pretrained.problem)}")
        _show_cluster()


@st.fragment(run_every="2s")
def _watch_cluster() -> None:
    """Draw the whole page anew once the cluster has answered."""
    st.caption(":material/lan: Asking the Ray cluster …")
    if (job := ask_cluster(cache.workspace())) is None or job.state != "going":
        st.rerun()


def _show_cluster() -> None:
    """Draw what the Ray cluster of the settings has, if they name one."""
    job = ask_cluster(cache.workspace())
    if job is None:
        return
    if job.state == "going":
        _watch_cluster()
    elif job.state == "failed":
        st.caption(f":material/lan: :red[{plain(job.problem)}] {plain(job.remedy)}")
    else:
        has = job.result
        gpus = f", {count(has['gpus'], 'GPU')}" if has["gpus"] else ""
        words = f"{count(has['nodes'], 'node')}, {count(has['cpus'], 'CPU')}{gpus}"
        st.caption(f":material/lan: Ray cluster: {words}")
        if has["dashboard"]:
            st.link_button("Its dashboard", has["dashboard"], icon=":material/open_in_new:")


def _show_next_step(newest: DatasetSummary | None, pretrained: Pretrained) -> None:
    """Draw the one thing to do next: add photos, train, or look at the newest run."""
    if newest is None:
        st.subheader("Start with photos", anchor=False)
        st.write(
            "Bring a folder or an archive of photos, one folder a class, or add the sample "
            "flowers and try everything in a minute."
        )
        link_page("dataset", "Add a dataset", "add_photo_alternate")
    elif (done := find_default(list_done())) is None:
        _offer_quick_start(newest, pretrained)
    else:
        _offer_newest(done)


def _offer_quick_start(dataset: DatasetSummary, weights: Pretrained) -> None:
    prepare_training()
    unfinished = [run for run in list_runs(cache.workspace()) if not run.has_ended]
    if unfinished:
        st.subheader("A run is on its way", anchor=False)
        link_page("training", "Watch it", "model_training", run=unfinished[0].id)
        return
    if cache.workspace().read_only:
        st.subheader("No run yet", anchor=False)
        return
    st.subheader(f"Train on {plain(dataset.name)}", anchor=False)
    st.write(
        "One click trains a classifier on top of a frozen ResNet-50 with sensible settings. You "
        "watch it learn, then see which photos it gets wrong and why."
    )
    if isinstance(weights, Weights):
        with st.container(horizontal=True, vertical_alignment="center"):
            _offer_run(dataset, weights, main=True)
            link_page("training", "Choose the settings yourself", "tune")
    else:
        _offer_weights(dataset, weights)


def _offer_weights(dataset: DatasetSummary, error: WeightsMissing | WeightsDamaged) -> None:
    """Offer the download of the usual weights, and what can be done without a network."""
    second, address = find_weights(cache.workspace(), STARTER), read_settings().weights_url
    fetched = can_be_fetched() and not isinstance(error, WeightsDamaged)
    if not fetched:
        st.caption(f"{plain(error.problem)} {plain(error.remedy)}")
    state = show_fetch() if fetched else ""
    reachable = is_reachable(address) if fetched and state != "going" else False
    if reachable is None:
        st.fragment(_await_network, run_every="0.5s")(address)
    downloads = reachable is not False and state != "failed"
    if fetched and state != "going":
        st.caption(describe_download() if reachable is not False else _NO_NETWORK)
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = {"dataset": dataset.id, "name": dataset.name}
        label = f"Download ImageNet weights ({size(CATALOGUE[DEFAULT].size_bytes)}) and train"
        if downloads:
            ask_fetch(label, main=True, run=wanted)
        _offer_run(dataset, second, main=not downloads and state != "going")
        if fetched and not downloads and state != "going":
            ask_fetch(label, run=wanted)
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
        cache.for_editors(link_page)("training", "Train another", "model_training")


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
