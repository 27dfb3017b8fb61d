"""The query of a page of photos (`q` in the URL), a way to put it together, and saved views."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.datasets.photo_table import FLAGS, KNOWN, NAMES, WORDS
from core.datasets.query import add_condition, write_value
from core.datasets.selections import LONGEST_NAME, delete_view, list_views, read_view, save_view
from core.errors import PetalscopeError, QueryRefused
from core.formats import plain
from core.ui.parts import cache
from core.ui.parts.messages import show_problem, tell_after_rerun
from core.ui.parts.state import bind_choice, keep_choice, read_choice

QUERY, SAVED = "q", "saved"
EXAMPLE = 'score < 0.6 and not (class is "oxeye daisy" or brightness > 0.8)'
_NAME, _REFUSED, _CHANGED = "query.name", "query.refused", "query.changed"
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
    """Draw the line of the query."""
    st.text_input(
        "Query",
        placeholder=EXAMPLE,
        help=f"Conditions, joined by and, or, not and brackets: `{EXAMPLE}`. Numbers are "
        "compared by < <= > >= =, words by is, is not, in (…) and contains; names of more than "
        f"one word stand in quotes. What can be asked: {', '.join(names)}. What is not known "
        "of a photo, as a sealed answer, meets no condition.",
        **bind_choice(QUERY, read_choice(QUERY) or "", key="query.line", nothing=""),
    )


@st.fragment
def show_query_tools(
    names: Sequence[str], list_words: Callable[[str], Sequence[str]], kept: Collection[str]
) -> None:
    """Draw the pickers that write the line, and the saved views.

    `list_words` says what a column may be, if not free; `kept` parameters make a view.
    """
    if st.session_state.pop(_CHANGED, False):
        st.rerun()  # the photos are outside of the fragment
    with st.container(horizontal=True, width="content", gap="small"):
        with st.popover("Add a condition", icon=":material/filter_alt:"):
            _show_pickers(names, list_words)
        with st.popover("Views", icon=":material/bookmarks:"):
            _show_views(kept)


def _show_pickers(names: Sequence[str], list_words: Callable[[str], Sequence[str]]) -> None:
    """Draw a condition as pickers; the button writes it into the line."""
    before = read_choice(QUERY) or ""
    by = st.segmented_control("Join", _JOINED, default="and", required=True) if before else "and"
    ordered = sorted(names, key=list(NAMES).index)
    name = st.selectbox("Measure", ordered, format_func=lambda one: f"{NAMES[one]} ({one})")
    condition = _show_value(name, list_words(name) if name in WORDS else ())
    st.button(
        f"Add: {plain(condition)}",
        type="primary",
        key="query.add",
        on_click=lambda: _add(before, str(by), condition),
    )


def _show_value(name: str, words: Sequence[str]) -> str:
    """Draw how a column is compared and with what; return it as a condition."""
    if name in FLAGS:
        answer = st.segmented_control("Is it?", ("yes", "no"), default="yes", required=True)
        return name if answer == "yes" else f"not {name}"
    options = _BY_WORD if name in WORDS else _BY_NUMBER
    options = options if words or name not in WORDS else {"contains": "contains"}
    by = st.selectbox("Compared", list(options), format_func=options.__getitem__)
    if name not in WORDS:
        value = st.number_input("Value", value=0.5 if name not in KNOWN else 0.0, format="%g")
        return f"{name} {by} {value:g}"
    free = by == "contains" or not words
    word = st.text_input("Text") if free else st.selectbox("Value", words)
    return f"{name} {by} {write_value(str(word))}"


def _add(before: str, by: str, condition: str) -> None:
    try:
        after = add_condition(before, by, condition)
    except QueryRefused:  # what stands there cannot be read: it is kept, to be mended by hand
        after = f"{before} {by} {condition}"
    keep_choice(QUERY, after)
    st.session_state[_CHANGED] = True


def _show_views(kept: Collection[str]) -> None:
    """Draw the saved views, and a name for what is shown now."""
    views = list_views(cache.workspace())
    for name, address in views.items():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                plain(name),
                key=f"query.open.{name}",
                type="tertiary",
                width="stretch",
                help=plain(address.get(QUERY, ""), 200) or None,
                on_click=partial(_open_here, address, kept),
            )
            st.button(
                "Delete",
                key=f"query.delete.{name}",
                icon=":material/delete:",
                type="tertiary",
                on_click=partial(delete_view, cache.workspace(), name),
            )
    st.text_input("Save what is shown as", max_chars=LONGEST_NAME, key=_NAME)
    st.button("Save this view", type="primary", key="query.save", on_click=_save, args=(kept,))
    if refused := st.session_state.pop(_REFUSED, None):
        show_problem(*refused)
    st.caption(f"A saved view opens with this page's address and ?{SAVED}=name, too.")


def _save(kept: Collection[str]) -> None:
    address = {name: value for name in kept if (value := read_choice(name))}
    try:
        name = save_view(cache.workspace(), st.session_state[_NAME], address)
    except (PetalscopeError, OSError) as error:  # raised in a callback, where no page catches it
        st.session_state[_REFUSED] = (
            getattr(error, "problem", "The view could not be saved."),
            getattr(error, "remedy", "The workspace cannot be written to."),
        )
        return
    st.session_state.update({_NAME: "", _CHANGED: True})
    tell_after_rerun(f"Saved as “{plain(name)}”: under Views")


def _open_here(address: dict[str, Any], kept: Collection[str]) -> None:
    _open(address, kept)
    st.session_state[_CHANGED] = True


def open_saved(kept: Collection[str]) -> None:
    """Open the view that the link names; it is in the URL afterwards, parameter by parameter."""
    name = st.query_params.pop(SAVED, None)
    if name is None:
        return
    try:
        _open(read_view(cache.workspace(), name), kept)
    except QueryRefused as error:
        show_problem(error.problem, error.remedy)


def _open(address: dict[str, Any], kept: Collection[str]) -> None:
    for name in kept:
        keep_choice(name, address.get(name))
