"""What can be done with the selected runs: compare, name, tag, show the code, delete."""

from collections.abc import Sequence

import streamlit as st

from core.errors import PetalscopeError
from core.formats import count, plain
from core.runs.queue.control import tag_run
from core.runs.queue.queue import delete_run
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import show_problem, tell_after_rerun
from core.ui.parts.pickers import title_run
from core.ui.parts.state import keep_choice, read_choice
from core.ui.recipes.form import forget_runs
from core.ui.recipes.run_cards import (
    describe_deletion,
    edit_notes,
    show_code,
    show_register_button,
)

_MOST_NAMED = 5


def show_actions(selected: Sequence[RunRecord], runs: Sequence[RunRecord]) -> None:
    """Draw the actions for the selected runs; nothing without a selection."""
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
            help=None if len(selected) > 1 else "Select at least two runs.",
        ):  # the oldest is the baseline
            ordered = sorted(selected, key=lambda run: run.number)
            keep_choice("compare", ",".join(run.id for run in ordered))
            st.rerun()
        if len(selected) == 1:
            _show_single(selected[0])
        if not cache.workspace().read_only:
            with st.popover("Tags", icon=":material/label:"):
                _show_tags(selected, runs)
            with st.popover("Delete", icon=":material/delete:", type="tertiary"):
                _ask_to_delete(selected)


def _show_single(run: RunRecord) -> None:
    if not cache.workspace().read_only:
        with st.popover("Name and notes", icon=":material/edit_note:"):
            edit_notes(run)
    if run.state == "done":
        show_register_button(run)
    link_page("training", "Duplicate", "content_copy", like=run.id)
    if run.state == "done":
        link_page("metrics", "Metrics", "monitoring", run=run.id)
        link_page("confusion", "Confusion", "grid_on", run=run.id)
    else:
        link_page("training", "Watch", "model_training", run=run.id)
    show_code(run)


def _show_tags(selected: Sequence[RunRecord], runs: Sequence[RunRecord]) -> None:
    """Draw the tags that all selected runs have; other tags of single runs stay."""
    shared = set.intersection(*(set(run.tags) for run in selected))
    some = sorted({tag for run in selected for tag in run.tags} - shared, key=str.casefold)
    key = "runs.tags"
    st.session_state[key] = sorted(shared, key=str.casefold)

    def save() -> None:
        tags = set(st.session_state[key])
        for run in selected:
            tag_run(cache.workspace(), run.id, (set(run.tags) - shared) | tags)

    st.multiselect(
        "Tags" if len(selected) == 1 else "Tags of all selected runs",
        sorted({tag for run in runs for tag in run.tags}, key=str.casefold),
        key=key,
        accept_new_options=True,
        placeholder="Choose or type a tag",
        on_change=save,
        width=320,
    )
    if some:
        st.caption(f"On some of them: {', '.join(plain(tag, 30) for tag in some)}.")


def _ask_to_delete(selected: Sequence[RunRecord]) -> None:
    names = [plain(title_run(run), 40) for run in selected[:_MOST_NAMED]]
    more = len(selected) - len(names)
    st.markdown(f"Delete {', '.join(names)}{f' and {more} more' if more > 0 else ''}?")
    st.caption(describe_deletion(selected))
    if not st.button(
        f"Delete {count(len(selected), 'run')}",
        type="primary",
        icon=":material/delete:",
        key="runs.delete",
    ):
        return
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
    if len(gone) == len(selected):  # otherwise the error stays on screen
        tell_after_rerun(f"{count(len(gone), 'run')} deleted.")
        st.rerun()
