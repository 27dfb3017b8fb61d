"""A run as it goes: its state, progress, live curves, stop, the tail of its log.

The page polls the run's folder and its row in the index; nothing here trains. Polling stops when
the run ends.
"""

from typing import Any

import streamlit as st

from core.charts.curves import draw_curves
from core.evaluation.intervals import wilson_interval
from core.formats import count, duration, interval, percent, plain
from core.runs.events import curve, latest_progress
from core.runs.queue import read_waiting, request_stop, retry_run
from core.runs.scheduler import ensure_scheduler
from core.runs.store import RunRecord, list_runs, read_run
from core.ui import cache
from core.ui.frame import is_dark, page_file
from core.ui.messages import report_errors, show_problem, show_random_banner
from core.ui.pickers import title_run
from core.ui.run_cards import show_recipe
from core.ui.state import keep_choice, read_choice

_LOG_LINES = 40
_STATES = {
    "queued": ("gray", ":material/schedule:"),
    "starting": ("blue", ":material/hourglass_top:"),
    "running": ("green", ":material/play_circle:"),
    "stopping": ("orange", ":material/stop_circle:"),
    "done": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "lost": ("red", ":material/link_off:"),
}
_PHASES = {
    "": "A worker takes it up …",
    "backbone": "Preparing the backbone: once for these weights …",
    "extracting": "Computing the features of the photos: once for this dataset and these weights …",
    "training": "Training the head …",
    "scoring": "Scoring all photos with the best epoch …",
}


def show_chosen_run() -> None:
    """Draws the run that the URL names, else the one that goes, else the newest."""
    runs = {run.id: run for run in list_runs(cache.workspace())}
    if not runs:
        with st.container(border=True):
            st.subheader("No run yet", anchor=False)
            st.write(
                "Press Train: the curves of the run appear here while it learns. The features of "
                "the photos are computed once and kept, so every later run takes seconds."
            )
        return
    chosen = read_choice("watch")
    if chosen not in runs:
        chosen = next((run.id for run in runs.values() if not run.has_ended), next(iter(runs)))
    keep_choice("watch", chosen)
    going = not runs[chosen].has_ended
    st.fragment(_show_run, run_every="1s" if going else None)(chosen, going)


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
        _show_progress(run, events, epochs)
        if run.recipe.weights == "random":
            show_random_banner()
        if epochs:
            figure = draw_curves(epochs, run.recipe.epochs, run.best_epoch, is_dark())
            st.plotly_chart(
                figure,
                theme=None,
                key=f"curves.{run_id}",
                config={"displayModeBar": False},
                width="stretch",
            )
        if run.state == "done":
            _show_ways_on(run)
        _show_log(run)


def _show_heading(run: RunRecord) -> None:
    colour, icon = _STATES[run.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(title_run(run), 44), anchor=False, width="content")
        stopped = run.stopped and run.state == "done"
        st.badge("stopped, best kept" if stopped else run.state, icon=icon, color=colour)  # type: ignore[arg-type]
        with st.popover("Recipe", icon=":material/receipt_long:", type="tertiary"):
            show_recipe(run)
        if run.state == "done" and run.stopped:
            st.button(
                "Go on",
                icon=":material/resume:",
                help="Trains the epochs that are left.",
                on_click=_try_again,
                args=(run.id,),
            )
        if run.state in ("queued", "starting", "running"):
            st.button(
                "Stop",
                icon=":material/stop:",
                help="Ends the run; its best epoch so far is kept.",
                on_click=_stop,
                args=(run.id,),
            )


def _show_progress(
    run: RunRecord, events: list[dict[str, Any]], epochs: list[dict[str, Any]]
) -> None:
    if run.state in ("failed", "lost"):
        show_problem(run.problem or "The run ended.", run.remedy or "Try it again.")
        st.button(
            "Try again",
            icon=":material/refresh:",
            help="Goes on from the last epoch that was kept.",
            on_click=_try_again,
            args=(run.id,),
        )
    elif run.state == "queued":
        waiting = [other.id for other in read_waiting(cache.workspace())]
        ahead = waiting.index(run.id) if run.id in waiting else 0  # taken up in between
        st.progress(0.0, text=f"Waiting: {count(ahead, 'run')} before it in the queue.")
    elif run.state == "done":
        _show_best(run, epochs)
    elif run.phase == "training" and epochs:
        left = (run.recipe.epochs - len(epochs)) * _mean_seconds(epochs)
        st.progress(
            len(epochs) / run.recipe.epochs,
            text=f"Epoch {len(epochs)} of {run.recipe.epochs}, {duration(left)} left",
        )
    else:
        _show_phase(run, latest_progress(events))


def _show_phase(run: RunRecord, progress: dict[str, Any] | None) -> None:
    text = _PHASES[run.phase]
    if not progress or not progress.get("total"):
        st.progress(0.0, text=text)
        return
    done, total = progress["done"], progress["total"]
    speed, left = progress.get("per_second"), progress.get("seconds_left")
    noun = "step" if run.phase == "backbone" else "photo"
    text += f" {done:,} of {count(total, noun)}"
    if speed:
        text += f", {speed:.0f} a second"
    if left is not None:
        text += f", {duration(left)} left"
    st.progress(min(1.0, done / total), text=text)


def _show_best(run: RunRecord, epochs: list[dict[str, Any]]) -> None:
    seconds = sum(epoch["seconds"] for epoch in epochs)
    with st.container(horizontal=True, gap="large"):
        n = run.val_photos or 0
        if run.best_val_accuracy is not None:
            st.metric("Validation accuracy", percent(run.best_val_accuracy, n), width="content")
        st.metric("Best epoch", f"{run.best_epoch} of {len(epochs)}", width="content")
        st.metric("Epochs took", duration(seconds), width="content")
    if run.best_val_accuracy is not None:
        low, high = wilson_interval(round(run.best_val_accuracy * n), n)
        st.caption(f"Validation accuracy of the best epoch, {interval(low, high, n)}.")


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


def _mean_seconds(epochs: list[dict[str, Any]]) -> float:
    recent = epochs[-5:]
    return float(sum(epoch["seconds"] for epoch in recent)) / len(recent)


def _stop(run_id: str) -> None:
    request_stop(cache.workspace(), run_id)


def _try_again(run_id: str) -> None:
    retry_run(cache.workspace(), run_id)
    ensure_scheduler(cache.workspace())
