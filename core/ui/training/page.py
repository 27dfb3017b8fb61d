"""The training page: the form, the run as it goes, and the runs; a run in large type for a room.

The page polls the run's folder and its row in the index until it ends; nothing here trains.
"""

import zlib
from collections.abc import Callable
from functools import partial

import streamlit as st

from core.errors import RecipeRefused
from core.formats import duration, percent, plain
from core.runs.queue.control import extend_run, note_run, pause_run, resume_run, tag_run
from core.runs.queue.queue import delete_run, request_stop, retry_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.plans import check_epochs
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.settings import MOST_EPOCHS
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.charts import show_metrics, show_plot
from core.ui.parts.choosing import change_run
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import (
    describe_phase,
    follow_run,
    seconds_left,
    show_badge,
    show_progress,
)
from core.ui.parts.messages import show_random_banner, show_told
from core.ui.parts.pickers import pick_dataset, title_run
from core.ui.recipes.form import duplicate_run, fill_from_link, forget_runs, show_recipe_form
from core.ui.recipes.run_cards import describe_deletion, show_recipe
from core.ui.training.charts import Look
from core.ui.training.curves import draw_figures, show_curves, show_ridge
from core.ui.training.reading import WatchedRun, read_choice_of_run, read_watched
from core.workspace import Workspace
from data.dataset import Dataset

_MORE_EPOCHS = 10
_MOST_NOTES = 5000


@cache.for_editors
def show_controls(run: RunRecord) -> None:
    """Draw the buttons of the run."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _show_endings(run)
        if run.state == "paused":
            begin = partial(_begin, resume_run, run)
            _press("Resume", "resume", "Goes on from its last epoch.", begin)
        elif run.state in ("failed", "lost"):
            begin = partial(_begin, retry_run, run)
            _press("Try again", "refresh", "Goes on from its last epoch.", begin)
        elif run.state == "done" and run.stopped:
            begin = partial(_begin, retry_run, run)
            _press("Go on", "resume", "Trains the epochs that are left.", begin)
        if run.state == "done":
            with st.popover("More epochs", icon=":material/add:", type="tertiary"):
                _ask_for_epochs(run)
        _press(
            "Duplicate",
            "content_copy",
            "Fills the form with these settings, to be changed and trained as another run.",
            partial(duplicate_run, run),
            quiet=True,
        )
        with st.popover("Notes", icon=":material/edit_note:", type="tertiary"):
            _edit_notes(run)
        if not run.is_going:
            with st.popover("Delete", icon=":material/delete:", type="tertiary"):
                _ask_to_delete(run)


def _show_endings(run: RunRecord) -> None:
    stop = partial(request_stop, cache.workspace(), run.id)
    if run.state == "stopping" and run.request != "stop":
        _press("Stop", "stop", "Does not wait: stops now.", stop)
    if run.state not in ("queued", "starting", "running"):
        return
    _press("Stop", "stop", "Ends the run; its best epoch so far is kept.", stop)
    if run.state == "running" and run.phase == "training":
        _press(
            "Stop after this epoch",
            "stop_circle",
            "Ends the run when its epoch is whole.",
            partial(stop, after_epoch=True),
        )
    _press(
        "Pause",
        "pause",
        "Lets other runs go first; goes on from its last epoch when you resume it.",
        partial(pause_run, cache.workspace(), run.id),
    )


def _press(
    label: str, icon: str, what: str, act: Callable[[], object], *, quiet: bool = False
) -> None:
    """Draw a button; pressed, it acts here, where its errors are reported."""
    if st.button(
        label,
        icon=f":material/{icon}:",
        help=what,
        type="tertiary" if quiet else "secondary",
        key=f"training.run.{icon}",
    ):
        act()
        st.rerun()


def _begin(act: Callable[[Workspace, str], object], run: RunRecord) -> None:
    act(cache.workspace(), run.id)
    ensure_scheduler(cache.workspace())


def _ask_for_epochs(run: RunRecord) -> None:
    try:
        check_epochs(run.recipe)
    except RecipeRefused as error:
        st.caption(error.problem)
        return
    with st.form(f"training.more.{run.id}", border=False):
        more = st.number_input("Further epochs", 1, MOST_EPOCHS, _MORE_EPOCHS)
        st.caption("A new run with as many epochs more; this one stays as it is.")
        wanted = st.form_submit_button("Train on", type="primary", icon=":material/play_arrow:")
    if wanted:
        following, _ = extend_run(cache.workspace(), run.id, int(more))
        ensure_scheduler(cache.workspace())
        change_run(following.id)
        st.rerun()


def _edit_notes(run: RunRecord) -> None:
    """Draw notes and tags, to be changed; what was typed counts, whatever another window did."""
    drawn = {"notes": run.notes, "tags": ", ".join(run.tags)}
    # Changed elsewhere they are other fields: what was typed is read before these are drawn.
    key = f"training.notes.{run.id}.{zlib.crc32(repr(drawn).encode())}"

    def save() -> None:
        typed = {what: st.session_state[f"{key}.{what}"] for what in drawn}
        if typed["notes"] != drawn["notes"]:
            note_run(cache.workspace(), run.id, typed["notes"])
        if typed["tags"] != drawn["tags"]:
            tag_run(cache.workspace(), run.id, typed["tags"].split(","))

    with st.form(f"training.notes.{run.id}", border=False):
        st.text_area(
            "Notes", run.notes, max_chars=_MOST_NOTES, height=120, width=320, key=f"{key}.notes"
        )
        st.text_input("Tags", drawn["tags"], help="Separated by commas.", key=f"{key}.tags")
        st.form_submit_button("Save", type="primary", on_click=save)


def _ask_to_delete(run: RunRecord) -> None:
    st.write(describe_deletion([run]))
    if st.button("Delete the run", type="primary", icon=":material/delete:"):
        delete_run(cache.workspace(), run.id)
        forget_runs({run.id})
        st.rerun()


_LARGE = Look(large=True)


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
    run, missing = read_choice_of_run()
    if missing:
        st.caption(missing)
    if run is not None:
        follow_run(run, _draw_run)
        return
    with st.container(border=True):
        st.subheader("No run yet", anchor=False)
        if not cache.workspace().read_only:
            st.write(
                "Press Train: the curves of the run appear here while it learns. The features of "
                "the photos are computed once and kept, so every later run takes seconds."
            )


def _draw_run(run: RunRecord) -> None:
    watched = read_watched(run)
    with st.container(border=True):
        _show_heading(run)
        show_controls(run)
        show_progress(run, watched.events, watched.epochs)
        if run.recipe.weights == "random":
            show_random_banner()
        if watched.epochs:
            show_curves(watched) if run.recipe.has_epochs else show_ridge(run)
        if run.state == "done":
            _show_ways_on(run)
        with st.expander("Log", icon=":material/notes:"):
            st.code(watched.log, language=None)


def _show_heading(run: RunRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(title_run(run), 44), anchor=False, width="content")
        show_badge(run)
        with st.popover("Recipe", icon=":material/receipt_long:", type="tertiary"):
            show_recipe(run)
    if run.tags:
        with st.container(horizontal=True, gap="small"):
            for tag in run.tags:
                st.badge(plain(tag, 30), color="gray", icon=":material/label:")
    if run.notes:
        st.caption(f":material/edit_note: {plain(run.notes, 200)}")


def _show_ways_on(run: RunRecord) -> None:
    with st.container(horizontal=True):
        for page, label, icon in (
            ("metrics", "Its metrics", "monitoring"),
            ("confusion", "Its confusions", "grid_on"),
            ("predict", "Classify a photo with it", "photo_camera"),
        ):
            link_page(page, label, icon, run=run.id)


def show_presentation() -> None:
    """Draw the chosen run in large type."""
    run, missing = read_choice_of_run()
    if missing:
        st.caption(missing)
    if run is None:
        st.title("No run yet", anchor=False)
    else:
        with st.container(gap=None):
            follow_run(run, _draw)


def _draw(run: RunRecord) -> None:
    watched = read_watched(run)
    learning = watched.learning
    st.markdown(f"**{plain(title_run(run), 60)}**")
    show_metrics(_list_numbers(watched))
    if watched.epochs and not run.recipe.has_epochs:
        show_ridge(run)
        return
    alt = "Loss and accuracy per epoch, for training and validation photos."
    show_plot(draw_figures(watched, (), _LARGE)[0], "present.curves", alt)
    if watched.epochs:
        st.markdown(learning.sentence)


def _list_numbers(watched: WatchedRun) -> dict[str, str]:
    """Return what is said of the run in figures: label → value."""
    run, epochs = watched.run, watched.epochs
    if not epochs:
        return {"Now": describe_phase(run).rstrip(" …")}
    n, last, at, numbers = run.val_photos or 0, epochs[-1], "", {}
    if run.recipe.has_epochs:
        numbers["Epoch"] = f"{last['epoch']} / {run.recipe.epochs}"
        at = f", epoch {run.best_epoch}"
    if run.best_val_accuracy is not None:
        numbers[f"Validation{at}"] = percent(run.best_val_accuracy, n)
    kept = next((one for one in epochs if one["epoch"] == run.best_epoch), last)
    if kept.get("train_accuracy") is not None:
        numbers[f"Training{at}"] = percent(kept["train_accuracy"], n)
    if run.is_going:
        numbers["Time left"] = duration(seconds_left(run, epochs))
    else:
        numbers["Time"] = duration(sum(epoch["seconds"] for epoch in epochs))
        if run.state != "done":
            numbers["Now"] = run.state
    return numbers
