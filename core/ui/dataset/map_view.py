"""The map of a dataset: its photos in two dimensions, coloured, searched, and selected by area.

A selected area lives in the URL (`area`: corners as "x,y x,y …", areas apart by ";"), so that a
link reopens its photos. What is drawn is decided by `core.ui.dataset.map_colours`.
"""

from typing import Any

import numpy as np
import streamlit as st

from core.datasets.quality.store import MapMethod
from core.formats import count
from core.ui.dataset.cards import show_photo_wall
from core.ui.dataset.map_chart import MOST_POINTS, find_inside
from core.ui.dataset.map_colours import Drawing, draw_map, pick_colouring
from core.ui.dataset.map_making import find_kinds, show_making, show_map_offer
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, read_choice
from data.dataset import Dataset

METHODS: dict[MapMethod, str] = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}

_EXPLAINED = {
    "pca": "PCA: the two directions in which the features differ most. Distances are to scale, but "
    "much is laid on top of each other.",
    "tsne": "t-SNE: near photos look alike to the backbone; distances between far groups mean "
    "nothing.",
    "umap": "UMAP: near photos look alike to the backbone; distances between far groups mean "
    "little.",
}
_CORNERS = 80
"""Corners of a lasso that are kept: enough for its shape, few enough for a link."""


def show_map(dataset: Dataset) -> None:
    """Draws the map with its controls, and the photos of the selected area below it."""
    if show_making(dataset):
        return
    if not find_kinds(dataset) or cache.positions(dataset.id, "pca") is None:
        show_map_offer(dataset, "pca")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        method = _pick_method()
        colouring = pick_colouring(dataset)
    positions = cache.positions(dataset.id, method)
    if positions is None:
        show_map_offer(dataset, method)
        return
    drawing = draw_map(dataset, method, colouring)
    key = f"map.{dataset.id}.{method}.{colouring.key}.{st.session_state.get('map.cleared', 0)}"
    st.plotly_chart(
        drawing.figure,
        theme=None,
        key=key,
        on_select=lambda: _take_area(key),
        selection_mode=("box", "lasso"),
        config={"scrollZoom": True, "displaylogo": False},
        alt=f"Map of the photos, coloured by {colouring.by}; near points look alike.",
    )
    st.caption(_explain(dataset, method))
    _show_area(dataset, positions, drawing)


def _pick_method() -> MapMethod:
    stated = read_choice("map")
    st.session_state["map.method"] = stated if stated in METHODS else "pca"
    st.segmented_control(
        "Map by",
        list(METHODS),
        format_func=METHODS.__getitem__,
        key="map.method",
        on_change=_change_method,
        required=True,
    )
    method: MapMethod = st.session_state["map.method"]
    return method


def _change_method() -> None:
    keep_choice("map", st.session_state["map.method"])
    _clear_area()  # an area of one map is none of another


def _take_area(key: str) -> None:
    """Writes the selected boxes and lassos into the URL."""
    selection: dict[str, Any] = dict(st.session_state[key]["selection"])
    areas = [_corners_of_box(box) for box in selection.get("box") or []]
    areas += [np.column_stack([lasso["x"], lasso["y"]]) for lasso in selection.get("lasso") or []]
    keep_choice("area", ";".join(_write_corners(area) for area in areas) or None)
    # A trace that was hidden by a click on the legend reports no point: its photos are not meant.
    st.session_state["map.curves"] = {
        int(point["curve_number"]) for point in selection.get("points") or []
    }


def _clear_area() -> None:
    keep_choice("area", None)
    st.session_state.pop("map.curves", None)
    st.session_state["map.cleared"] = st.session_state.get("map.cleared", 0) + 1


def _show_area(dataset: Dataset, positions: np.ndarray, drawing: Drawing) -> None:
    areas = _read_areas(read_choice("area") or "")
    if not areas:
        st.info(
            "Draw a box or a lasso on the map: its photos appear here.",
            icon=":material/highlight_alt:",
        )
        return
    curves = st.session_state.get("map.curves")
    shown = np.zeros(len(dataset), dtype=bool)
    for number, photos in enumerate(drawing.traces):
        shown[photos] = curves is None or number in curves
    photos = np.flatnonzero(shown & find_inside(positions, areas))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{count(len(photos), 'photo')} in the area", anchor=False, width="content")
        st.button("Clear the area", icon=":material/close:", type="tertiary", on_click=_clear_area)
    show_photo_wall(dataset, photos, key="map")


def _explain(dataset: Dataset, method: MapMethod) -> str:
    thinned = (
        f" {MOST_POINTS:,} of the {len(dataset):,} photos are drawn; an area selects all in it."
        if len(dataset) > MOST_POINTS
        else ""
    )
    return (
        f"{_EXPLAINED[method]}{thinned} Turn the wheel to zoom; a click on a name in the legend "
        "hides it, a double click shows it alone."
    )


def _corners_of_box(box: dict[str, Any]) -> np.ndarray:
    (left, right), (low, high) = box["x"], box["y"]
    return np.array([[left, low], [right, low], [right, high], [left, high]], dtype=np.float64)


def _write_corners(area: np.ndarray) -> str:
    step = max(1, -(-len(area) // _CORNERS))
    return " ".join(f"{x:.4g},{y:.4g}" for x, y in area[::step])


def _read_areas(text: str) -> list[np.ndarray]:
    """Returns the areas of a link, each (v, 2); nothing when the text is not made by us."""
    try:
        areas = [
            np.array([corner.split(",") for corner in area.split()], dtype=np.float64)
            for area in text.split(";")
            if area
        ]
    except ValueError:
        return []
    return [area for area in areas if area.ndim == 2 and area.shape[1] == 2 and len(area) >= 3]
