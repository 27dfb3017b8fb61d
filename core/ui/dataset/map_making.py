"""Where a map is not made yet: what it needs, the buttons that start it, and how far it is."""

from importlib.util import find_spec

import streamlit as st

from core.datasets.quality.store import (
    MapMethod,
    find_feature_sets,
    read_status,
    start_map,
    start_quality,
)
from core.errors import WeightsDamaged, WeightsMissing
from core.formats import count, duration, plain
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import show_problem
from core.ui.parts.state import keep_choice, read_choice
from data.dataset import Dataset
from models.weights import WeightsKind, find_weights

_JOB = "map_job"


def find_kinds(dataset: Dataset) -> list[WeightsKind]:
    """Returns the kinds of weights whose features of the dataset are kept, pretrained first."""
    found = find_feature_sets(cache.workspace(), dataset.id)
    return list(dict.fromkeys(features.kind for features in found))


def show_map_offer(dataset: Dataset, method: MapMethod) -> None:
    """Draws what a missing map needs, and the buttons that start it."""
    with st.container(border=True):
        if method == "umap" and find_spec("umap") is None:
            st.markdown(
                "**UMAP is not installed.** It is an extra: `.venv/bin/pip install umap-learn`, "
                "then start the workbench again. t-SNE shows much the same."
            )
            return
        kinds = find_kinds(dataset)
        if method == "pca":
            st.markdown(f"**No map yet.** {_say_what_it_needs(dataset, bool(kinds))}")
        else:
            st.markdown(
                f"**Not computed yet.** {count(len(dataset), 'photo')}: from seconds to a few "
                "minutes, once; a process of its own does it, and it is kept."
            )
        _offer(dataset, method, kinds)


def show_making(dataset: Dataset) -> bool:
    """Returns whether a map is being made; then how far it is stands on the page."""
    job = read_choice(_JOB)
    status = read_status(cache.workspace(), job) if job else None
    if job is None or status is None or status.parameters.get("dataset") != dataset.id:
        return False
    if status.state == "going":
        st.fragment(_show_progress, run_every="0.5s")(job)
        return True
    keep_choice(_JOB, None)
    if status.state == "failed":
        show_problem(status.problem, status.remedy)
    return False


def _say_what_it_needs(dataset: Dataset, has_features: bool) -> str:
    if has_features:
        return "The features of the photos are there; the map takes seconds."
    return (
        f"The map places photos that look alike near each other. It needs the features of "
        f"{count(len(dataset), 'photo')}, which a ResNet-50 computes once; runs use them too."
    )


def _offer(dataset: Dataset, method: MapMethod, kinds: list[WeightsKind]) -> None:
    has_pretrained = "pretrained" in kinds or _has_pretrained()
    made = "Make the map" if method == "pca" else "Compute it"
    with st.container(horizontal=True, vertical_alignment="center"):
        if has_pretrained and st.button(made, type="primary", icon=":material/scatter_plot:"):
            _begin(dataset, method, "pretrained")
        words = f"{made} with random weights"
        if ("random" in kinds or not kinds or not has_pretrained) and st.button(
            words, icon=":material/casino:", type="secondary"
        ):
            _begin(dataset, method, "random")
    if not has_pretrained:
        st.caption(
            "There are no pretrained weights here. Random ones show the way; photos of one class "
            "lie nearer together with pretrained ones."
        )
        st.page_link(
            page_file("training"), label="Get pretrained weights", icon=":material/download:"
        )


def _begin(dataset: Dataset, method: MapMethod, weights: WeightsKind) -> None:
    workspace = cache.workspace()
    job = (
        start_quality(workspace, dataset.id, weights)
        if method == "pca"
        else start_map(workspace, dataset.id, weights, method)
    )
    keep_choice(_JOB, job)
    st.rerun()


def _show_progress(job: str) -> None:
    status = read_status(cache.workspace(), job)
    if status is None or status.state != "going":
        st.rerun()
    share = status.done / status.total if status.total else 0.0
    reached = f", {status.done:,} of {status.total:,}" if status.total else " …"
    left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
    st.progress(min(1.0, share), text=f"**Map**: {plain(status.phase)}{reached}{left}")


def _has_pretrained() -> bool:
    try:
        find_weights(cache.workspace(), "pretrained")
    except (WeightsMissing, WeightsDamaged):
        return False
    return True
