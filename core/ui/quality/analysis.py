"""The analysis that needs features: offered, started, watched while it goes; it outlives the page.

What goes is found in the workspace, not in the session: a reload, another browser or a restarted
server shows the same bar.
"""

from typing import Literal

import streamlit as st

from core.datasets.quality.store import start_quality
from core.errors import PetalscopeError
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.live_state import show_job
from core.ui.parts.messages import report_errors, show_problem, show_random_banner
from core.ui.parts.state import keep_choice
from core.ui.quality.reading import ANALYSIS, QualityPage, read_job
from data.dataset import Dataset
from models.weights import WeightsKind, find_weights

_HELP = {
    "pretrained": "Weights that have seen photos before: the findings deserve trust.",
    "random": "Weights that have never seen a photo: for a machine without the others. The "
    "findings are rough.",
}


def show_analysis(page: QualityPage) -> None:
    """Draw the state of the analysis: going or failed; offered or done where it is needed."""
    job = read_job(page.dataset)
    if job and job[1].state == "going":
        st.fragment(_watch, run_every="1s")(page.dataset)
        return
    if job and job[1].state == "failed":
        show_problem(job[1].problem, job[1].remedy)
    if not page.kind.needs_features:
        return
    if page.result is None:
        _offer(page)
        return
    if page.result.weights == "random":
        show_random_banner()
        if _ask_start("pretrained", "secondary"):
            _start(page.dataset, "pretrained")
    st.caption(f"Analysed with the features “{plain(page.result.features_label)}”.")


def _watch(dataset: Dataset) -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        job = read_job(dataset)
        if job is None or job[1].state != "going":
            st.rerun()  # the whole page: what was found is known now
        show_job("Analysing", job[1])


def _offer(page: QualityPage) -> None:
    kept = [found.kind for found in page.feature_sets]
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
            st.caption(
                f"{count(len(page.dataset), 'photo')}; the time left is shown while it goes."
            )
    if pretrained or random:
        _start(page.dataset, "pretrained" if pretrained else "random")


def _ask_start(weights: WeightsKind, kind: Literal["primary", "secondary"]) -> bool:
    return st.button(
        f"Analyse with {weights} weights",
        type=kind,
        icon=":material/neurology:" if weights == "pretrained" else ":material/casino:",
        help=_HELP[weights],
        key=f"quality.start.{weights}",
    )


def _start(dataset: Dataset, weights: WeightsKind) -> None:
    keep_choice(ANALYSIS, start_quality(cache.workspace(), dataset.id, weights))
    st.rerun()
