"""What is chosen on the confusion page: a cell, a whole row or a whole column.

It lives in the URL: `true` alone is a row, `predicted` alone a column, both a cell. The grid and
the list of pairs both write it there; whichever was clicked last is what is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.ui.parts.state import keep_choice, read_choice

_CLEARED = "confusion.cleared"


@dataclass(frozen=True)
class Chosen:
    """Class numbers of row and column; not both are None."""

    true: int | None
    predicted: int | None

    @property
    def is_error(self) -> bool:
        """Whether it is a cell beside the diagonal."""
        return None not in (self.true, self.predicted) and self.true != self.predicted


def read_chosen(classes: Sequence[str]) -> Chosen | None:
    """Returns what is chosen, or None; names that are no class of the run count as nothing."""
    names = ("true", "predicted")
    if any(name in st.query_params for name in names):  # a link to a row names no column
        stated = [st.query_params.get(name) for name in names]
    else:
        stated = [read_choice(name) for name in names]
    true, predicted = (classes.index(one) if one in classes else None for one in stated)
    if true is None and predicted is None:
        return None
    choose(classes, true, predicted)
    return Chosen(true, predicted)


def choose(classes: Sequence[str], true: int | None, predicted: int | None) -> None:
    """Writes what is chosen into the URL; both None takes it out."""
    keep_choice("true", None if true is None else classes[true])
    keep_choice("predicted", None if predicted is None else classes[predicted])


def forget_row() -> None:
    """Takes the tick off the list of pairs, when something was chosen elsewhere."""
    st.session_state[_CLEARED] = turn_of_list() + 1


def turn_of_list() -> int:
    """Returns a number that is part of the list's key: another one is a list without a tick."""
    return int(st.session_state.get(_CLEARED, 0))
