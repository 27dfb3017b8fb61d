"""What the map of a dataset shows, read once: method, positions, colours, the selected areas.

The figure is drawn once for each way to colour it, and kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from core.charts.theme import choose_palette
from core.config import fingerprint
from core.datasets.quality.results import read_status
from core.datasets.quality.store import MapMethod, find_feature_sets
from core.runs.jobs import JobStatus
from core.runs.store import RunRecord
from core.ui.dataset.map_charts import (
    Group,
    Shades,
    draw_groups,
    draw_scores,
    find_inside,
    group_by_class,
)
from core.ui.parts import cache
from core.ui.parts.choosing import choose_run, list_done
from core.ui.parts.seal import is_opened
from core.ui.parts.state import keep_choice, read_choice
from data.dataset import Dataset
from data.splits import SPLITS
from models.weights import WeightsKind

METHODS: dict[MapMethod, str] = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
COLOURINGS = {
    "class": "Class",
    "split": "Split",
    "answers": "Right or wrong",
    "score": "Score of its class",
    "worth": "Worth",
}
OF_A_RUN = ("answers", "score")
JOB = "map_job"
"""Parameter of the address: the job that makes a map."""
HIDDEN = "map.hidden"
"""Session key: photos whose traces were hidden when the area was drawn: they are not meant."""
_DRAWN_ON = "map.drawn_on"
"""Session key: the dataset on whose map the area was drawn."""
HIDE = "map.hide"
"""Session key: whether classes that are not brought out are left out."""


@dataclass(frozen=True, kw_only=True)
class Colouring:
    """What is coloured, and which classes are brought out."""

    by: str
    run: str | None = None
    shown: tuple[str, ...] = ()
    hide: bool = False
    test_open: bool = False
    """Whether the answers to test photos may be seen."""

    @property
    def key(self) -> str:
        """Name the chart, so that a selection is not taken for one of another."""
        return f"{self.by}.{self.run}.{hash(self.shown)}.{self.hide}.{self.test_open}"


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure, and the photos (m,) of each of its traces."""

    figure: Any
    traces: tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class MapPage:
    """A map of a dataset, or what there is of it."""

    dataset: Dataset
    method: MapMethod
    job: tuple[str, JobStatus] | None
    """The job of a map of this dataset that the address names."""
    kinds: list[WeightsKind]
    """Weights whose features of the dataset are kept, pretrained first."""
    positions: np.ndarray | None
    """(n, 2); None where the map is not made yet."""
    runs: Mapping[str, RunRecord]
    """The finished runs of the dataset."""
    colouring: Colouring
    matching: np.ndarray
    """(n,) bool, photos that the filter of the page leaves."""

    @property
    def colourings(self) -> dict[str, str]:
        """The ways to colour it that something is known for, with their words."""
        missing = set() if self.runs else set(OF_A_RUN)
        missing |= {"worth"} if cache.worth(self.dataset.id) is None else set()
        return {name: words for name, words in COLOURINGS.items() if name not in missing}

    @property
    def filtered(self) -> str:
        """Name the photos that are left; empty where all are."""
        return "" if self.matching.all() else fingerprint({"left": self.matching.tolist()})

    def draw(self, dark: bool) -> Drawing:
        """Return the map, drawn once for each way to colour it."""
        return _draw(self, dark)


def read_map_page(dataset: Dataset, matching: np.ndarray) -> MapPage:
    """Read what the address says of the map of a dataset, and what is there of it.

    Args:
        matching: (n,) bool, photos that the filter leaves; the others are drawn faintly.
    """
    workspace = cache.workspace()
    job = read_choice(JOB)
    status = read_status(workspace, job) if job else None
    named = job and status and status.parameters.get("dataset") == dataset.id
    kinds = dict.fromkeys(found.kind for found in find_feature_sets(workspace, dataset.id))
    method = _read_method()
    has_any = bool(kinds) and cache.positions(dataset.id, "pca") is not None
    runs = {run.id: run for run in list_done(dataset.id)}
    return MapPage(
        dataset=dataset,
        method=method if has_any else "pca",
        job=(job, status) if named and job and status else None,
        kinds=list(kinds),
        positions=cache.positions(dataset.id, method) if has_any else None,
        runs=runs,
        colouring=_read_colouring(dataset, runs),
        matching=matching,
    )


def read_area(dataset: Dataset) -> str:
    """Return the area of the address; one of another dataset's map is let go."""
    area = read_choice("area") or ""
    if not area:
        st.session_state.pop(_DRAWN_ON, None)
    elif st.session_state.setdefault(_DRAWN_ON, dataset.id) != dataset.id:
        keep_choice("area", None)
        st.session_state.pop(HIDDEN, None)
        return ""
    return area


def find_in_area(dataset: Dataset) -> np.ndarray | None:
    """Return which photos are in the area selected on the map, (n,) bool; None without an area."""
    areas = read_areas(read_choice("area") or "")
    positions = cache.positions(dataset.id, _read_method()) if areas else None
    if positions is None:
        return None
    inside = find_inside(positions, areas)
    hidden = np.asarray(st.session_state.get(HIDDEN, ()), dtype=np.int64)
    inside[hidden[hidden < len(inside)]] = False
    return inside


def _read_method() -> MapMethod:
    stated = read_choice("map")
    return next((one for one in METHODS if one == stated), "pca")


def _read_colouring(dataset: Dataset, runs: Mapping[str, RunRecord]) -> Colouring:
    by, run = read_choice("colours"), None
    if by not in COLOURINGS or (by in OF_A_RUN and not runs):
        by = "class"
    if by == "worth" and cache.worth(dataset.id) is None:
        by = "class"
    if by in OF_A_RUN:
        chosen = choose_run(list(runs.values()))
        run = chosen.id if chosen else None
    named = (read_choice("classes") or "").split("|")
    shown = tuple(name for name in dataset.classes if name in named)
    hide = bool(shown) and bool(st.session_state.get(HIDE))
    return Colouring(by=by, run=run, shown=shown, hide=hide, test_open=bool(run and is_opened(run)))


def read_areas(text: str) -> list[np.ndarray]:
    """Return the areas of a link, each (v, 2); nothing when the text is not made by us."""
    try:
        areas = [
            np.array([corner.split(",") for corner in area.split()], dtype=np.float64)
            for area in text.split(";")
            if area
        ]
    except ValueError:
        return []
    return [area for area in areas if area.ndim == 2 and area.shape[1] == 2 and len(area) >= 3]


def _identify(page: MapPage) -> tuple[str, MapMethod, Colouring, str, str]:
    worth = cache.worth(page.dataset.id) if page.colouring.by == "worth" else None
    return page.dataset.id, page.method, page.colouring, page.filtered, worth.id if worth else ""


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={MapPage: _identify})
def _draw(page: MapPage, dark: bool) -> Drawing:
    dataset, colouring = page.dataset, page.colouring
    assert page.positions is not None, "the page asks for maps that are there"
    hover = _name_photos(dataset, colouring)
    if colouring.by in ("score", "worth"):
        of = _score_photos if colouring.by == "score" else _weigh_photos
        shades, photos = of(dataset, colouring)
        photos = photos[page.matching[photos]]
        return Drawing(draw_scores(page.positions, photos, shades, hover, dark), (photos,))
    groups = _leave(_group(dataset, colouring, dark), page.matching, choose_palette(dark).faint)
    figure = draw_groups(page.positions, groups, hover, dark)
    return Drawing(figure, tuple(group.photos for group in groups))


def _leave(groups: list[Group], matching: np.ndarray, faint: str) -> list[Group]:
    """Return the groups with the photos that the filter leaves; the others are one quiet group."""
    if matching.all():
        return groups
    rest = Group(
        name="left out by the filter", photos=np.flatnonzero(~matching), colour=faint, quiet=True
    )
    left = [replace(group, photos=group.photos[matching[group.photos]]) for group in groups]
    return [rest, *(group for group in left if len(group.photos))]


def _group(dataset: Dataset, colouring: Colouring, dark: bool) -> list[Group]:
    colours = choose_palette(dark)
    if colouring.by == "class":
        return group_by_class(
            dataset.labels, dataset.classes, colouring.shown, colouring.hide, dark
        )
    if colouring.by == "split":
        marks = [(split, dataset.splits == split, colours.splits[split]) for split in SPLITS]
    else:
        right, known = _answer_photos(colouring)
        marks = [
            ("right", right & known, colours.right),
            ("wrong", ~right & known, colours.wrong),
        ]
        sealed = np.flatnonzero(~known & _brought_out(dataset, colouring))
        if len(sealed):
            quiet = Group(name="test (sealed)", photos=sealed, colour=colours.faint, quiet=True)
            return [quiet, *_as_groups(dataset, colouring, marks, colours.faint)]
    return _as_groups(dataset, colouring, marks, colours.faint)


def _as_groups(
    dataset: Dataset, colouring: Colouring, marks: list[tuple[str, np.ndarray, str]], faint: str
) -> list[Group]:
    shown = _brought_out(dataset, colouring)
    shapes = {"wrong": "x"}
    groups = [
        Group(
            name=name,
            photos=np.flatnonzero(flags & shown),
            colour=colour,
            symbol=shapes.get(name, "circle"),
        )
        for name, flags, colour in marks
    ]
    rest = np.flatnonzero(~shown)
    if len(rest) and not colouring.hide:
        groups.insert(0, Group(name="other classes", photos=rest, colour=faint, quiet=True))
    return [group for group in groups if len(group.photos)]


def _brought_out(dataset: Dataset, colouring: Colouring) -> np.ndarray:
    """Return which photos are of a class that is brought out, (n,) bool; all when none is."""
    if not colouring.shown:
        return np.ones(len(dataset), dtype=bool)
    numbers = [dataset.classes.index(name) for name in colouring.shown]
    return np.isin(dataset.labels, numbers)


def _answer_photos(colouring: Colouring) -> tuple[np.ndarray, np.ndarray]:
    """Return which photos the run answers rightly, and of which that may be seen, (n,) bool."""
    result = cache.result(colouring.run or "")
    right = result.scores.argmax(axis=1) == result.labels
    return right, (result.splits != "test") | colouring.test_open


def _score_photos(dataset: Dataset, colouring: Colouring) -> tuple[Shades, np.ndarray]:
    """Return the score of its class for each photo, and the photos that may be seen."""
    result = cache.result(colouring.run or "")
    scores = result.scores[np.arange(len(result.labels)), result.labels]
    _, known = _answer_photos(colouring)
    shades = Shades(values=scores, title="score of its class")
    return shades, np.flatnonzero(known & _brought_out(dataset, colouring))


def _weigh_photos(dataset: Dataset, colouring: Colouring) -> tuple[Shades, np.ndarray]:
    """Return the worth of each photo, and the training photos: no others have one."""
    found = cache.worth(dataset.id)
    assert found is not None, "the page asks for colours that are there"
    values = found.photos["worth"].to_numpy()
    known = np.isfinite(values)
    most = max(0.1, float(np.quantile(np.abs(values[known]), 0.98)))
    title = "worth, of an average photo's share"
    shades = Shades(values=values, title=title, low=-most, high=most, digits="+.1f")
    return shades, np.flatnonzero(known & _brought_out(dataset, colouring))


def _name_photos(dataset: Dataset, colouring: Colouring) -> np.ndarray:
    """Return what a photo is called under the pointer, (n,) str: file, and class if need be."""
    files = dataset.manifest["path"].str.rpartition("/")[2]
    if colouring.by == "class" and not colouring.shown:
        return np.asarray(files, dtype=object)
    return np.asarray(dataset.manifest["class"] + " · " + files, dtype=object)
