"""In the panel of a photo: what a run looked at, of any run of the dataset and any class."""

import streamlit as st

from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.pickers import describe_run
from core.ui.parts.seal import find_sealed
from core.ui.parts.state import read_choice
from core.ui.photos.explaining import draw_explanation
from core.ui.photos.explaining_controls import settle_widget
from data.dataset import Dataset

_SHOWN = "explaining.shown"
_RUN = "explaining.run"
_TOGGLE, _PICKER = "panel.explain", "panel.run"


def show_looked_at(dataset: Dataset, photo: int) -> None:
    """Draws a switch and, while it is on, what a run looked at; nothing without a finished run.

    Off at first: the first photo of a backbone takes a second, because the network is loaded.
    """
    runs = [run for run in list_runs(cache.workspace(), dataset.id) if run.state == "done"]
    if not runs:
        return
    on = bool(settle_widget(_TOGGLE, st.session_state.get(_SHOWN, False)))
    if not st.toggle("What a run looked at", on, key=_TOGGLE, on_change=_keep_shown):
        return
    run = _pick_run(dataset, runs)
    result = cache.result(run.id)
    if find_sealed(run.id)[photo]:
        st.caption(
            "A test photo of this run: what it answers is sealed. Open the test split on the page "
            "Metrics; each opening is counted."
        )
        return
    true, predicted = int(result.labels[photo]), int(result.scores[photo].argmax())
    draw_explanation(
        run, dataset, photo, (predicted, true), key="panel", roles=("predicted", "true")
    )


def _pick_run(dataset: Dataset, runs: list[RunRecord]) -> RunRecord:
    """Returns the run chosen in a panel before, else that of the page, else the newest."""
    known = {run.id: run for run in runs}
    wishes = (st.session_state.get(_RUN), read_choice("run"), runs[0].id)
    if len(known) == 1:
        return runs[0]
    run_id = settle_widget(_PICKER, next(wish for wish in wishes if wish in known))
    chosen = st.selectbox(
        "Run",
        list(known),
        index=0 if run_id is None else list(known).index(run_id),
        format_func=lambda key: describe_run(known[key]),
        key=_PICKER,
        on_change=_keep_run,
        help=f"The finished runs of {dataset.name}.",
    )
    return known[chosen]


def _keep_shown() -> None:
    st.session_state[_SHOWN] = st.session_state[_TOGGLE]


def _keep_run() -> None:
    st.session_state[_RUN] = st.session_state[_PICKER]
