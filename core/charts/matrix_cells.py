"""The description of a confusion matrix for drawing: cells in colours and words, legends, title.

The page, files and reports draw this description. Correct predictions have their own scale, so that
errors stay visible. Colours grow with the square root of the number, so that single photos are
visible. In a difference, the colour says better or worse, the number says more or fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd

from core.charts.theme import choose_palette, format_share, mix_ramp, text_on
from core.evaluation.confusion import Value, judge_difference, subtract_matrices, to_long
from core.formats import count

MANY_ABOVE = 12
"""Most classes with room for numbers in the cells of a chart."""

_STEPS = 48
_TITLES = {
    "count": "Wrong",
    "row share": "Wrong, share of the true class",
    "column share": "Wrong, share of the predicted class",
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """The part of a matrix to draw, and its style."""

    rows: np.ndarray
    """(r,) int, class numbers from top to bottom."""
    columns: np.ndarray
    """(c,) int, class numbers from left to right."""
    value: Value = "count"
    hide_diagonal: bool = False
    """Leave correct predictions uncoloured."""
    dark: bool = False

    @property
    def is_small(self) -> bool:
        """Whether there is room for a number in each cell."""
        return max(len(self.rows), len(self.columns)) <= MANY_ABOVE


@dataclass(frozen=True, kw_only=True)
class Change:
    """Two matrices of the same photos and classes."""

    after: np.ndarray
    """(k, k) counts."""
    before: np.ndarray
    classes: Sequence[str]
    names: tuple[str, str] = ("before", "after")
    """Names of the two matrices."""
    title: str = ""


Unit = Literal["photos", "share", "points"]


@dataclass(frozen=True, kw_only=True)
class Legend:
    """A scale of colours with words at both ends."""

    title: str
    colours: tuple[str, ...]
    """#rrggbb at equal steps of the number, from low to high."""
    high: float
    """The number at the high end; the low end is 0."""
    unit: Unit

    @property
    def words(self) -> tuple[str, str]:
        """The words at both ends."""
        if self.unit == "photos":
            return "0", f"{self.high:,.0f}"
        points = " points" if self.unit == "points" else ""
        return format_share(0.0), format_share(self.high).replace(" %", f" %{points}")


@dataclass(frozen=True, kw_only=True)
class DrawnMatrix:
    """The cells of a matrix, or of the difference of two, ready for drawing."""

    look: Look
    classes: Sequence[str]
    """Names of all k classes."""
    cells: pd.DataFrame
    """Cells row by row: place (row × number of columns + column), true, predicted, empty (bool),
    kind, fill, ink, text (in the cell) and said (a sentence). Above 12 rows or columns, only cells
    with photos."""
    legends: tuple[Legend, ...]
    title: str
    empty: str
    """The words of an empty cell."""

    @property
    def rows(self) -> list[str]:
        """Names of the rows, from top to bottom."""
        return [self.classes[one] for one in self.look.rows]

    @property
    def columns(self) -> list[str]:
        """Names of the columns, from left to right."""
        return [self.classes[one] for one in self.look.columns]


def describe_matrix(matrix: np.ndarray, classes: Sequence[str], look: Look) -> DrawnMatrix:
    """Describe the matrix of a run."""
    cells = to_long(matrix, classes, look.rows, look.columns, filled=not look.is_small)
    diagonal = (cells["true"] == cells["predicted"]).to_numpy()
    shown = cells[look.value.replace(" ", "_")]
    tops = {
        kind: float(top) if (top := shown[of_kind].max()) > 0 else 1.0
        for kind, of_kind in (("hit", diagonal), ("error", ~diagonal))
    }
    drawn = cells.assign(place=cells.index, empty=cells["count"].to_numpy() == 0)
    ramps = _ramps(look.dark)
    unit: Unit = "photos" if look.value == "count" else "share"
    errors, hits = (
        Legend(title=title, colours=_root_steps(ramps[kind]), high=tops[kind], unit=unit)
        for kind, title in (("error", _TITLES[look.value]), ("hit", "Correct"))
    )
    return DrawnMatrix(
        look=look,
        classes=classes,
        cells=_colour_counts(drawn, look, tops),
        legends=(errors,) if look.hide_diagonal else (errors, hits),
        title=_title_matrix(matrix, look),
        empty="no photo",
    )


def _colour_counts(cells: pd.DataFrame, look: Look, tops: dict[str, float]) -> pd.DataFrame:
    diagonal = (cells["true"] == cells["predicted"]).to_numpy()
    photos = cells["count"].to_numpy()
    blank = (photos == 0) | (diagonal & look.hide_diagonal)
    kind = np.select([blank, diagonal], ["none", "hit"], "error")
    numbers = cells[look.value.replace(" ", "_")].fillna(0.0).to_numpy()
    strengths = np.sqrt(numbers / np.where(diagonal, tops["hit"], tops["error"]))
    of_true = [format_share(one) for one in cells["row_share"]]
    of_predicted = [format_share(one) for one in cells["column_share"]]
    texts = {
        "count": [f"{number:,}" for number in photos],
        "row share": of_true,
        "column share": of_predicted,
    }[look.value]
    said = [
        f"true {true}, predicted {predicted}: {count(int(number), 'photo')}\n"
        f"{of_row} of {true} · {of_column} of all predicted {predicted}"
        for true, predicted, number, of_row, of_column in zip(
            cells["true"], cells["predicted"], photos, of_true, of_predicted, strict=True
        )
    ]
    unsaid = np.where(diagonal & (photos > 0), "", "·")
    text = np.where(blank, unsaid, np.array(texts, dtype=object))
    return _colour(cells, kind, strengths, look.dark).assign(text=text, said=said)


def _title_matrix(matrix: np.ndarray, look: Look) -> str:
    """Return the number of wrong photos, in the whole matrix and in the drawn part."""
    wrong, total = int(matrix.sum() - matrix.trace()), int(matrix.sum())
    title = f"{wrong:,} of {count(total, 'photo')} wrong"
    if len(look.rows) == len(look.columns) == len(matrix):
        return title
    apart = np.not_equal.outer(look.rows, look.columns)
    part = matrix[np.ix_(look.rows, look.columns)]
    return f"{title}, {int(part[apart].sum()):,} in this part"


def describe_change(change: Change, look: Look) -> DrawnMatrix:
    """Describe the change of each cell, in photos or in points of a share."""
    drawn = _list_changes(change, look)
    hidden = (drawn["true"] == drawn["predicted"]).to_numpy() & look.hide_diagonal
    worth = np.where(hidden, 0.0, drawn["worth"])
    top = float(np.abs(worth).max(initial=0.0)) or 1.0
    kind = np.select([worth > 0, worth < 0], ["better", "worse"], "none")
    ramps = _ramps(look.dark)
    texts = [format_change(one, look.value) if one else "·" for one in drawn["change"]]
    text = np.where(hidden, "", np.array(texts, dtype=object))
    coloured = _colour(drawn, kind, np.sqrt(np.abs(worth) / top), look.dark)
    unit: Unit = "photos" if look.value == "count" else "points"
    legends = tuple(
        Legend(title=title, colours=_root_steps(ramps[side]), high=top, unit=unit)
        for side, title in (("better", "Better"), ("worse", "Worse"))
    )
    return DrawnMatrix(
        look=look,
        classes=change.classes,
        cells=coloured.assign(text=text, said=_say_changes(drawn, text, change.names)),
        legends=legends,
        title=change.title,
        empty="no change",
    )


def _list_changes(change: Change, look: Look) -> pd.DataFrame:
    """Return one line per cell: place, empty, true, predicted, change, worth (+ better), after,
    before. A large matrix has only the cells that changed."""
    difference = subtract_matrices(change.after, change.before, look.value)
    part, names = np.ix_(look.rows, look.columns), np.array(change.classes, dtype=object)
    changed = np.nan_to_num(difference[part]).ravel()
    places = np.arange(changed.size) if look.is_small else np.flatnonzero(changed)
    row, column = np.divmod(places, len(look.columns))
    true, predicted = look.rows[row], look.columns[column]
    return pd.DataFrame(
        {
            "place": places,
            "empty": changed[places] == 0,
            "true": names[true],
            "predicted": names[predicted],
            "change": changed[places],
            "worth": np.nan_to_num(judge_difference(difference)[true, predicted]),
            "after": change.after[true, predicted],
            "before": change.before[true, predicted],
        }
    )


def _say_changes(cells: pd.DataFrame, text: np.ndarray, names: tuple[str, str]) -> list[str]:
    columns = (cells["true"], cells["predicted"], text, cells["before"], cells["after"])
    return [
        f"true {true}, predicted {predicted}: {said}\n"
        f"{names[0]}: {count(int(before), 'photo')} · {names[1]}: {count(int(after), 'photo')}"
        for true, predicted, said, before, after in zip(*columns, strict=True)
    ]


def format_change(change: float, value: Value) -> str:
    """Format as "+3", "−2" (photos) or "+12 %" (points of a share)."""
    sign = "+" if change > 0 else "−"
    size = abs(change)
    return sign + (f"{size:,.0f}" if value == "count" else format_share(size))


def _ramps(dark: bool) -> dict[str, tuple[str, ...]]:
    """Return the ramp of each kind of cell; better and worse are arms of a diverging scale."""
    colours = choose_palette(dark)
    return {
        "none": (colours.empty, colours.empty),
        "hit": colours.hits,
        "error": colours.errors,
        "better": (mix_ramp((colours.empty, colours.right), 0.25), colours.right),
        "worse": (mix_ramp((colours.empty, colours.wrong), 0.25), colours.wrong),
    }


def _colour(
    cells: pd.DataFrame, kind: np.ndarray, strengths: np.ndarray, dark: bool
) -> pd.DataFrame:
    """Return the cells with kind, fill and ink."""
    ramps = _ramps(dark)
    fill = np.empty(len(kind), dtype=object)
    ink = np.empty(len(kind), dtype=object)
    steps = np.rint(np.clip(strengths, 0, 1) * (_STEPS - 1)).astype(int)
    for name in np.unique(kind):
        fills, inks = _mix_steps(ramps[name], dark)
        here = kind == name
        fill[here], ink[here] = fills[steps[here]], inks[steps[here]]
    return cells.assign(kind=kind, fill=fill, ink=ink)


@lru_cache(maxsize=32)  # each click redraws the page with the same colours
def _mix_steps(ramp: tuple[str, ...], dark: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of a ramp at equal steps, and readable colours of text on them."""
    fills = [mix_ramp(ramp, step / (_STEPS - 1)) for step in range(_STEPS)]
    inks = [text_on(fill, choose_palette(dark)) for fill in fills]
    return np.array(fills, dtype=object), np.array(inks, dtype=object)


def _root_steps(ramp: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(mix_ramp(ramp, float(np.sqrt(part))) for part in np.linspace(0, 1, 12))
