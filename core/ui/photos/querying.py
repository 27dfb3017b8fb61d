"""The query of a list of photos (`q` in the URL), and pickers that write it."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.datasets.photo_table import FLAGS, KNOWN, NAMES, WORDS
from core.datasets.query import add_condition, write_value
from core.errors import QueryRefused
from core.formats import plain
from core.ui.parts.state import bind_choice, keep_choice, read_choice

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
        **bind_choice(QUERY, read_choice(QUERY) or "", key="query.line", nothing=""),
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
        _show_pickers(names, list_words)


def _show_pickers(names: Sequence[str], list_words: Callable[[str], Sequence[str]]) -> None:
    """Draw the pickers and the button that adds their condition to the query."""
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
    """Draw operator and value for a column; return the condition."""
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
    except QueryRefused:  # the query has an error: the condition is appended anyway
        after = f"{before} {by} {condition}"
    keep_choice(QUERY, after)
    st.session_state[_CHANGED] = True
