"""The page Training: the form, and a run that is followed.

The page polls the events of the run until it ends; nothing here trains.
"""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.errors import RecipeRefused
from core.formats import plain
from core.runs.queue.control import extend_run, pause_run, resume_run
from core.runs.queue.queue import request_stop, retry_run
from core.runs.recipe.plans import check_epochs
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.settings import MOST_EPOCHS
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.charts import show_folded
from core.ui.parts.choosing import change_run
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import follow_run, show_badge, show_progress
from core.ui.parts.messages import show_random_banner, show_told
from core.ui.parts.pickers import pick_dataset, title_run
from core.ui.recipes.form import duplicate_run, fill_from_link, show_recipe_form
from core.ui.recipes.run_cards import show_recipe
from core.ui.training.curves import show_curves, show_ridge
from core.ui.training.reading import read_choice_of_run, read_watched
from data.dataset import Dataset

_MORE_EPOCHS = 10


def show_training() -> tuple[Dataset, Recipe | None]:
    """Draw the form and the chosen run; return dataset and recipe of the form."""
    show_told()
    fill_from_link()
    form, live = st.columns([5, 8], gap="medium")
    with form.container(border=True):
        dataset = pick_dataset()
        recipe = show_recipe_form(dataset)
    with live:
        run = read_choice_of_run()
        if run is not None:
            follow_run(run, _draw_run)
        else:
            with st.container(border=True):
                st.subheader("No run yet", anchor=False)
                st.write("Press Train. The curves of the run appear here while it learns.")
    return dataset, recipe


def _draw_run(run: RunRecord) -> None:
    watched = read_watched(run)
    with st.container(border=True):
        _show_heading(run)
        show_controls(run)
        show_progress(run, watched.events, watched.epochs)
        if run.recipe.weights == "random":
            show_random_banner()
        if watched.epochs and not run.recipe.is_added:
            show_curves(watched) if run.recipe.has_epochs else show_ridge(run)
        if run.state == "done":
            with st.container(horizontal=True):
                link_page("metrics", "Metrics", "monitoring", run=run.id)
                link_page("confusion", "Confusion", "grid_on", run=run.id)
                link_page("predict", "Classify a photo", "photo_camera", run=run.id)
        show_folded("Log", lambda: st.code(watched.log, language=None), "notes")


def _show_heading(run: RunRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(title_run(run), 44), anchor=False, width="content")
        show_badge(run)
        for tag in run.tags:
            st.badge(plain(tag, 30), color="gray", icon=":material/label:")
        recipe = partial(show_recipe, run)
        show_folded("Recipe", recipe, "receipt_long", st.popover, type="tertiary")
    if run.notes:
        st.caption(f":material/edit_note: {plain(run.notes, 200)}")


@cache.for_editors
def show_controls(run: RunRecord) -> None:
    """Draw the buttons of the run."""
    resume, retry = (partial(act, cache.workspace(), run.id) for act in (resume_run, retry_run))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _show_endings(run)
        if run.state == "paused":
            _press("Resume", "resume", "Continues where it stopped.", resume)
        elif run.state in ("failed", "lost"):
            _press("Try again", "refresh", "Continues where it stopped.", retry)
        elif run.state == "done" and run.stopped:
            _press("Continue", "resume", "Trains the remaining epochs.", retry)
        if run.state == "done" and run.recipe.has_epochs:
            with st.popover("More epochs", icon=":material/add:", type="tertiary"):
                _ask_for_epochs(run)
        if not run.recipe.is_added:
            what = "Fills the form with these settings."
            _press("Duplicate", "content_copy", what, partial(duplicate_run, run), quiet=True)
        link_page("runs", "Notes, tags, delete", "edit_note", find=run.id)


def _show_endings(run: RunRecord) -> None:
    stop = partial(request_stop, cache.workspace(), run.id)
    if run.state == "stopping" and run.request != "stop":
        _press("Stop", "stop", "Stops now.", stop)
    if run.state not in ("queued", "starting", "running"):
        return
    result = "; the best epoch so far is the result" if run.recipe.has_epochs else ""
    _press("Stop", "stop", f"Stops now{result}.", stop)
    if run.state == "running" and run.phase == "training" and run.recipe.has_epochs:
        after = partial(stop, after_epoch=True)
        _press("Stop after this epoch", "stop_circle", "Finishes the epoch, then stops.", after)
    pause = partial(pause_run, cache.workspace(), run.id)
    _press("Pause", "pause", "Lets other runs go first. Resume continues it.", pause)


def _press(
    label: str, icon: str, what: str, act: Callable[[], object], *, quiet: bool = False
) -> None:
    """Draw a button that acts within the run of the page, where errors are shown.

    The page follows the run then, and starts a scheduler where none is running.
    """
    if st.button(
        label,
        icon=f":material/{icon}:",
        help=what,
        type="tertiary" if quiet else "secondary",
        key=f"training.run.{icon}",
    ):
        act()
        st.rerun()


def _ask_for_epochs(run: RunRecord) -> None:
    try:
        check_epochs(run.recipe)
    except RecipeRefused as error:
        st.caption(error.problem)
        return
    with st.form(f"training.more.{run.id}", border=False):
        more = st.number_input("Additional epochs", 1, MOST_EPOCHS, _MORE_EPOCHS)
        st.caption("Trains a new run with more epochs; this run stays.")
        wanted = st.form_submit_button("Train on", type="primary", icon=":material/play_arrow:")
    if wanted:
        following, _ = extend_run(cache.workspace(), run.id, int(more))
        change_run(following.id)
        st.rerun()
