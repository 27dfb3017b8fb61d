"""Reading of the map of a dataset: method, positions, colours, the selected areas."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, cast

import numpy as np
import streamlit as st

from core.charts.theme import choose_palette
from core.config import fingerprint
from core.datasets.quality.store import MapMethod, find_feature_sets
from core.runs.jobs import JobStatus, read_job
from core.runs.store import RunRecord
from core.ui.dataset.map_charts import (
    Group,
    draw_groups,
    draw_scores,
    find_inside,
    group_by_class,
    thin_photos,
)
from core.ui.parts import cache
from core.ui.parts.choosing import choose_run, list_done
from core.ui.parts.seal import is_opened
from core.ui.parts.state import choose_from, choose_several, keep_choice, read_choice, refuse_value
from data.dataset import Dataset
from data.splits import SPLITS
from models.weights import WeightsKind

METHODS: dict[MapMethod, str] = {"pca": "PCA", "tsne": "t-SNE"}
COLOURINGS = {
    "class": "Class",
    "split": "Split",
    "answers": "Correct or wrong",
    "score": "Score of its class",
}
OF_A_RUN: tuple[str, ...] = ("answers", "score")
JOB = "map_job"
HIDDEN = "map.hidden"
"""Session key: photos in hidden traces, which an area does not select."""
Window = tuple[float, float, float, float]
"""The visible part of a map: ends of x, ends of y."""
_DRAWN_ON = "map.drawn_on"
HIDE = "map.hide"


@dataclass(frozen=True, kw_only=True)
class Colouring:
    """The meaning of the colours, and the highlighted classes."""

    by: str
    run: str | None = None
    shown: tuple[str, ...] = ()
    hide: bool = False
    test_open: bool = False

    @property
    def key(self) -> str:
        """The key of the chart, so that its selection is not taken for another chart's."""
        return f"{self.by}.{self.run}.{hash(self.shown)}.{self.hide}.{self.test_open}"


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure, and the photos (m,) of each of its traces."""

    figure: Any
    traces: tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class MapPage:
    """A map of a dataset, as far as it is computed."""

    dataset: Dataset
    method: MapMethod
    job: tuple[str, JobStatus] | None
    """The job of a map of this dataset that the address names."""
    kinds: list[WeightsKind]
    """Weights with cached features of the dataset, pretrained first."""
    positions: np.ndarray | None
    runs: Mapping[str, RunRecord]
    colourings: Mapping[str, str]
    """The available colourings, with their labels."""
    colouring: Colouring
    matching: np.ndarray
    """(n,) bool, photos that pass the filter of the page."""

    @cached_property
    def highlighted(self) -> np.ndarray:
        """Photos of highlighted classes, (n,) bool; all photos without highlighted classes."""
        shown = [self.dataset.classes.index(name) for name in self.colouring.shown]
        labels = self.dataset.labels
        return np.isin(labels, shown) if shown else np.ones(len(labels), dtype=bool)

    @cached_property
    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Correctly predicted photos, and unsealed photos, (n,) bool each."""
        result = cache.result(self.colouring.run or "")
        right = result.scores.argmax(axis=1) == result.labels
        return right, (result.splits != "test") | self.colouring.test_open

    @property
    def filtered(self) -> str:
        """A fingerprint of the filter; empty if all photos pass."""
        left = np.packbits(self.matching).tobytes().hex()
        return "" if self.matching.all() else fingerprint({"left": left})

    def draw(self, dark: bool, window: Window | None = None) -> Drawing:
        """Return the map, cached for each colouring and window."""
        drawing = _draw(self, dark, window)
        if window is not None:  # the browser forgets where it was when another figure comes
            drawing.figure.update_layout(xaxis_range=window[:2], yaxis_range=window[2:])
        return drawing


def read_map_page(dataset: Dataset, matching: np.ndarray) -> MapPage:
    """Read the map of the address; `matching` (n,) bool are the photos in the filter."""
    workspace = cache.workspace()
    job = read_choice(JOB)
    status = read_job(workspace.analysis_folder(job)) if job else None
    named = job and status and status.parameters.get("dataset") == dataset.id
    kinds = dict.fromkeys(found.kind for found in find_feature_sets(workspace, dataset.id))
    method = _read_method()
    has_any = bool(kinds) and cache.positions(dataset.id, "pca") is not None
    runs = {run.id: run for run in list_done(dataset.id)}
    ways = {name: words for name, words in COLOURINGS.items() if runs or name not in OF_A_RUN}
    return MapPage(
        dataset=dataset,
        method=method if has_any else "pca",
        job=(job, status) if named and job and status else None,
        kinds=list(kinds),
        positions=cache.positions(dataset.id, method) if has_any else None,
        runs=runs,
        colourings=ways,
        colouring=_read_colouring(dataset, ways, list(runs.values())),
        matching=matching,
    )


def read_area(dataset: Dataset) -> str:
    """Return the area of the address; drop an area of another dataset."""
    area = read_choice("area") or ""
    if area and not read_areas(area):
        refuse_value("area")
    if not area:
        st.session_state.pop(_DRAWN_ON, None)
    elif st.session_state.setdefault(_DRAWN_ON, dataset.id) != dataset.id:
        keep_choice("area", None)
        st.session_state.pop(HIDDEN, None)
        return ""
    return area


def find_in_area(dataset: Dataset) -> np.ndarray | None:
    """Return the photos in the area selected on the map as (n,) bool; None without an area."""
    areas = read_areas(read_choice("area") or "")
    positions = cache.positions(dataset.id, _read_method()) if areas else None
    if positions is None:
        return None
    inside = find_inside(positions, areas)
    hidden = np.asarray(st.session_state.get(HIDDEN, ()), dtype=np.int64)
    inside[hidden[hidden < len(inside)]] = False
    return inside


def _read_method() -> MapMethod:
    return cast("MapMethod", choose_from("map", METHODS, "pca"))


def _read_colouring(
    dataset: Dataset, ways: Collection[str], runs: Sequence[RunRecord]
) -> Colouring:
    by = choose_from("colours", ways, "class")
    chosen = choose_run(runs) if by in OF_A_RUN else None
    run = chosen.id if chosen else None
    named = choose_several("classes", dataset.classes, "|")
    shown = tuple(name for name in dataset.classes if name in named)
    hide = bool(shown) and bool(st.session_state.get(HIDE))
    return Colouring(by=by, run=run, shown=shown, hide=hide, test_open=bool(run and is_opened(run)))


def read_areas(text: str) -> list[np.ndarray]:
    """Return the areas of a link, each (v, 2); empty for a malformed link."""
    try:
        areas = [
            np.array([corner.split(",") for corner in area.split()], dtype=np.float64)
            for area in text.split(";")
            if area
        ]
    except ValueError:
        return []
    return [area for area in areas if area.ndim == 2 and area.shape[1] == 2 and len(area) >= 3]


def _identify(page: MapPage) -> tuple[str, MapMethod, Colouring, str]:
    return page.dataset.id, page.method, page.colouring, page.filtered


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={MapPage: _identify})
def _draw(page: MapPage, dark: bool, window: Window | None) -> Drawing:
    assert page.positions is not None, "the map is computed"
    hover, wanted = partial(_name_photos, page), page.highlighted & page.matching
    if window is not None:
        (left, low), (right, high) = np.reshape(window, (2, 2)).T
        x, y = page.positions.T
        wanted = wanted & (x >= left) & (x <= right) & (y >= low) & (y <= high)
    drawn = thin_photos(wanted)
    if page.colouring.by == "score":
        result = cache.result(page.colouring.run or "")
        scores = result.scores[np.arange(len(result.labels)), result.labels]
        known = page.answers[1] & page.highlighted & page.matching
        figure = draw_scores(page.positions, scores, hover, drawn & known, dark)
        return Drawing(figure, (np.flatnonzero(known),))
    groups = _group(page, dark)
    if not page.matching.all():
        left = [replace(one, photos=one.photos[page.matching[one.photos]]) for one in groups]
        faint, others = choose_palette(dark).faint, np.flatnonzero(~page.matching)
        rest = Group(name="excluded by the filter", photos=others, colour=faint, quiet=True)
        groups = [rest, *(group for group in left if len(group.photos))]
    figure = draw_groups(page.positions, groups, hover, drawn, dark)
    return Drawing(figure, tuple(group.photos for group in groups))


def _group(page: MapPage, dark: bool) -> list[Group]:
    dataset, colours = page.dataset, choose_palette(dark)
    by, hide = page.colouring.by, page.colouring.hide
    if by == "class":
        shown = page.colouring.shown
        return group_by_class(dataset.labels, dataset.classes, shown, hide, dark)
    quiet, highlighted = partial(Group, colour=colours.faint, quiet=True), page.highlighted
    faint = [quiet(name="other classes", photos=np.flatnonzero(~highlighted & (not hide)))]
    if by == "split":
        marks = [(split, dataset.splits == split, colours.splits[split]) for split in SPLITS]
    else:
        right, known = page.answers
        sealed = np.flatnonzero(~known & highlighted)
        faint.insert(0, quiet(name="test (sealed)", photos=sealed))
        marks = [
            ("correct", right & known, colours.right),
            ("wrong", ~right & known, colours.wrong),
        ]
    groups = [
        Group(
            name=name,
            photos=np.flatnonzero(flags & highlighted),
            colour=colour,
            symbol="x" if name == "wrong" else "circle",
        )
        for name, flags, colour in marks
    ]
    return [group for group in (*faint, *groups) if len(group.photos)]


def _name_photos(page: MapPage, photos: np.ndarray) -> list[str]:
    """Return the tooltips of photos (m,): file, and the class unless the colour shows it."""
    rows = page.dataset.manifest[["class", "path"]].iloc[photos]
    files = [path.rpartition("/")[2] for path in rows["path"]]
    if page.colouring.by == "class" and not page.colouring.shown:
        return files
    return [f"{name} · {file}" for name, file in zip(rows["class"], files, strict=True)]
