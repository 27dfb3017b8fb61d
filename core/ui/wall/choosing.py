"""Which photos are selected on which wall, kept in the session under wall and dataset.

A photo number means nothing in another dataset, so each dataset has selections of its own; they
survive paging, filters and other pages. `turn` counts what the browser told, so that its answer
to an older state is told from the newest.
"""

from collections.abc import Iterable

import numpy as np
import streamlit as st

_CHOSEN = "wall.chosen"
_TURN = "wall.turn"


def read_chosen(key: str, dataset_id: str) -> tuple[int, ...]:
    """Returns the photos selected on a wall, in the order they were selected."""
    return tuple(st.session_state.get(f"{_CHOSEN}.{dataset_id}.{key}", ()))


def choose_photos(key: str, dataset_id: str, photos: Iterable[int] | np.ndarray) -> None:
    """Makes these photos the selection of a wall."""
    st.session_state[f"{_CHOSEN}.{dataset_id}.{key}"] = [int(photo) for photo in photos]


def forget_photos(dataset_id: str, photos: Iterable[int] | None = None) -> None:
    """Takes photos out of the selections of all walls of a dataset; None: all of them."""
    gone = None if photos is None else set(photos)
    for name in [str(name) for name in st.session_state]:
        if name.startswith(f"{_CHOSEN}.{dataset_id}."):
            kept = [] if gone is None else [n for n in st.session_state[name] if n not in gone]
            st.session_state[name] = kept


def read_turn(key: str, dataset_id: str) -> int:
    """Returns the number of the last selection that the browser told."""
    return int(st.session_state.get(f"{_TURN}.{dataset_id}.{key}", 0))


def keep_told(key: str, dataset_id: str, told: object, photos: int) -> None:
    """Takes over what the browser told, {"photos": [...], "turn": n}; anything else is dropped.

    Args:
        photos: How many photos the dataset has: numbers beyond it are none of its.
    """
    if not isinstance(told, dict) or told.get("turn") == read_turn(key, dataset_id):
        return
    numbers, turn = told.get("photos"), told.get("turn")
    if isinstance(numbers, list) and isinstance(turn, int):
        known = (n for n in dict.fromkeys(numbers) if isinstance(n, int) and 0 <= n < photos)
        choose_photos(key, dataset_id, known)
        st.session_state[f"{_TURN}.{dataset_id}.{key}"] = turn
