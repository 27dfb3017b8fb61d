"""Selections in the URL: a link reopens the same dataset, run, split or cell.

The session has them too, under `chosen.<name>`, as Streamlit drops the URL's between pages; the
URL wins.
"""

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st


def read_choice(name: str) -> str | None:
    """Return the choice in the URL, else the earlier one of this session."""
    chosen = st.query_params.get(name) or st.session_state.get(f"chosen.{name}")
    return str(chosen) if chosen else None


def read_number(text: str, below: int) -> int | None:
    """Return the whole number in a link, 0 to `below` - 1; None for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # int() refuses longer ones
        return None
    return int(text) if int(text) < below else None


def keep_choice(name: str, value: str | None) -> None:
    """Write a choice into the URL and the session; None removes it from both."""
    if value is None:
        st.session_state.pop(f"chosen.{name}", None)
        st.query_params.pop(name, None)
        return
    st.session_state[f"chosen.{name}"] = value
    if st.query_params.get(name) != value:
        st.query_params[name] = value


def settle_choice(name: str, options: Collection[str], otherwise: str) -> str:
    """Return the choice among the options, else `otherwise`, and write it into the URL."""
    stated = read_choice(name)
    chosen = stated if stated is not None and stated in options else otherwise
    keep_choice(name, chosen)
    return chosen


def bind_choice(
    name: str,
    value: Any,
    *,
    key: str,
    nothing: object = None,
    then: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Return key and callback of a widget that shows a choice and writes changes into the URL.

    Args:
        value: The choice that the page has read.
        nothing: The option that removes the parameter from the URL.
        then: Called after a change.
    """
    st.session_state[key] = value

    def take() -> None:
        chosen = st.session_state[key]
        keep_choice(name, None if chosen == nothing else str(chosen))
        if then:
            then()

    return {"key": key, "on_change": take}


def choose_by_row(key: str, choose: Callable[[int | None], None]) -> dict[str, Any]:
    """Return key and callback of a table; `choose` takes the number of the row, or None."""

    def take() -> None:
        rows: list[int] = st.session_state[key]["selection"]["rows"]
        choose(rows[0] if rows else None)

    return {"key": key, "on_select": take, "selection_mode": "single-row"}


def read_chosen_mark(key: str, selection: str) -> dict[str, Any]:
    """Return the fields of the selected mark of a chart; empty without a selection."""
    marks: list[dict[str, Any]] = st.session_state[key]["selection"].get(selection) or [{}]
    return marks[0]
