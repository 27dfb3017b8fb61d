"""Deleting a version: what rests on it is said first, and whatever rests on it needs a tick."""

import streamlit as st

from core.datasets.versions import delete_version, describe_uses, list_uses
from core.errors import PetalscopeError
from core.formats import plain
from core.ui.parts import cache
from core.ui.parts.messages import show_problem, tell_after_rerun
from core.ui.parts.state import keep_choice, read_choice
from data.manifest import DatasetSummary


def show_delete(version: DatasetSummary) -> None:
    """Draws the way to delete a version; nothing is read until it is opened."""
    popover = st.popover(
        "Delete",
        icon=":material/delete:",
        type="tertiary",
        key=f"versions.delete.{version.id}",
        on_change="rerun",
    )
    if popover.open:
        with popover:
            _ask(version)


def _ask(version: DatasetSummary) -> None:
    uses = list_uses(cache.workspace(), version.id)
    st.markdown(f"Delete **{plain(version.name)}**, version {version.edition}?")
    st.caption("Its photos, features, views and analyses go for good; other versions keep theirs.")
    force = False
    if not uses.nothing:
        st.warning(
            f"Used by {plain(describe_uses(uses))}. Runs keep their figures but lose their photos; "
            "versions made of it stay whole.",
            icon=":material/warning:",
        )
        force = st.checkbox("Delete it all the same", key=f"versions.force.{version.id}")
    if st.button(
        "Delete for good",
        type="primary",
        icon=":material/delete_forever:",
        disabled=not (uses.nothing or force),
        key=f"versions.gone.{version.id}",
    ):
        _delete(version, force)


def _delete(version: DatasetSummary, force: bool) -> None:
    try:
        delete_version(cache.workspace(), version.id, force)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    if read_choice("dataset") == version.id:
        keep_choice("dataset", None)
    tell_after_rerun(f"“{plain(version.name)}” is deleted.")
    st.rerun()
