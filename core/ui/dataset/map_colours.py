"""What the colours of the map mean: class, split, right or wrong of a run, or its score."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from core.charts.theme import choose_palette
from core.datasets.quality.store import MapMethod
from core.runs.store import list_runs
from core.ui.dataset.map_chart import Group, draw_groups, draw_scores, group_by_class
from core.ui.parts import cache
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import describe_run
from core.ui.parts.seal import is_opened
from core.ui.parts.state import keep_choice, read_choice
from data.dataset import Dataset
from data.splits import SPLITS

COLOURINGS = {
    "class": "Class",
    "split": "Split",
    "answers": "Right or wrong",
    "score": "Score of its class",
}
_OF_A_RUN = ("answers", "score")


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
        """Names the chart, so that a selection is not taken for one of another."""
        return f"{self.by}.{self.run}.{hash(self.shown)}.{self.hide}.{self.test_open}"


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure, and the photos (m,) of each of its traces."""

    figure: Any
    traces: tuple[np.ndarray, ...]


def pick_colouring(dataset: Dataset) -> Colouring:
    """Returns what the colours mean, picked on the page; kept in the URL."""
    runs = {run.id: run for run in list_runs(cache.workspace(), dataset.id) if run.state == "done"}
    options = [name for name in COLOURINGS if runs or name not in _OF_A_RUN]
    by = _pick("colours", "Colours", options, COLOURINGS, width=190) or "class"
    run = None
    if by in _OF_A_RUN:
        names = {key: describe_run(record) for key, record in runs.items()}
        run = _pick("run", "Run", list(runs), names, width=300)
    shown = _pick_classes(dataset)
    hide = bool(shown) and st.toggle("Hide the rest", key="map.hide")
    opened = bool(run and is_opened(run))
    return Colouring(by=by, run=run, shown=shown, hide=hide, test_open=opened)


def draw_map(dataset: Dataset, method: MapMethod, colouring: Colouring) -> Drawing:
    """Returns the map, drawn once for each way to colour it."""
    positions = cache.positions(dataset.id, method)
    assert positions is not None, "the page asks for maps that are there"
    return _draw(dataset, method, colouring, is_dark(), positions)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _draw(
    dataset: Dataset,
    method: MapMethod,  # noqa: ARG001 (part of the key)
    colouring: Colouring,
    dark: bool,
    _positions: np.ndarray,
) -> Drawing:
    hover = _name_photos(dataset, colouring)
    if colouring.by == "score" and colouring.run:
        scores, photos = _score_photos(dataset, colouring)
        figure = draw_scores(_positions, photos, scores, hover, dark)
        return Drawing(figure, (photos,))
    groups = _group(dataset, colouring, dark)
    return Drawing(
        draw_groups(_positions, groups, hover, dark), tuple(group.photos for group in groups)
    )


def _group(dataset: Dataset, colouring: Colouring, dark: bool) -> list[Group]:
    colours = choose_palette(dark)
    if colouring.by == "class" or (colouring.by in _OF_A_RUN and not colouring.run):
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
    """Returns which photos are of a class that is brought out, (n,) bool; all when none is."""
    if not colouring.shown:
        return np.ones(len(dataset), dtype=bool)
    numbers = [dataset.classes.index(name) for name in colouring.shown]
    return np.isin(dataset.labels, numbers)


def _answer_photos(colouring: Colouring) -> tuple[np.ndarray, np.ndarray]:
    """Returns which photos the run answers rightly, and of which that may be seen, (n,) bool."""
    result = cache.result(colouring.run or "")
    right = result.scores.argmax(axis=1) == result.labels
    return right, (result.splits != "test") | colouring.test_open


def _score_photos(dataset: Dataset, colouring: Colouring) -> tuple[np.ndarray, np.ndarray]:
    """Returns the score of its class for each photo, and the photos that may be seen."""
    result = cache.result(colouring.run or "")
    scores = result.scores[np.arange(len(result.labels)), result.labels]
    _, known = _answer_photos(colouring)
    return scores, np.flatnonzero(known & _brought_out(dataset, colouring))


def _name_photos(dataset: Dataset, colouring: Colouring) -> np.ndarray:
    """Returns what a photo is called under the pointer, (n,) str: file, and class if need be."""
    files = dataset.manifest["path"].str.rpartition("/")[2]
    if colouring.by == "class" and not colouring.shown:
        return np.asarray(files, dtype=object)
    return np.asarray(dataset.manifest["class"] + " · " + files, dtype=object)


def _pick_classes(dataset: Dataset) -> tuple[str, ...]:
    stated = (read_choice("classes") or "").split("|")
    st.session_state["map.classes"] = [name for name in dataset.classes if name in stated]
    picked = st.multiselect(
        "Bring out classes",
        dataset.classes,
        key="map.classes",
        placeholder="all, or search",
        on_change=lambda: keep_choice("classes", "|".join(st.session_state["map.classes"]) or None),
        width=280,
    )
    return tuple(picked)


def _pick(
    name: str, label: str, options: list[str], words: dict[str, str], *, width: int
) -> str | None:
    stated, key = read_choice(name), f"map.{name}"
    st.session_state[key] = stated if stated in options else options[0]
    return st.selectbox(
        label,
        options,
        key=key,
        format_func=words.__getitem__,
        on_change=lambda: keep_choice(name, st.session_state[key]),
        width=width,
    )
