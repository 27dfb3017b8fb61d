"""The drawn part of the matrix: its classes, and the zoom into their order."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.evaluation.confusion import (
    Order,
    find_look_alikes,
    list_most_confused,
    most_confused_pairs,
    order_classes,
)
from core.formats import count
from core.ui.parts.state import keep_choice, read_choice, refuse_value

ZOOMED = "confusion.zoomed"
"""Session key of the name of the zoomed matrix."""
_TOPS = (5, 10, 20, 40)
_MOST_GROUPS = 12
_MOST_PAIRS = 20
_MOST_WHOLE = 300
"""Classes up to which the whole matrix is drawn by default."""
_ZOOM = re.compile(r"(\d{1,5})-(\d{1,5})_(\d{1,5})-(\d{1,5})")


@dataclass(frozen=True, kw_only=True)
class Part:
    """The classes among which the matrix is drawn."""

    label: str
    classes: np.ndarray
    """(m,) int, class numbers."""


@dataclass(frozen=True, kw_only=True)
class Zoom:
    """First and last place of the drawn rows and columns, in the order of the classes."""

    rows: tuple[int, int]
    columns: tuple[int, int]


def list_parts(matrix: np.ndarray, classes: Sequence[str]) -> dict[str, Part]:
    """Return the parts of the matrix to choose from, by their name in the URL."""
    k = len(classes)
    parts = {"all": Part(label=f"All {count(k, 'class')}", classes=np.arange(k))}
    # With few photos a class, the most confused classes are rarely confused with each other.
    if k > _MOST_WHOLE:
        pairs = most_confused_pairs(matrix, classes, _MOST_PAIRS)
        numbers = np.flatnonzero(np.isin(classes, pairs[["true", "predicted"]]))
        if len(numbers):
            parts["pairs"] = Part(label=f"The {len(pairs)} most confused pairs", classes=numbers)
    for top in _TOPS:
        numbers = list_most_confused(matrix, top)
        if len(numbers) == top < k:
            parts[f"top-{top}"] = Part(label=f"The {top} most confused", classes=numbers)
    groups = [one for one in find_look_alikes(matrix) if len(one.classes) < k]
    for group in groups[:_MOST_GROUPS]:
        names = [classes[number] for number in group.classes]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        label = f"Look-alikes: {', '.join(names[:3])}{more} ({group.confused:,} confused)"
        # By a class, not by its place: a link to another run or split must not show another group.
        parts[f"alike-{min(names)}"] = Part(label=label, classes=np.array(group.classes))
    return parts


@st.cache_resource(max_entries=32, show_spinner=False)
def find_parts(
    of: Hashable,  # noqa: ARG001 (part of the key)
    _matrix: np.ndarray,
    _classes: Sequence[str],
) -> dict[str, Part]:
    """Return `list_parts`, cached: the tree of 3,000 classes takes a second."""
    return list_parts(_matrix, _classes)


@st.cache_resource(max_entries=32, show_spinner=False)
def find_order(
    of: Hashable,  # noqa: ARG001 (part of the key)
    order: Order,
    _matrix: np.ndarray,
    _classes: Sequence[str],
) -> np.ndarray:
    """Return `order_classes`, cached."""
    return order_classes(_matrix, _classes, order)


def choose_part(parts: Mapping[str, Part], n_classes: int) -> str:
    """Return the default part: a few classes if there are very many."""
    return "pairs" if n_classes > _MOST_WHOLE and "pairs" in parts else "all"


def zoom_out() -> None:
    """Go back to the whole matrix."""
    keep_choice("zoom", None)


def read_zoom(size: int, name: str) -> Zoom | None:
    """Return the zoom in the URL; None where it does not fit the matrix of this name."""
    stated = read_choice("zoom")
    found = _ZOOM.fullmatch(stated) if stated else None
    top, bottom, left, right = map(int, found.groups()) if found else (0, -1, 0, -1)
    fits = top <= bottom < size and left <= right < size
    if not fits:
        refuse_value("zoom")
    if not fits or st.session_state.setdefault(ZOOMED, name) != name:
        zoom_out()
        st.session_state.pop(ZOOMED, None)
        return None
    keep_choice("zoom", stated)
    return Zoom(rows=(top, bottom), columns=(left, right))
