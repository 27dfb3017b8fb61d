"""A gallery: its query (`q` in the URL), a wall of photos, a selection bar, and the photo panel."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from core.datasets.edits.tray import merge_duplicates, undo_edits
from core.datasets.photo_table import FLAGS, KNOWN, NAMES, WORDS
from core.datasets.query import add_condition, write_value
from core.errors import QueryRefused
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.pickers import pick_named
from core.ui.parts.state import bind_choice, keep_choice, read_choice
from core.ui.photos.panel import redraw_after_panel, show_photo_panel
from core.ui.photos.tray import (
    DONE,
    Selection,
    mark_tags,
    note_edit,
    show_edit_buttons,
    show_tag_button,
)
from core.ui.wall import Wall, forget_photos, show_wall
from core.ui.wall.showing import Describe, Mark
from data.dataset import Dataset
from data.duplicates import find_exact_groups


@st.fragment
def show_gallery(
    dataset: Dataset,
    photos: np.ndarray,
    *,
    key: str = "photos",
    captions: Describe | None = None,
    badges: Mark | None = None,
) -> None:
    """Draw photos (m,) int in this order as a fragment: they can be selected, edited and opened.

    A page with galleries calls `show_photo_panel(dataset)` once at its end, for links.
    """
    redraw_after_panel()
    tags = cache.photo_tags(dataset.id)
    wall = Wall(key, captions=captions, badges=mark_tags(tags, badges))
    answer = show_wall(dataset, photos, wall)
    if answer.selected:
        what, key = count(len(answer.selected), "photo"), f"selection.{key}"
        chosen = Selection(dataset=dataset, photos=answer.selected, what=what, key=key, tags=tags)
        _show_selection_bar(chosen)
    else:
        _show_last_edit(dataset, key)
    if answer.opened is not None:
        show_photo_panel(dataset)


def _show_selection_bar(chosen: Selection) -> None:
    """Draw the actions for the selected photos."""
    st.session_state.pop(DONE, None)
    # The name of the container is known to wall.css, which keeps the bar in sight.
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"selection_bar_{chosen.key}"
    ):
        st.markdown(f"**{chosen.what} selected**", width="content")
        edited = bool(show_edit_buttons(chosen))
        if show_tag_button(chosen):
            st.rerun()  # the whole page: it may list photos by their tags
        if len(chosen.photos) > 1 and not cache.workspace().read_only:
            with st.popover("Merge duplicates", icon=":material/merge:"):
                edited = _show_merge(chosen) or edited
        st.button(
            "Clear",
            key=f"{chosen.key}.clear",
            type="tertiary",
            on_click=lambda: forget_photos(chosen.dataset.id, chosen.photos),
        )
    if edited:
        forget_photos(chosen.dataset.id, chosen.photos)
        st.rerun()  # the whole page: its tray has changed


def _show_merge(chosen: Selection) -> bool:
    """Draw the effect of merging; return whether it was added to the tray."""
    dataset, selected = chosen.dataset, chosen.photos
    digests = dataset.manifest.iloc[list(selected)]
    groups = [[selected[row] for row in group] for group in find_exact_groups(digests)]
    leaving = sum(len(group) - 1 for group in groups)
    if groups:
        st.caption(
            f"{count(len(groups), 'group')} of identical files: one of each stays (from train if "
            f"possible), {count(leaving, 'photo')} will be excluded."
        )
    else:
        groups, leaving = [list(selected)], len(selected) - 1
        st.caption(
            "These files differ. Merge them only if they all show the same photo: one stays (from "
            f"train if possible), {count(leaving, 'photo')} will be excluded."
        )
    label = f"Exclude {count(leaving, 'photo')}"
    return st.button(label, type="primary", key=f"{chosen.key}.merge") and note_edit(
        dataset,
        lambda: merge_duplicates(cache.workspace(), dataset, groups),
        f"{count(leaving, 'duplicate')} excluded",
    )


def _show_last_edit(dataset: Dataset, key: str) -> None:
    dataset_id, batch, sentence = st.session_state.get(DONE, (None, 0, ""))
    if dataset_id != dataset.id:
        return
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"selection_bar_{key}"
    ):
        st.markdown(f":material/check: {sentence} in the tray.", width="content")
        if st.button("Undo", icon=":material/undo:", key=f"selection.undo.{key}"):
            undo_edits(cache.workspace(), dataset.id, batch)
            st.session_state.pop(DONE, None)
            st.rerun()


QUERY = "q"
EXAMPLE = 'score < 0.6 and not (class is "oxeye daisy" or brightness > 0.8)'
_CHANGED = "query.changed"
_BY_NUMBER = {
    "<": "less than",
    "<=": "at most",
    ">": "more than",
    ">=": "at least",
    "=": "equal to",
}
_BY_WORD = {"is": "is", "is not": "is not", "contains": "contains"}
_JOINED = ("and", "or", "and not", "or not")


def show_query(names: Sequence[str]) -> None:
    """Draw the input of the query."""
    st.text_input(
        "Query",
        placeholder=EXAMPLE,
        help=f"Join conditions with and, or, not and brackets: `{EXAMPLE}`. Compare numbers with < "
        "<= > >= =, words with is, is not, in (…) and contains; put names with spaces in quotes. "
        f"Columns: {', '.join(names)}. Missing values (e.g. sealed test predictions) never match.",
        **bind_choice(
            QUERY, read_choice(QUERY) or "", key="query.line", write=lambda typed: typed or None
        ),
    )


@st.fragment
def show_conditions(names: Sequence[str], list_words: Callable[[str], Sequence[str]]) -> None:
    """Draw the pickers of a condition behind a button.

    Args:
        list_words: Returns the values of a column; empty where it takes any text.
    """
    if st.session_state.pop(_CHANGED, False):
        st.rerun()  # the photos are outside this fragment
    with st.popover("Add a condition", icon=":material/filter_alt:"):
        before = read_choice(QUERY) or ""
        by = (
            st.segmented_control("Join", _JOINED, default="and", required=True) if before else "and"
        )
        measures = {name: f"{words} ({name})" for name, words in NAMES.items() if name in names}
        name = pick_named("Measure", measures)
        condition = _show_value(name, list_words(name) if name in WORDS else ())
        st.button(
            f"Add: {plain(condition)}",
            type="primary",
            key="query.add",
            on_click=lambda: _add(before, str(by), condition),
        )


def _show_value(name: str, words: Sequence[str]) -> str:
    """Draw operator and value for a column; return the condition."""
    if name in FLAGS:
        answer = st.segmented_control("Is it?", ("yes", "no"), default="yes", required=True)
        return name if answer == "yes" else f"not {name}"
    options = _BY_WORD if name in WORDS else _BY_NUMBER
    options = options if words or name not in WORDS else {"contains": "contains"}
    by = pick_named("Compared", options)
    if name not in WORDS:
        value = st.number_input("Value", value=0.5 if name not in KNOWN else 0.0, format="%g")
        return f"{name} {by} {value:g}"
    free = by == "contains" or not words
    word = st.text_input("Text") if free else st.selectbox("Value", words)
    return f"{name} {by} {write_value(str(word))}"


def _add(before: str, by: str, condition: str) -> None:
    try:
        after = add_condition(before, by, condition)
    except QueryRefused:  # the query has an error: the condition is appended anyway
        after = f"{before} {by} {condition}"
    keep_choice(QUERY, after)
    st.session_state[_CHANGED] = True
