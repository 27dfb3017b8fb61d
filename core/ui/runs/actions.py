"""What can be done with the runs that are selected in the table."""

import zlib
from collections.abc import Sequence

import streamlit as st

from core.errors import PetalscopeError
from core.formats import count, plain
from core.runs.queue.control import note_run, rename_run, tag_run
from core.runs.queue.queue import delete_run
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import show_problem, tell_after_rerun
from core.ui.parts.pickers import title_run
from core.ui.parts.state import keep_choice, read_choice
from core.ui.recipes.form import forget_runs
from core.ui.recipes.run_cards import describe_deletion, show_register_button

_MOST_NAMED = 5
_TYPED = "runs.typed"


def show_actions(selected: Sequence[RunRecord], runs: Sequence[RunRecord]) -> None:
    """Draw what can be done with the selected runs; nothing without a selection."""
    if not selected:
        return
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key="selection_bar_runs"
    ):
        st.markdown(f"**{count(len(selected), 'run')} selected**", width="content")
        if st.button(
            "Compare",
            type="primary",
            icon=":material/compare_arrows:",
            key="runs.compare",
            disabled=len(selected) < 2,
            help=None if len(selected) > 1 else "Select two runs or more.",
        ):  # the oldest is the baseline until another is chosen
            ordered = sorted(selected, key=lambda run: run.number)
            keep_choice("compare", ",".join(run.id for run in ordered))
            st.rerun()
        if len(selected) == 1:
            _show_single(selected[0])
        if cache.workspace().read_only:
            return
        with st.popover("Tags", icon=":material/label:"):
            _show_tags(selected, runs)
        with st.popover("Delete", icon=":material/delete:", type="tertiary"):
            _ask_to_delete(selected)


def _show_single(run: RunRecord) -> None:
    if not cache.workspace().read_only:
        with st.popover("Name and notes", icon=":material/edit_note:"):
            _show_notes(run)
    if run.state == "done":
        show_register_button(run)
    link_page("training", "Duplicate with changes", "content_copy", like=run.id)
    if run.state == "done":
        link_page("metrics", "Metrics", "monitoring", run=run.id)
        link_page("confusion", "Confusions", "grid_on", run=run.id)
    else:
        link_page("training", "Watch it", "model_training", run=run.id)


def _show_notes(run: RunRecord) -> None:
    """Draw name and notes, to be changed; what was typed counts, whatever another window did."""
    number = f"Run {run.number}"
    drawn = {"name": "" if run.name == number else run.name, "notes": run.notes}
    key = f"runs.notes.{run.id}.{zlib.crc32(repr(drawn).encode())}"

    def take() -> None:  # the fields are other ones when they were changed elsewhere
        typed = {what: st.session_state[f"{key}.{what}"] for what in drawn}
        st.session_state[_TYPED] = dict(typed.items() - drawn.items())

    with st.form(f"runs.notes.{run.id}", border=False):
        name, notes = drawn["name"], drawn["notes"]
        st.text_input("Name", name, max_chars=100, placeholder=number, key=f"{key}.name")
        st.text_area("Notes", notes, max_chars=5000, height=140, key=f"{key}.notes")
        st.form_submit_button("Save", type="primary", on_click=take)
    changed = st.session_state.pop(_TYPED, None)
    if changed is None:
        return
    if "name" in changed:
        rename_run(cache.workspace(), run.id, changed["name"])
    if "notes" in changed:
        note_run(cache.workspace(), run.id, changed["notes"])
    tell_after_rerun("Name and notes are kept.")
    st.rerun()


def _show_tags(selected: Sequence[RunRecord], runs: Sequence[RunRecord]) -> None:
    """Draw the tags that all selected runs have; a change is kept at once.

    Tags that only some of them have stay as they are.
    """
    shared = set.intersection(*(set(run.tags) for run in selected))
    some = sorted({tag for run in selected for tag in run.tags} - shared, key=str.casefold)
    key = "runs.tags"
    st.session_state[key] = sorted(shared, key=str.casefold)
    st.multiselect(
        "Tags" if len(selected) == 1 else "Tags of all selected runs",
        sorted({tag for run in runs for tag in run.tags}, key=str.casefold),
        key=key,
        accept_new_options=True,
        placeholder="Choose a tag, or type a new one",
        on_change=lambda: _tag(selected, shared, set(st.session_state[key])),
        width=320,
    )
    if some:
        st.caption(f"Some have also: {', '.join(plain(tag, 30) for tag in some)}.")


def _tag(selected: Sequence[RunRecord], shared: set[str], tags: set[str]) -> None:
    for run in selected:
        tag_run(cache.workspace(), run.id, (set(run.tags) - shared) | tags)


def _ask_to_delete(selected: Sequence[RunRecord]) -> None:
    names = [plain(title_run(run), 40) for run in selected[:_MOST_NAMED]]
    more = len(selected) - len(names)
    st.markdown(f"Delete {', '.join(names)}{f' and {more} more' if more > 0 else ''}?")
    st.caption(describe_deletion(selected))
    if st.button(
        f"Delete {count(len(selected), 'run')}",
        type="primary",
        icon=":material/delete:",
        key="runs.delete",
    ):
        _delete(selected)


def _delete(selected: Sequence[RunRecord]) -> None:
    gone = set()
    for run in selected:
        try:
            delete_run(cache.workspace(), run.id)
        except PetalscopeError as error:
            show_problem(error.problem, error.remedy)
        else:
            gone.add(run.id)
    compared = [one for one in (read_choice("compare") or "").split(",") if one not in gone]
    keep_choice("compare", ",".join(compared) if len(compared) > 1 else None)
    forget_runs(gone)
    if len(gone) == len(selected):  # else the problem of another stays in sight
        tell_after_rerun(f"{count(len(gone), 'run')} deleted.")
        st.rerun()
