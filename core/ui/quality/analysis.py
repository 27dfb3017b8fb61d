"""The analysis that needs features: offered, started, watched while it goes; it outlives the page.

What goes is found in the workspace, not in the session: a reload, another browser or a restarted
server shows the same bar.
"""

from typing import Literal

import streamlit as st

from core.datasets.quality.store import find_feature_sets, read_status, start_quality
from core.errors import PetalscopeError
from core.formats import count, duration, plain
from core.runs.jobs import JobStatus
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, show_problem, show_random_banner
from core.ui.parts.state import keep_choice, read_choice
from data.dataset import Dataset
from models.weights import WeightsKind, find_weights

_CHOICE = "analysis"


def show_analysis(dataset: Dataset, *, wanted: bool) -> None:
    """Draws where the analysis stands: going, failed, offered, or done.

    Args:
        dataset: What is analysed.
        wanted: Whether the chosen finding needs it; otherwise only one that goes or failed shows.
    """
    identifier = _find_job(dataset)
    status = read_status(cache.workspace(), identifier) if identifier else None
    result = cache.quality(dataset.id)
    if identifier and status and status.state == "going":
        st.fragment(_watch, run_every="1s")(identifier)
        return
    if identifier and status and status.state == "failed" and read_choice(_CHOICE) == identifier:
        show_problem(status.problem, status.remedy)
    if not wanted:
        return
    if result is None:
        _offer(dataset)
        return
    if result.weights == "random":
        show_random_banner()
        if _ask_start("pretrained", "secondary"):
            _start(dataset, "pretrained")
    st.caption(f"Analysed with the features “{plain(result.features_label)}”.")


def _find_job(dataset: Dataset) -> str | None:
    """Returns the job of this dataset that goes, else the one the URL names."""
    workspace, named = cache.workspace(), read_choice(_CHOICE)
    for folder in sorted(workspace.analyses.glob("[!.]*/job.json")):
        status = read_status(workspace, folder.parent.name)
        if status and status.parameters.get("dataset") == dataset.id:
            is_quality = status.parameters.get("kind") == "quality"
            if is_quality and (status.state == "going" or folder.parent.name == named):
                return folder.parent.name
    return None


def _watch(identifier: str) -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        status = read_status(cache.workspace(), identifier)
        if status is None or status.state != "going":
            st.rerun()  # the whole page: what was found is known now
        _show_progress(status)


def _show_progress(status: JobStatus) -> None:
    share = min(1.0, status.done / status.total) if status.total else 0.0
    # Steps of the analysis are few and unequal; only photos have a pace that says how long.
    words = f"{status.done:,} of {status.total:,}" if status.total else "…"
    left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
    st.progress(share, text=f"**Analysing** · {plain(status.phase)}, {words}{left}")


def _offer(dataset: Dataset) -> None:
    kept = [found.kind for found in find_feature_sets(cache.workspace(), dataset.id)]
    with st.container(border=True):
        st.subheader("This needs the features of the photos", anchor=False)
        st.write(
            "A backbone turns each photo into 2,048 numbers; in them photos that look alike lie "
            "close together. From these come outliers, label suspects, the nearest photos and a "
            "second opinion on near duplicates. It is computed once and kept."
        )
        with st.container(horizontal=True):
            pretrained = _ask_start("pretrained", "primary")
            random = _ask_start("random", "secondary")
        try:
            find_weights(cache.workspace(), "pretrained")
        except PetalscopeError as error:
            if "pretrained" not in kept:
                st.caption(f":orange[{plain(error.problem)}] {plain(error.remedy)}")
        if kept:
            st.caption("The features of these photos are kept already: a few seconds.")
        else:
            st.caption(f"{count(len(dataset), 'photo')}; the time left is shown while it goes.")
    if pretrained or random:
        _start(dataset, "pretrained" if pretrained else "random")


def _ask_start(weights: WeightsKind, kind: Literal["primary", "secondary"]) -> bool:
    help_text = {
        "pretrained": "Weights that have seen photos before: the findings deserve trust.",
        "random": "Weights that have never seen a photo: for a machine without the others. The "
        "findings are rough.",
    }
    return st.button(
        f"Analyse with {weights} weights",
        type=kind,
        icon=":material/neurology:" if weights == "pretrained" else ":material/casino:",
        help=help_text[weights],
        key=f"quality.start.{weights}",
    )


def _start(dataset: Dataset, weights: WeightsKind) -> None:
    keep_choice(_CHOICE, start_quality(cache.workspace(), dataset.id, weights))
    st.rerun()
