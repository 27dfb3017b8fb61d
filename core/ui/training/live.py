"""A run as it goes: its state, what can be done with it, its curves, the tail of its log.

The page polls the run's folder and its row in the index; nothing here trains. Polling stops when
the run ends.
"""

import streamlit as st

from core.formats import plain
from core.runs.events import curve
from core.runs.scheduler import ensure_scheduler
from core.runs.store import RunRecord, list_runs, read_run
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.live_state import show_badge, show_progress
from core.ui.parts.messages import report_errors, show_random_banner
from core.ui.parts.pickers import title_run
from core.ui.parts.run_cards import show_recipe
from core.ui.parts.state import keep_choice, read_choice
from core.ui.training.controls import show_controls, show_full_screen, show_marks
from core.ui.training.live_curves import show_curves

_LOG_LINES = 40


def show_chosen_run() -> None:
    """Draws the run that the URL names, else the one that goes, else the newest."""
    run = choose_run()
    if run is None:
        with st.container(border=True):
            st.subheader("No run yet", anchor=False)
            st.write(
                "Press Train: the curves of the run appear here while it learns. The features of "
                "the photos are computed once and kept, so every later run takes seconds."
            )
        return
    going = not run.has_ended
    st.fragment(_show_run, run_every="1s" if going else None)(run.id, going)


def choose_run() -> RunRecord | None:
    """Returns the run that the URL names, else the one that goes, else the newest."""
    runs = {run.id: run for run in list_runs(cache.workspace())}
    if not runs:
        return None
    chosen = read_choice("watch")
    if chosen not in runs:
        if chosen is not None:
            st.caption(":orange[The link names a run that is not here; this is another one.]")
        chosen = next((run.id for run in runs.values() if not run.has_ended), next(iter(runs)))
    keep_choice("watch", chosen)
    return runs[chosen]


def _show_run(run_id: str, was_going: bool) -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        _draw_run(run_id, was_going)


def _draw_run(run_id: str, was_going: bool) -> None:
    run = read_run(cache.workspace(), run_id)
    if was_going == run.has_ended:
        st.rerun()  # the whole page: its lists know the run by now, and polling starts or stops
    if not run.has_ended:
        ensure_scheduler(cache.workspace())  # the one that had it may have been killed
    events = cache.event_tail(run_id).read()
    epochs = curve(events)
    with st.container(border=True):
        _show_heading(run)
        show_marks(run)
        show_controls(run)
        show_progress(run, events, epochs)
        if run.recipe.weights == "random":
            show_random_banner()
        if epochs:
            show_curves(run, epochs)
        if run.state == "done":
            _show_ways_on(run)
        _show_log(run)


def _show_heading(run: RunRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(title_run(run), 44), anchor=False, width="content")
        show_badge(run)
        with st.popover("Recipe", icon=":material/receipt_long:", type="tertiary"):
            show_recipe(run)
        show_full_screen()


def _show_ways_on(run: RunRecord) -> None:
    keep_choice("run", run.id)
    with st.container(horizontal=True):
        for page, label, icon in (
            ("metrics", "Its metrics", ":material/monitoring:"),
            ("confusion", "Its confusions", ":material/grid_on:"),
            ("predict", "Classify a photo with it", ":material/photo_camera:"),
        ):
            st.page_link(page_file(page), label=label, icon=icon, query_params={"run": run.id})


def _show_log(run: RunRecord) -> None:
    log = cache.workspace().run_folder(run.id) / "worker.log"
    with st.expander("Log", icon=":material/notes:"):
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.exists() else []
        st.code("\n".join(lines) or "Nothing was written.", language=None)
