"""Messages of a page: errors, empty states, confirmations and alarms."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from core.errors import PetalscopeError, describe_os_error
from core.formats import count, moment, plain
from core.monitoring.log import count_predictions
from core.monitoring.rules import find_last_check, list_alarms
from core.ui.parts import cache
from core.ui.parts.frame import draw_heading, link_page
from core.ui.parts.state import list_unread

_TOLD = "telling.told"
_NOTE = "An alarm is active: answers may be less reliable."


def show_problem(problem: str, remedy: str) -> None:
    """Draw an error: the problem in bold, the remedy below it."""
    st.error(f"**{plain(problem)}**\n\n{plain(remedy)}", icon=":material/error:")


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn our errors into messages; any other error stays loud."""
    try:
        yield
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
    except OSError as error:
        if (told := describe_os_error(error)) is None:
            raise
        show_problem(told.problem, told.remedy)


@contextmanager
def open_page(title: str, sentence: str, about: str, **more: bool) -> Iterator[None]:
    """Draw the heading (`draw_heading`) and the page; report errors and what its link lacks."""
    draw_heading(title, sentence, about, **more)
    place = st.empty()
    with report_errors():
        yield
        if names := " and ".join(f"“{name}”" for name in list_unread()):
            words = f"This link also names {plain(names, 160)}, which this view does not show."
            place.caption(f":orange[:material/link_off: {words}]")


def show_empty(title: str, what_next: str, page: str, label: str, icon: str) -> None:
    """Draw an empty state with the way to fill it."""
    with st.container(border=True):
        st.subheader(title, anchor=False)
        st.write(what_next)
        link_page(page, label, icon)


def show_random_banner() -> None:
    """Draw the banner of runs on random weights."""
    st.warning(
        "**Random weights.** This backbone has never seen a photo: its filters are random. Use it "
        "for a demonstration without internet, not for real work.",
        icon=":material/casino:",
    )


def tell_after_rerun(sentence: str) -> None:
    """Remember a sentence (Markdown) until `show_told` is drawn."""
    st.session_state[_TOLD] = sentence


def show_told() -> None:
    """Draw the remembered sentence once."""
    sentence = st.session_state.pop(_TOLD, None)
    if sentence:
        st.toast(sentence, icon=":material/check:")


def keep_done(place: str, sentence: str, remedy: str = "") -> None:
    """Remember a confirmation or, with a remedy, a problem at a place until `show_done`."""
    st.session_state[f"{place}.done"] = sentence, remedy


def show_done(place: str) -> None:
    """Draw the remembered confirmation or problem once."""
    sentence, remedy = st.session_state.pop(f"{place}.done", ("", ""))
    if remedy:
        show_problem(sentence, remedy)
    elif sentence:
        st.markdown(f":green[:material/check: {sentence}]", width="content")


def offer_csv(label: str, data: str | bytes | Callable[[], Any], name: str, **how: Any) -> None:
    """Draw the download of a table as CSV."""
    st.download_button(label, data, name, "text/csv", icon=":material/download:", **how)


def show_alarm_note(*, unchecked: bool = False) -> None:
    """Draw one line with a link while an alarm is active, or with `unchecked` answers."""
    home, link, icon = cache.workspace(), "Why?", "warning"
    alarms, checked = list_alarms(home, active=True), find_last_check(home)
    known = count_predictions(home, until=checked) if checked else 0
    if alarms:
        colour, words = "red" if alarms[0].level == "critical" else "orange", _NOTE
    elif unchecked and (new := count_predictions(home) - known):
        since = f"since {moment(checked)}" if checked else "yet"
        words = f"Alarms: not checked {since} ({count(new, 'new answer')})."
        colour, link, icon = "gray", "Check", "schedule"
    else:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":{colour}[:material/{icon}: {words}]", width="content")
        link_page("monitoring", link)
