"""Which part of the matrix is drawn, and how: order, classes, zoom, and what the cells show.

All of it lives in the URL: `order`, `among`, `cells`, `diagonal`, `look_for` (a class) and `zoom`
(first and last place of rows and columns under that order, counted from 0, as "3-9_0-20").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.evaluation.confusion import (
    Order,
    Value,
    find_look_alikes,
    list_most_confused,
    order_classes,
)
from core.formats import count, plain
from core.ui.parts.state import keep_choice, read_choice

_VALUES: dict[Value, str] = {
    "count": "Counts",
    "row share": "Share of row",
    "column share": "Share of column",
}
_ORDERS: dict[Order, str] = {
    "name": "By name",
    "support": "Most photos first",
    "accuracy": "Worst recognised first",
    "confusion": "Look-alikes together",
}
_TOPS = (5, 10, 20, 40)
_MOST_GROUPS = 12
_ZOOM = re.compile(r"(\d{1,5})-(\d{1,5})_(\d{1,5})-(\d{1,5})")
_ZOOMED = "confusion.zoomed"
"""Session key: of which matrix the zoom is."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The rows and columns that are drawn, as class numbers in their order."""

    order: Order
    rows: np.ndarray
    columns: np.ndarray
    zoomed: bool
    n_classes: int
    first: tuple[int, int]
    """Places of the first row and column drawn, among all that the order holds."""

    @property
    def words(self) -> str:
        """What is left out, in a sentence; "" when the whole matrix is drawn."""
        drawn = (len(self.rows), len(self.columns))
        if drawn == (self.n_classes, self.n_classes):
            return ""
        return f"{drawn[0]} rows × {drawn[1]} columns of {self.n_classes} classes."


def pick_scope(
    matrix: np.ndarray, classes: Sequence[str], name: str, places: Sequence[DeltaGenerator]
) -> Scope:
    """Draws the pickers of order, classes and the class looked for; returns what is to be drawn.

    Args:
        matrix: (k, k) counts that order and groups go by.
        classes: Names of the k classes.
        name: Of the matrix: a zoom into another one is dropped.
        places: Where the three pickers stand.
    """
    left, middle, right = places[:3]
    with left:
        order = _pick_order()
    among = _list_parts(matrix, classes)
    with middle:
        part = _pick_part(among)
    with right:
        _pick_class(classes)
    wanted = among[part][1]
    arranged = order_classes(matrix, classes, order)
    arranged = arranged[np.isin(arranged, wanted)]
    zoom = _read_zoom(len(arranged), name)
    if zoom is None:
        zoom = (0, len(arranged) - 1, 0, len(arranged) - 1)
    top, bottom, first, last = zoom
    return Scope(
        order=order,
        rows=arranged[top : bottom + 1],
        columns=arranged[first : last + 1],
        zoomed=bottom - top + 1 < len(arranged) or last - first + 1 < len(arranged),
        n_classes=len(classes),
        first=(top, first),
    )


def pick_value() -> tuple[Value, bool]:
    """Draws what cells show; returns it, and whether the diagonal is left uncoloured."""
    key, stated = "confusion.cells", read_choice("cells")
    st.session_state[key] = stated if stated in _VALUES else "count"
    st.segmented_control(
        "Cells show",
        list(_VALUES),
        format_func=_VALUES.__getitem__,
        key=key,
        on_change=lambda: keep_choice("cells", st.session_state[key]),
        label_visibility="collapsed",
        required=True,
    )
    hidden = "confusion.hide_diagonal"
    st.session_state[hidden] = read_choice("diagonal") == "hidden"
    st.toggle(
        "Hide the diagonal",
        key=hidden,
        on_change=lambda: keep_choice("diagonal", "hidden" if st.session_state[hidden] else None),
    )
    value: Value = st.session_state[key]
    return value, bool(st.session_state[hidden])


def read_looked_for(classes: Sequence[str]) -> int | None:
    """Returns the number of the class that is looked for, or None."""
    stated = read_choice("look_for")
    return classes.index(stated) if stated in classes else None


def zoom_into(scope: Scope, name: str, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    """Writes into the URL that only these places of what is drawn are to be drawn.

    Args:
        scope: What is drawn now.
        name: Of the matrix.
        rows: First and last place of the rows.
        columns: The same of the columns.
    """
    top, left = scope.first
    keep_choice("zoom", f"{top + rows[0]}-{top + rows[1]}_{left + columns[0]}-{left + columns[1]}")
    st.session_state[_ZOOMED] = name


def show_zoom(scope: Scope, classes: Sequence[str], looked_for: int | None) -> None:
    """Says what part of the matrix is drawn, with the way back to all of it."""
    if not scope.words:
        return
    missing = looked_for is not None and looked_for not in {*scope.rows, *scope.columns}
    if missing and looked_for is not None:
        st.caption(f":orange[{plain(classes[looked_for], 40)} is not among the classes shown.]")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":material/crop: {scope.words} Shares are of all photos of a class.", width="content"
        )
        if scope.zoomed:
            st.button("Zoom out", icon=":material/zoom_out_map:", on_click=_zoom_out)


def _zoom_out() -> None:
    keep_choice("zoom", None)


def _pick_order() -> Order:
    key, stated = "confusion.order", read_choice("order")
    st.session_state[key] = stated if stated in _ORDERS else "name"
    st.selectbox(
        "Order of classes",
        list(_ORDERS),
        key=key,
        format_func=_ORDERS.__getitem__,
        on_change=partial(_rearrange, "order", key),
        help="Look-alikes together: classes that are taken for each other stand side by side, by "
        "average-linkage clustering of the shares of photos taken for each other.",
    )
    order: Order = st.session_state[key]
    return order


def _list_parts(matrix: np.ndarray, classes: Sequence[str]) -> dict[str, tuple[str, np.ndarray]]:
    """Returns the parts of the matrix that can be drawn: key → (label, class numbers)."""
    parts = {"all": (f"All {count(len(classes), 'class')}", np.arange(len(classes)))}
    for top in _TOPS:
        numbers = list_most_confused(matrix, top)
        if len(numbers) == top < len(classes):
            parts[f"top-{top}"] = (f"The {top} most confused", numbers)
    groups = [one for one in find_look_alikes(matrix) if len(one.classes) < len(classes)]
    for group in groups[:_MOST_GROUPS]:
        names = [classes[number] for number in group.classes]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        label = f"Look-alikes: {', '.join(names[:3])}{more} ({group.confused:,} confused)"
        # By a class, not by its place: a link to another run or split must not show another group.
        parts[f"alike-{min(names)}"] = (label, np.array(group.classes))
    return parts


def _pick_part(parts: dict[str, tuple[str, np.ndarray]]) -> str:
    key, stated = "confusion.among", read_choice("among")
    st.session_state[key] = stated if stated in parts else "all"
    return str(
        st.selectbox(
            "Classes shown",
            list(parts),
            key=key,
            format_func=lambda part: parts[part][0],
            on_change=partial(_rearrange, "among", key),
            help="Most confused: an error counts for the class it was and for the class it was "
            "taken for. Look-alikes: classes that take on average 3 % or more of their photos for "
            "each other.",
        )
    )


def _pick_class(classes: Sequence[str]) -> None:
    key, stated = "confusion.look_for", read_choice("look_for")
    st.session_state[key] = stated if stated in classes else None
    st.selectbox(
        "Find a class",
        sorted(classes, key=str.casefold),
        index=None,
        key=key,
        placeholder="Type a name",
        on_change=lambda: keep_choice("look_for", st.session_state[key]),
        help="Marks its row and its column, and lists what it is confused with.",
    )


def _rearrange(name: str, key: str) -> None:
    keep_choice(name, st.session_state[key])
    _zoom_out()  # the places are others now


def _read_zoom(size: int, name: str) -> tuple[int, int, int, int] | None:
    stated = read_choice("zoom")
    found = _ZOOM.fullmatch(stated) if stated else None
    if found is None:
        return None
    top, bottom, left, right = (int(number) for number in found.groups())
    fits = top <= bottom < size and left <= right < size
    if not fits or st.session_state.setdefault(_ZOOMED, name) != name:
        _zoom_out()
        st.session_state.pop(_ZOOMED, None)
        return None
    keep_choice("zoom", stated)
    return top, bottom, left, right
