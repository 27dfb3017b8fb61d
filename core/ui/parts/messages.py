"""What a page says when something is wrong or nothing is there yet, and what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import PetalscopeError
from core.formats import plain
from core.ui.parts.frame import page_file


def show_problem(problem: str, remedy: str) -> None:
    """Draws an error: what is wrong in bold, what to do below it."""
    st.error(f"**{plain(problem)}**\n\n{plain(remedy)}", icon=":material/error:")


@contextmanager
def report_errors() -> Iterator[None]:
    """The one place of a page where our errors become a message; anything else stays loud."""
    try:
        yield
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)


def show_empty(title: str, what_next: str, page: str, label: str, icon: str) -> None:
    """Draws an empty state: what is missing, why it matters, and the way there."""
    with st.container(border=True):
        st.subheader(title, anchor=False)
        st.write(what_next)
        st.page_link(page_file(page), label=label, icon=icon)


def show_random_banner() -> None:
    """The lasting banner of runs on random weights."""
    st.warning(
        "**Random weights.** This backbone has never seen a photo: its features are fixed noise "
        "filters, good for a demonstration without network, not for real work.",
        icon=":material/casino:",
    )
