"""Selections that live in the URL: a link reopens the same dataset, run, split or cell.

Streamlit drops the query parameters when a person moves to another page, so each choice is also
kept in session state under `chosen.<name>`; the URL wins over it.
"""

import streamlit as st


def read_choice(name: str) -> str | None:
    """Returns what the URL says, else what was chosen earlier in this session."""
    chosen = st.query_params.get(name) or st.session_state.get(f"chosen.{name}")
    return str(chosen) if chosen else None


def read_number(text: str, below: int) -> int | None:
    """Returns the whole number of a link, 0 to `below` - 1; None for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # int() refuses endless ones
        return None
    return int(text) if int(text) < below else None


def keep_choice(name: str, value: str | None) -> None:
    """Writes a choice into the URL and the session; None takes it out of both."""
    if value is None:
        st.session_state.pop(f"chosen.{name}", None)
        st.query_params.pop(name, None)
        return
    st.session_state[f"chosen.{name}"] = value
    if st.query_params.get(name) != value:
        st.query_params[name] = value


def change_choice(name: str, value: str) -> None:
    """Makes a choice on behalf of the person: the picker shows it from the next run on."""
    st.session_state.pop(f"picker.{name}", None)
    keep_choice(name, value)
