"""The training page: the form, the run as it goes, and the runs.

The page polls the run's folder and its row in the index; nothing here trains. Polling stops when
the run ends.
"""

import streamlit as st

from core.formats import plain
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord
from core.ui.parts.frame import page_file
from core.ui.parts.live_state import follow_run, show_badge, show_progress
from core.ui.parts.messages import show_random_banner
from core.ui.parts.pickers import pick_dataset, title_run
from core.ui.parts.run_cards import show_recipe
from core.ui.parts.state import keep_choice
from core.ui.recipes.form import fill_from_link, show_recipe_form
from core.ui.training.controls import show_controls, show_full_screen, show_marks
from core.ui.training.curves import show_curves
from core.ui.training.reading import MISSING, WatchedRun, read_choice_of_run, read_watched
from data.dataset import Dataset


def show_training() -> tuple[Dataset, Recipe | None]:
    """Draw the form and the run that is watched; return what the form is about."""
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
        st.caption(MISSING)
    if run is not None:
        follow_run(run, _draw_run)
        return
    with st.container(border=True):
        st.subheader("No run yet", anchor=False)
        st.write(
            "Press Train: the curves of the run appear here while it learns. The features of "
            "the photos are computed once and kept, so every later run takes seconds."
        )


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
    keep_choice("run", run.id)
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
