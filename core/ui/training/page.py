"""The training page: the form, the run as it goes, and the runs; a run in large type for a room.

The page polls the run's folder and its row in the index; nothing here trains. Polling stops when
the run ends.
"""

import streamlit as st

from core.formats import duration, percent, plain
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.choosing import MISSING_RUN
from core.ui.parts.frame import is_dark, page_file
from core.ui.parts.live_state import (
    describe_phase,
    follow_run,
    seconds_left,
    show_badge,
    show_progress,
)
from core.ui.parts.messages import show_random_banner, show_told
from core.ui.parts.pickers import pick_dataset, title_run
from core.ui.parts.run_cards import show_recipe
from core.ui.parts.small_sets import show_small_set
from core.ui.recipes.form import fill_from_link, show_recipe_form
from core.ui.training.charts import Look
from core.ui.training.controls import show_controls, show_full_screen, show_marks
from core.ui.training.curves import draw_figures, show_curves
from core.ui.training.machine_charts import BigNumber, draw_numbers
from core.ui.training.reading import WatchedRun, read_choice_of_run, read_watched
from data.dataset import Dataset

_PRESENT = "present"
_LARGE = Look(large=True)
_NO_BAR = {"displayModeBar": False}


def show_training() -> tuple[Dataset, Recipe | None]:
    """Draw the form and the run that is watched; return what the form is about."""
    show_told()
    fill_from_link()
    form, live = st.columns([5, 8], gap="medium")
    with form.container(border=True):
        dataset = pick_dataset()
        recipe = show_recipe_form(dataset)
    with live:
        _show_chosen_run()
    return dataset, recipe


def _show_chosen_run() -> None:
    run, is_missing = read_choice_of_run()
    if is_missing:
        st.caption(MISSING_RUN)
    if run is not None:
        follow_run(run, _draw_run)
        return
    with st.container(border=True):
        others = bool(list_runs(cache.workspace()))
        st.subheader("No run of yours yet" if others else "No run yet", anchor=False)
        st.write(
            "Press Train: the curves of the run appear here while it learns. The features of "
            "the photos are computed once and kept, so every later run takes seconds."
        )
        if others:
            st.write("What others train is listed below: a click opens it here.")


def _draw_run(run: RunRecord) -> None:
    watched = read_watched(run)
    with st.container(border=True):
        _show_heading(run)
        show_marks(run)
        show_controls(run)
        show_progress(run, watched.events, watched.epochs)
        if run.recipe.weights == "random":
            show_random_banner()
        if watched.epochs:
            if run.state == "done":
                show_small_set(run)
            show_curves(watched)
        if run.state == "done":
            _show_ways_on(run)
        _show_log(watched)


def _show_heading(run: RunRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(title_run(run), 44), anchor=False, width="content")
        show_badge(run)
        with st.popover("Recipe", icon=":material/receipt_long:", type="tertiary"):
            show_recipe(run)
        show_full_screen()


def _show_ways_on(run: RunRecord) -> None:
    with st.container(horizontal=True):
        for page, label, icon in (
            ("metrics", "Its metrics", ":material/monitoring:"),
            ("confusion", "Its confusions", ":material/grid_on:"),
            ("predict", "Classify a photo with it", ":material/photo_camera:"),
        ):
            st.page_link(page_file(page), label=label, icon=icon, query_params={"run": run.id})


def _show_log(watched: WatchedRun) -> None:
    with st.expander("Log", icon=":material/notes:"):
        st.code(watched.log, language=None)


def show_presentation() -> None:
    """Draw the chosen run in large type, and the way back."""
    run, is_missing = read_choice_of_run()
    if is_missing:
        st.caption(MISSING_RUN)
    if run is None:
        st.title("No run yet", anchor=False)
    else:
        follow_run(run, _draw)
    _show_way_back()


def _draw(run: RunRecord) -> None:
    watched = read_watched(run)
    st.title(plain(title_run(run), 60), anchor=False)
    numbers = _list_numbers(watched)
    st.plotly_chart(
        draw_numbers(numbers, is_dark()),
        theme=None,
        key="present.numbers",
        config={**_NO_BAR, "staticPlot": True},
        alt=", ".join(f"{number.label}: {number.text}" for number in numbers),
    )
    said = watched.learning
    if watched.epochs:
        st.header(said.sentence, anchor=False)
    st.plotly_chart(
        draw_figures(watched, (), _LARGE)[0],
        theme=None,
        key="present.curves",
        config=_NO_BAR,
        alt="Loss and accuracy per epoch, for training and validation photos.",
    )
    if said.gap_sentence:
        st.subheader(said.gap_sentence, anchor=False)


def _list_numbers(watched: WatchedRun) -> list[BigNumber]:
    run, epochs = watched.run, watched.epochs
    if not epochs:
        return [BigNumber("Now", describe_phase(run).rstrip(" …"))]
    last = epochs[-1]
    n = run.val_photos or 0
    numbers = [BigNumber("Epoch", f"{last['epoch']} / {run.recipe.epochs}")]
    if run.best_val_accuracy is not None:
        best = percent(run.best_val_accuracy, n)
        numbers.append(BigNumber(f"Validation, epoch {run.best_epoch}", best, "validation"))
    kept = next((one for one in epochs if one["epoch"] == run.best_epoch), last)
    if kept.get("train_accuracy") is not None:
        known = percent(kept["train_accuracy"], n)
        numbers.append(BigNumber(f"Training, epoch {kept['epoch']}", known, "train"))
    if run.is_going:
        numbers.append(BigNumber("Time left", duration(seconds_left(run, epochs))))
    else:
        numbers.append(BigNumber("Time", duration(sum(epoch["seconds"] for epoch in epochs))))
        if run.state != "done":
            numbers.append(BigNumber("Now", run.state))
    return numbers


def _show_way_back() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Leave full screen", icon=":material/fullscreen_exit:", type="tertiary", on_click=_leave
        )
        st.caption("F11 lets the browser fill the screen, too.")


def _leave() -> None:
    st.query_params.pop(_PRESENT, None)
