"""The retraining that goes: how far it is, polled until it is settled."""

import streamlit as st

from core.errors import RunMissing
from core.formats import moment, plain
from core.monitoring.retraining_state import Going, read_state
from core.runs.events import curve, read_events
from core.runs.queue.starting import ensure_scheduler
from core.runs.store import read_run
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.live_state import show_badge, show_progress
from core.ui.parts.messages import report_errors

_BEGUN = {
    "by hand": "begun by hand",
    "photos": "enough photos were reviewed",
    "time": "its time had come",
}


def show_going() -> None:
    """Draws the retraining that goes, live; the whole page again when it is settled."""
    st.fragment(_watch, run_every="1s")()


def _watch() -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        going = read_state(cache.workspace()).going
        if going is None:
            st.rerun()  # the whole page: the challenger is there
        ensure_scheduler(cache.workspace())  # the one that sees to it may have been killed
        _draw(going)


def _draw(going: Going) -> None:
    with st.container(border=True):
        if going.run is None:
            st.progress(0.0, text="Making the dataset ready …")
            return
        try:
            run = read_run(cache.workspace(), going.run)
        except RunMissing:
            st.progress(0.0, text="Its run was deleted …")
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(run.name, 60)}**", width="content")
            show_badge(run)
        who = f", {plain(going.who, 60)}" if going.who else ""
        st.caption(f"Since {moment(going.since)}: {_BEGUN[going.why]}{who}.")
        if run.state == "done":
            st.progress(1.0, text="Registering it, and comparing it on the test photos …")
        else:
            events, _ = read_events(cache.workspace().run_folder(run.id))
            show_progress(run, events, curve(events))
        st.page_link(
            page_file("training"),
            label="Watch it learn",
            icon=":material/model_training:",
            query_params={"watch": run.id},
        )
