"""The map of a dataset: its photos in two dimensions, coloured, searched, selected by area.

An area lives in the URL (`area`: corners as "x,y x,y …", areas apart by ";").
"""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.datasets.quality.store import MapMethod, request_analysis
from core.formats import count
from core.ui.dataset.map_charts import MOST_POINTS
from core.ui.dataset.map_reading import (
    HIDDEN,
    HIDE,
    JOB,
    METHODS,
    OF_A_RUN,
    Drawing,
    MapPage,
    read_map_page,
)
from core.ui.dataset.reading import DatasetPage
from core.ui.parts import cache
from core.ui.parts.frame import is_dark, link_page
from core.ui.parts.live_state import follow_job
from core.ui.parts.messages import show_problem
from core.ui.parts.pickers import name_runs, pick_named
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.wall.showing import open_pointed, show_pointed
from data.dataset import Dataset
from models.catalogue import STARTER
from models.weights import WeightsKind, name_usual

_EXPLAINED = {
    "pca": "PCA: far points differ; near points may differ, too.",
    "tsne": "t-SNE: neighbours look alike; distances between far groups mean nothing.",
}
_CORNERS = 80
"""Corners of a lasso in a link: enough for its shape."""


def show_map(page: DatasetPage) -> None:
    """Draw the map with its controls, and the photos of the selected area below it."""
    chart = read_map_page(page.dataset, page.matching)
    if chart.job is not None:
        job, status = chart.job
        if status.state == "running":
            follow_job(cache.workspace().analysis_folder(job), "Map")
            return
        keep_choice(JOB, None)
        if status.state == "failed":
            show_problem(status.problem, status.remedy)
    if chart.positions is None and chart.method == "pca":
        _show_offer(chart)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        _show_controls(chart, pick_run=page.run is None)
    if chart.positions is None:
        _show_offer(chart)
        return
    _draw(chart, chart.positions)
    st.caption(_explain(chart.dataset, chart.method))
    _show_area(page)


def _draw(chart: MapPage, positions: np.ndarray) -> None:
    """Draw the map itself, and the way back from a zoom."""
    colouring = chart.colouring
    cleared = st.session_state.get("map.cleared", 0)
    key = f"map.{chart.dataset.id}.{chart.method}.{colouring.key}.{chart.filtered}.{cleared}"
    window = st.session_state.get(f"{key}.window")
    drawing = chart.draw(is_dark(), window)
    with open_pointed("map"):
        st.plotly_chart(
            drawing.figure,
            theme=None,
            key=key,
            on_select=lambda: _take_area(key, drawing),
            selection_mode=("box", "lasso"),
            config={"scrollZoom": True, "displaylogo": False},
            alt=f"Map of the photos, coloured by {colouring.by}; near points look alike.",
        )
        many = len(chart.dataset) > MOST_POINTS
        show_pointed(chart.dataset, positions, "map", f"{key}.window" if many else "")
    if window is not None:
        st.button(
            "Show the whole map",
            icon=":material/zoom_out_map:",
            type="tertiary",
            on_click=partial(st.session_state.pop, f"{key}.window"),
        )


def _show_controls(chart: MapPage, *, pick_run: bool) -> None:
    """Draw method, colours and highlighted classes; also the run, unless it is picked above."""
    colouring = chart.colouring
    st.segmented_control(
        "Map by",
        list(METHODS),
        format_func=METHODS.__getitem__,
        required=True,
        # An area belongs to one method.
        **bind_choice("map", chart.method, key="map.method", then=clear_area),
    )
    bound = bind_choice("colours", colouring.by, key="map.colours")
    pick_named("Colours", chart.colourings, width=190, **bound)
    if colouring.by in OF_A_RUN and pick_run:
        bound = bind_choice("run", colouring.run, key="map.run")
        pick_named("Run", name_runs(chart.runs.values()), width=300, **bound)
    shown = bind_choice(
        "classes",
        list(colouring.shown),
        key="map.classes",
        write=lambda names: "|".join(names) or None,
    )
    st.multiselect(
        "Highlight classes",
        chart.dataset.classes,
        placeholder="all, or search",
        width=280,
        **shown,
    )
    if colouring.shown:
        st.toggle("Hide the rest", key=HIDE)


def _take_area(key: str, drawing: Drawing) -> None:
    """Write the selected boxes and lassos into the URL."""
    selection: dict[str, Any] = dict(st.session_state[key]["selection"])
    areas = [_corners_of_box(box) for box in selection.get("box") or []]
    areas += [np.column_stack([lasso["x"], lasso["y"]]) for lasso in selection.get("lasso") or []]
    keep_choice("area", ";".join(_write_corners(area) for area in areas) or None)
    # A trace that a click on the legend hid reports no point: its photos are left out.
    reported = {int(point["curve_number"]) for point in selection.get("points") or []}
    silent = [photos for number, photos in enumerate(drawing.traces) if number not in reported]
    st.session_state[HIDDEN] = np.concatenate([np.empty(0, dtype=np.int64), *silent])


def clear_area() -> None:
    keep_choice("area", None)
    st.session_state.pop(HIDDEN, None)
    st.session_state["map.cleared"] = st.session_state.get("map.cleared", 0) + 1


def _show_area(page: DatasetPage) -> None:
    if not page.wanted.area:
        st.info(
            "Draw a box or a lasso on the map to see its photos here, as photos and in the table.",
            icon=":material/highlight_alt:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        photos = count(len(page.photos), "photo")
        st.subheader(f"{photos} in the area", anchor=False, width="content")
        st.button("Clear the area", icon=":material/close:", type="tertiary", on_click=clear_area)
    show_gallery(page.dataset, page.photos, key="photos", badges=page.name_issues)
    show_photo_panel(page.dataset)


def _explain(dataset: Dataset, method: MapMethod) -> str:
    thinned = (
        f" Shows {MOST_POINTS:,} of the {len(dataset):,} photos, and more as you zoom in; an area "
        "selects all of its photos."
        if len(dataset) > MOST_POINTS
        else ""
    )
    return (
        f"{_EXPLAINED[method]}{thinned} Scroll to zoom. In the legend, click a name to hide it, "
        "double-click to show it alone."
    )


def _corners_of_box(box: dict[str, Any]) -> np.ndarray:
    (left, right), (low, high) = box["x"], box["y"]
    return np.array([[left, low], [right, low], [right, high], [left, high]], dtype=np.float64)


def _write_corners(area: np.ndarray) -> str:
    step = max(1, -(-len(area) // _CORNERS))
    return " ".join(f"{x:.4g},{y:.4g}" for x, y in area[::step])


def _show_offer(chart: MapPage) -> None:
    """Draw the requirements of a missing map, and the buttons that start it."""
    photos = count(len(chart.dataset), "photo")
    with st.container(border=True):
        if chart.method != "pca":
            st.markdown(f"**Not computed yet.** {photos}: seconds to a few minutes, once.")
        elif chart.kinds:
            st.markdown("**No map yet.** The features are cached; the map takes seconds.")
        else:
            st.markdown(
                "**No map yet.** The map places photos that look alike near each other. It needs "
                f"the features of {photos}, which are computed once and also used by runs."
            )
        _offer(chart)


@cache.for_editors
def _offer(chart: MapPage) -> None:
    usual = name_usual(cache.workspace(), chart.kinds)
    made = "Make the map" if chart.method == "pca" else "Compute it"
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(made, type="primary", icon=":material/scatter_plot:"):
            _begin(chart, usual)
        for kind in chart.kinds:
            if kind != usual and st.button(f"{made} with {kind} weights"):
                _begin(chart, kind)
    if usual == STARTER:
        st.caption(
            "Uses the built-in weights, trained on drawings. ImageNet weights separate the "
            "classes better."
        )
        link_page("training", "Get other weights", "download")


def _begin(chart: MapPage, weights: WeightsKind) -> None:
    method = None if chart.method == "pca" else chart.method  # PCA comes with the quality analysis
    keep_choice(JOB, request_analysis(cache.workspace(), chart.dataset.id, weights, method))
    st.rerun()
