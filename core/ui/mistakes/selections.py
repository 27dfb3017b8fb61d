"""Saved selections on screen: save photos under a name, list what is saved, open one by its link.

`selection` in the URL holds the id of the one that is open; it needs no run to be looked at.
"""

from functools import partial

import streamlit as st

from core.datasets.selections import (
    LONGEST_NAME,
    LONGEST_NOTE,
    Selection,
    delete_selection,
    find_selected,
    list_selections,
    read_selection,
    save_selection,
)
from core.errors import PetalscopeError
from core.formats import count, moment, plain
from core.runs.store import RunRecord
from core.ui.mistakes.reading import (
    REVIEW,
    Listed,
    is_reviewing,
    list_family,
    read_listed,
    read_selected,
)
from core.ui.mistakes.review import GALLERY, show_photos, show_review_button
from core.ui.parts import cache
from core.ui.parts.messages import show_problem, show_random_banner, show_told, tell_after_rerun
from core.ui.parts.pickers import describe_run
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.tray import mark_tray, show_tray
from core.ui.wall import read_chosen
from data.dataset import Dataset

_OPEN = "selection"
_NAME, _NOTE = "mistakes.save.name", "mistakes.save.note"
_SAVED, _REFUSED = "mistakes.saved", "mistakes.refused"
_MOST_LISTED = 20
_LISTED, _TICKED = "All that are listed", "Those that are ticked"


def open_selection() -> Selection | None:
    """Return the selection that the URL names; None without one, or after saying it is gone."""
    stated = st.query_params.get(_OPEN)
    if not stated:
        return None
    try:
        return read_selection(cache.workspace(), stated)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        st.query_params.pop(_OPEN, None)
        return None


@st.fragment
def show_saving(listed: Listed) -> None:
    """Draw the button that saves the listed photos, or the ticked ones.

    A fragment, so that it learns of the ticks when something is typed.
    """
    if st.session_state.pop(_SAVED, False):
        st.rerun()  # the list of what is saved is outside
    if len(listed.photos):
        with st.popover("Save", icon=":material/bookmark_add:"):
            _show_form(listed)


def show_saved() -> None:
    """Draw the list of what is saved; nothing while nothing is."""
    saved = list_selections(cache.workspace())
    if not saved:
        return
    with st.popover(f"Saved ({len(saved):,})", icon=":material/bookmarks:"):
        for selection in saved[:_MOST_LISTED]:
            st.button(
                f"{plain(selection.name)} · {count(len(selection), 'photo')}",
                key=f"mistakes.open.{selection.id}",
                type="tertiary",
                help=f"Saved {moment(selection.created)}",
                on_click=partial(_open_selection, selection),
            )
        if len(saved) > _MOST_LISTED:
            st.caption(f"The newest {_MOST_LISTED} of {len(saved):,}.")


def show_selection(selection: Selection) -> Dataset:
    """Draw a saved selection and return the dataset in which its photos are looked at.

    What it is, by which run it is looked at, and its photos; without a run the photos alone.
    """
    show_told()
    _show_heading(selection)
    run = _pick_judge(selection)
    dataset = read_selected(selection, run)
    photos = find_selected(selection, dataset)
    gone = len(selection) - len(photos)
    if gone:
        st.warning(
            f"{count(gone, 'photo')} of this selection {'is' if gone == 1 else 'are'} not in "
            f"“{plain(dataset.name)}”, edition {dataset.edition}, and left out here.",
            icon=":material/hide_image:",
        )
    if run is None:
        show_tray(dataset)
        if len(photos):
            show_gallery(dataset, photos, key=GALLERY, badges=mark_tray(dataset))
        return dataset
    if run.recipe.weights == "random":
        show_random_banner()
    listed = read_listed(run, dataset, photos)
    if (listed.result.splits[photos] == "test").any():
        ask_before_test(run)
    if not is_reviewing():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            show_review_button(photos)
            show_saving(listed)
            show_saved()
    show_photos(listed)
    return dataset


def _show_form(listed: Listed) -> None:
    run, dataset, photos = listed.run, listed.dataset, listed.photos
    there = set(photos.tolist())
    ticked = [photo for photo in read_chosen(GALLERY, dataset.id) if photo in there]
    which = st.radio(
        "Which photos",
        (_LISTED, _TICKED),
        index=1 if ticked else 0,
        captions=(count(len(photos), "photo"), count(len(ticked), "photo")),
        key="mistakes.save.which",
    )
    st.text_input("Name", max_chars=LONGEST_NAME, key=_NAME)
    st.text_area("Note", max_chars=LONGEST_NOTE, key=_NOTE, height=80)
    chosen = ticked if which == _TICKED else photos.tolist()
    st.button(
        f"Save {count(len(chosen), 'photo')}",
        type="primary",
        disabled=not chosen,
        key="mistakes.save",
        on_click=partial(_save, run, dataset, chosen),
    )
    if refused := st.session_state.pop(_REFUSED, None):
        show_problem(*refused)


def _save(run: RunRecord, dataset: Dataset, photos: list[int]) -> None:
    name, note = st.session_state[_NAME], st.session_state[_NOTE]
    try:
        saved = save_selection(cache.workspace(), dataset, photos, name, note, run.id)
    except PetalscopeError as error:  # raised in a callback, where no page catches it
        st.session_state[_REFUSED] = (error.problem, error.remedy)
        return
    st.session_state.update({_NAME: "", _NOTE: "", _SAVED: True})
    tell_after_rerun(f"{count(len(saved), 'photo')} saved as “{plain(saved.name)}”: under Saved")


def _pick_judge(selection: Selection) -> RunRecord | None:
    """Return the run whose answers are shown beside the photos, or None."""
    runs = list_family(selection.dataset)
    if not runs:
        return None
    wishes = (st.query_params.get("run"), selection.run)
    stated = next((one for one in wishes if one in runs), None)
    key = f"mistakes.judge.{selection.id}"
    if st.session_state.get(key) not in runs:
        st.session_state.pop(key, None)
    chosen = st.selectbox(
        "Answers of",
        list(runs),
        index=list(runs).index(stated) if stated else None,
        format_func=lambda one: describe_run(runs[one]),
        placeholder="No run: the photos alone",
        key=key,
        width=420,
    )
    if chosen is None:  # the run of the other pages stays chosen
        st.query_params.pop("run", None)
        return None
    keep_choice("run", chosen)
    return runs[chosen]


def _show_heading(selection: Selection) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(plain(selection.name), anchor=False, width="content")
        leave = partial(_open_selection, None)
        st.button(
            "All mistakes", icon=":material/arrow_back:", key="mistakes.close", on_click=leave
        )
        with st.popover("Delete", icon=":material/delete:"):
            st.write("The selection goes, and links to it lead nowhere. Its photos stay.")
            st.button(
                "Delete this selection",
                type="primary",
                key="mistakes.delete",
                on_click=partial(_delete, selection),
            )
    if selection.note:
        st.markdown(plain(selection.note))
    st.caption(
        f"{count(len(selection), 'photo')} saved {moment(selection.created)}. The address of this "
        "page opens the selection again."
    )


def _open_selection(selection: Selection | None) -> None:
    """Open a selection; None: leave the one that is open."""
    keep_choice(REVIEW, None)
    st.query_params.pop(_OPEN, None)
    if selection is not None:
        st.query_params[_OPEN] = selection.id


def _delete(selection: Selection) -> None:
    try:
        delete_selection(cache.workspace(), selection.id)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
    else:
        tell_after_rerun(f"“{plain(selection.name)}” deleted")
    _open_selection(None)
