"""Selections in the URL: a link reopens the same dataset, run, split or cell.

The session has them too, under `chosen.<name>`, as Streamlit drops the URL's between pages; the
URL wins. A link to something unknown ends the page: nothing else is shown in its place. A name in
a link that the page never asks for is reported (`list_unread`).
"""

from collections import deque
from collections.abc import Callable, Collection
from typing import Any, NoReturn, TypeVar

import streamlit as st

from core.formats import plain

T = TypeVar("T")
_PAGE, _READ, _UNREAD = "link.page", "link.read", "link.unread"
"""The page, the names that it read in this run, and those of its link that it has not read."""
_OURS: deque[int] = deque(maxlen=2_000)
"""Digests of addresses that pages of this server have left in browsers."""


def read_stated(name: str) -> str | None:
    """Return the choice in the URL, which this view shows."""
    st.session_state.setdefault(_READ, set()).add(name)
    return st.query_params.get(name)


def read_choice(name: str) -> str | None:
    """Return the choice in the URL, else the earlier one of this session."""
    chosen = read_stated(name) or st.session_state.get(f"chosen.{name}")
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
    else:
        st.session_state[f"chosen.{name}"] = value
        if read_stated(name) != value:
            st.query_params[name] = value
    _remember_address()


def follow_link(page: str) -> None:
    """Forget earlier choices that the address of another page states anew."""
    st.session_state[_READ] = set()
    if st.session_state.get(_PAGE) != page:
        st.session_state[_PAGE] = page
        st.session_state[_UNREAD] = [] if _digest_address() in _OURS else list(st.query_params)
        for name in st.query_params:
            st.session_state.pop(f"chosen.{name}", None)


def list_unread() -> list[str]:
    """Return the names in the link that this view does not show; call it after drawing."""
    bound = set(st.session_state)  # by a widget of that name
    left = st.query_params.keys() - st.session_state[_READ] - bound
    st.session_state[_UNREAD] = unread = [one for one in st.session_state[_UNREAD] if one in left]
    _remember_address()
    return unread


def _remember_address() -> None:
    """Remember an address that this page leaves: opened again, it is no link from outside."""
    if not st.session_state.get(_UNREAD) and (digest := _digest_address()) not in _OURS:
        _OURS.append(digest)


def _digest_address() -> int:
    return hash((st.session_state.get(_PAGE), frozenset(st.query_params.to_dict().items())))


def is_linked(name: str) -> bool:
    """Return whether the URL holds a choice that this session did not make: a link does."""
    stated = st.query_params.get(name)
    return bool(stated) and stated != st.session_state.get(f"chosen.{name}")


def refuse_link(problem: str, *names: str) -> NoReturn:
    """Report a link to something unknown, offer the page without it, and end the page."""
    st.warning(f"**This link cannot be shown.** {problem}", icon=":material/link_off:")

    def drop() -> None:
        for name in names:
            keep_choice(name, None)

    st.button("Show the page without it", key=f"link.{names[0]}", on_click=drop)
    st.stop()


def refuse_value(name: str) -> None:
    """Refuse a link because of one value; drop an earlier choice that fits no longer."""
    stated = f"{name}={st.query_params.get(name)}"
    if is_linked(name):
        reason = f"It asks for “{plain(stated, 40)}”, which this page does not have."
        refuse_link(reason, name)
    st.query_params.pop(name, None)


def choose_from(name: str, options: Collection[str], otherwise: T) -> str | T:
    """Return the choice among the options, else `otherwise`; refuse a link to another value."""
    stated = read_choice(name)
    if stated is None or stated not in options:
        refuse_value(name)
        return otherwise
    st.session_state[f"chosen.{name}"] = stated
    return stated


def choose_several(name: str, options: Collection[str], between: str = ",") -> list[str]:
    """Return the choices among the options, without repeats; refuse a link to other values."""
    stated = [one for one in dict.fromkeys((read_choice(name) or "").split(between)) if one]
    if is_linked(name) and any(one not in options for one in stated):
        refuse_value(name)
    return [one for one in stated if one in options]


def choose_number(name: str, below: int, least: int = 0) -> int | None:
    """Return a whole number from `least` to `below` - 1, or None; refuse a link to another."""
    stated = read_choice(name)
    number = read_number(stated or "", below)
    if number is not None and number >= least:
        return number
    refuse_value(name)
    return None


def settle_choice(name: str, options: Collection[str], otherwise: str) -> str:
    """Return the choice among the options, else `otherwise`, and write it into the URL."""
    chosen = choose_from(name, options, otherwise)
    keep_choice(name, chosen)
    return chosen


def bind_choice(
    name: str,
    value: Any,
    *,
    key: str,
    write: Callable[[Any], str | None] = lambda chosen: None if chosen is None else str(chosen),
    then: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Return key and callback of a widget that shows a choice and writes changes into the URL.

    Args:
        value: The choice that the page has read.
        write: Returns the parameter for a value of the widget; None removes it from the URL.
        then: Called after a change.
    """
    st.session_state[key] = value

    def take() -> None:
        keep_choice(name, write(st.session_state[key]))
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
