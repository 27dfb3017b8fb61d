"""What can be done with a run, by the state it is in: stop, pause, go on, copy, note, delete."""

from collections.abc import Callable

import streamlit as st

from core.formats import plain
from core.runs.queue.control import extend_run, note_run, pause_run, resume_run, tag_run
from core.runs.queue.queue import delete_run, request_stop, retry_run
from core.runs.recipe.settings import MOST_EPOCHS
from core.runs.scheduler import ensure_scheduler
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.choosing import change_run, open_endings
from core.ui.parts.state import name_visitor
from core.ui.recipes.form import duplicate_run, forget_runs

_MORE_EPOCHS = 10
_MOST_NOTES = 5000


def show_controls(run: RunRecord) -> None:
    """Draw the buttons of the run; what ends another visitor's is folded away."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with open_endings(run) as folded:
            _show_endings(run)
            if folded and not run.is_going:
                _ask_to_delete(run)
        if run.state == "paused":
            _press("Resume", "resume", "Goes on from its last epoch.", lambda: _resume(run))
        elif run.state in ("failed", "lost"):
            _press("Try again", "refresh", "Goes on from its last epoch.", lambda: _retry(run))
        elif run.state == "done" and run.stopped:
            _press("Go on", "resume", "Trains the epochs that are left.", lambda: _retry(run))
        if run.state == "done":
            with st.popover("More epochs", icon=":material/add:", type="tertiary"):
                _ask_for_epochs(run)
        _press(
            "Duplicate",
            "content_copy",
            "Fills the form with these settings, to be changed and trained as another run.",
            lambda: duplicate_run(run),
            quiet=True,
        )
        with st.popover("Notes", icon=":material/edit_note:", type="tertiary"):
            _edit_notes(run)
        if not (run.is_going or folded):
            with st.popover("Delete", icon=":material/delete:", type="tertiary"):
                _ask_to_delete(run)


def show_full_screen() -> None:
    """Draw the way to large curves and numbers."""
    _press(
        "Full screen",
        "fullscreen",
        "Large curves and numbers for a room, nothing else.",
        lambda: st.query_params.update({"present": "1"}),
        quiet=True,
    )


def show_marks(run: RunRecord) -> None:
    """Draw the tags and the notes of the run."""
    if run.tags:
        with st.container(horizontal=True, gap="small"):
            for tag in run.tags:
                st.badge(plain(tag, 30), color="gray", icon=":material/label:")
    if run.notes:
        st.caption(f":material/edit_note: {plain(run.notes, 200)}")


def _show_endings(run: RunRecord) -> None:
    if run.state == "stopping" and run.request != "stop":
        _press("Stop", "stop", "Does not wait: stops now.", lambda: _stop(run))
    if run.state not in ("queued", "starting", "running"):
        return
    _press("Stop", "stop", "Ends the run; its best epoch so far is kept.", lambda: _stop(run))
    if run.state == "running" and run.phase == "training":
        _press(
            "Stop after this epoch",
            "stop_circle",
            "Ends the run when its epoch is whole.",
            lambda: _stop(run, after_epoch=True),
        )
    _press(
        "Pause",
        "pause",
        "Lets other runs go first; goes on from its last epoch when you resume it.",
        lambda: pause_run(cache.workspace(), run.id),
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


def _stop(run: RunRecord, *, after_epoch: bool = False) -> None:
    request_stop(cache.workspace(), run.id, after_epoch=after_epoch)


def _resume(run: RunRecord) -> None:
    resume_run(cache.workspace(), run.id)
    ensure_scheduler(cache.workspace())


def _retry(run: RunRecord) -> None:
    retry_run(cache.workspace(), run.id)
    ensure_scheduler(cache.workspace())


def _ask_for_epochs(run: RunRecord) -> None:
    with st.form(f"training.more.{run.id}", border=False):
        more = st.number_input("Further epochs", 1, MOST_EPOCHS, _MORE_EPOCHS)
        st.caption("A new run with as many epochs more; this one stays as it is.")
        wanted = st.form_submit_button("Train on", type="primary", icon=":material/play_arrow:")
    if wanted:
        following, _ = extend_run(cache.workspace(), run.id, int(more), submitter=name_visitor())
        ensure_scheduler(cache.workspace())
        change_run(following.id)
        st.rerun()


def _edit_notes(run: RunRecord) -> None:
    with st.form(f"training.notes.{run.id}", border=False):
        notes = st.text_area("Notes", run.notes, max_chars=_MOST_NOTES, height=120, width=320)
        tags = st.text_input("Tags", ", ".join(run.tags), help="Separated by commas.")
        saved = st.form_submit_button("Save", type="primary")
    if saved:
        note_run(cache.workspace(), run.id, notes)
        tag_run(cache.workspace(), run.id, tags.split(","))
        st.rerun()


def _ask_to_delete(run: RunRecord) -> None:
    st.write("Curves, scores and model of this run go for good; dataset and features stay.")
    if st.button("Delete for good", type="primary", icon=":material/delete_forever:"):
        delete_run(cache.workspace(), run.id)
        forget_runs({run.id})
        st.rerun()
