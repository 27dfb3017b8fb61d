"""How the cells of a confusion matrix look: colour, words and legend; page and export share it.

Right answers have a scale of their own, so that hits do not drown the errors. Colours grow with the
root of a cell's number, which makes single photos visible beside many. In a difference the colour
says better or worse, and the number in the cell says more or fewer.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd

from core.charts.theme import Palette, choose_palette, format_share, mix_ramp, text_on

Value = Literal["count", "row share", "column share"]

MANY_ABOVE = 12
"""Classes above which a chart has no room for numbers in its cells."""

_STEPS = 48
_TITLES = {
    "count": "Photos taken for another class",
    "row share": "Share of the true class, taken for another",
    "column share": "Share of the predicted class that is another",
}


@dataclass(frozen=True, kw_only=True)
class Legend:
    """One scale of colours, in words at both ends."""

    title: str
    colours: tuple[str, ...]
    """#rrggbb at equal steps of the number, from the low end to the high end."""
    low: float
    high: float
    unit: Literal["photos", "share", "points"]

    @property
    def words(self) -> tuple[str, str]:
        """What stands at the low and at the high end."""
        if self.unit == "photos":
            return f"{self.low:,.0f}", f"{self.high:,.0f}"
        points = " points" if self.unit == "points" else ""
        return format_share(self.low), format_share(self.high).replace(" %", f" %{points}")


def field_of(value: Value) -> str:
    """Returns the column of `core.evaluation.confusion.to_long` that a cell shows."""
    return value.replace(" ", "_")


def find_tops(cells: pd.DataFrame, value: Value) -> dict[str, float]:
    """Returns the number at the strong end of the colours, for right answers and for errors."""
    diagonal = cells["true"] == cells["predicted"]
    numbers = cells[field_of(value)]
    highest = {"hit": numbers[diagonal].max(), "error": numbers[~diagonal].max()}
    return {kind: float(top) if top > 0 else 1.0 for kind, top in highest.items()}


def describe_cells(
    cells: pd.DataFrame, value: Value, hide_diagonal: bool, dark: bool, tops: dict[str, float]
) -> pd.DataFrame:
    """Returns the cells with kind ("none", "hit", "error"), fill, ink and the words in them.

    Args:
        cells: What `to_long` returns, or some of it.
        value: What a cell shows.
        hide_diagonal: Leave right answers uncoloured.
        dark: Whether the page is dark.
        tops: What `find_tops` returned for all cells.
    """
    diagonal = (cells["true"] == cells["predicted"]).to_numpy()
    photos = cells["count"].to_numpy()
    empty = (photos == 0) | (diagonal & hide_diagonal)
    kind = np.select([empty, diagonal], ["none", "hit"], "error")
    numbers = cells[field_of(value)].fillna(0.0).to_numpy()
    strengths = np.sqrt(numbers / np.where(diagonal, tops["hit"], tops["error"]))
    fill, ink = _colour(kind, strengths, _ramps(choose_palette(dark)), dark)
    shares = {
        name: [format_share(one) for one in cells[name]] for name in ("row_share", "column_share")
    }
    texts = {"count": [f"{number:,}" for number in photos], **shares}
    unsaid = np.where(diagonal & (photos > 0), "", "·")
    return cells.assign(
        kind=kind,
        fill=fill,
        ink=ink,
        text=np.where(empty, unsaid, np.array(texts[field_of(value)], dtype=object)),
        of_true=shares["row_share"],
        of_predicted=shares["column_share"],
    )


def describe_legends(value: Value, tops: dict[str, float], dark: bool) -> tuple[Legend, Legend]:
    """Returns the legends of errors and of right answers."""
    ramps = _ramps(choose_palette(dark))
    errors, hits = (
        Legend(
            title=title,
            colours=_root_steps(ramps[kind]),
            low=0.0,
            high=tops[kind],
            unit="photos" if value == "count" else "share",
        )
        for kind, title in (("error", _TITLES[value]), ("hit", "Recognised"))
    )
    return errors, hits


def describe_changes(
    cells: pd.DataFrame, value: Value, hide_diagonal: bool, dark: bool
) -> tuple[pd.DataFrame, tuple[Legend, ...]]:
    """Returns the cells of a difference with kind, fill, ink and words, and the two legends.

    Args:
        cells: One line per cell: true, predicted, change (in photos, or a difference of shares;
            NaN where there is no share) and worth (the same, + where it is better).
        value: What is subtracted.
        hide_diagonal: Leave right answers uncoloured.
        dark: Whether the page is dark.
    """
    change = cells["change"].fillna(0.0).to_numpy()
    worth = cells["worth"].fillna(0.0).to_numpy()
    hidden = (cells["true"] == cells["predicted"]).to_numpy() & hide_diagonal
    shown = np.where(hidden, 0.0, worth)
    kind = np.select([shown > 0, shown < 0], ["better", "worse"], "none")
    top = float(np.abs(shown).max(initial=0.0)) or 1.0
    ramps = _diverging_ramps(choose_palette(dark))
    fill, ink = _colour(kind, np.sqrt(np.abs(shown) / top), ramps, dark)
    text = [format_change(one, value) if one else "·" for one in change]
    described = cells.assign(
        kind=kind, fill=fill, ink=ink, text=np.where(hidden, "", np.array(text, dtype=object))
    )
    legends = tuple(
        Legend(
            title=title,
            colours=_root_steps(ramps[side]),
            low=0.0,
            high=top,
            unit="photos" if value == "count" else "points",
        )
        for side, title in (
            ("better", "Better: more right, fewer errors"),
            ("worse", "Worse: fewer right, more errors"),
        )
    )
    return described, legends


def format_change(change: float, value: Value) -> str:
    """Returns "+3", "−2" (photos) or "+12 %" (points of a share)."""
    sign = "+" if change > 0 else "−"
    size = abs(change)
    return sign + (f"{size:,.0f}" if value == "count" else format_share(size))


def _ramps(colours: Palette) -> dict[str, tuple[str, ...]]:
    return {"none": (colours.empty, colours.empty), "hit": colours.hits, "error": colours.errors}


def _diverging_ramps(colours: Palette) -> dict[str, tuple[str, ...]]:
    """Returns both arms of the diverging scale: from near the ground to right and to wrong."""
    return {
        "none": (colours.empty, colours.empty),
        "better": (mix_ramp((colours.empty, colours.right), 0.25), colours.right),
        "worse": (mix_ramp((colours.empty, colours.wrong), 0.25), colours.wrong),
    }


def _colour(
    kind: np.ndarray, strengths: np.ndarray, ramps: dict[str, tuple[str, ...]], dark: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Returns fill and ink of each cell."""
    fill = np.empty(len(kind), dtype=object)
    ink = np.empty(len(kind), dtype=object)
    steps = np.rint(np.clip(strengths, 0, 1) * (_STEPS - 1)).astype(int)
    for name in np.unique(kind):
        fills, inks = _mix_steps(ramps[name], dark)
        here = kind == name
        fill[here], ink[here] = fills[steps[here]], inks[steps[here]]
    return fill, ink


@lru_cache(maxsize=32)  # a page is drawn at every click, its colours stay
def _mix_steps(ramp: tuple[str, ...], dark: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns the colours of a ramp at equal steps, and what can be read on them."""
    fills = [mix_ramp(ramp, step / (_STEPS - 1)) for step in range(_STEPS)]
    inks = [text_on(fill, choose_palette(dark)) for fill in fills]
    return np.array(fills, dtype=object), np.array(inks, dtype=object)


def _root_steps(ramp: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(mix_ramp(ramp, float(np.sqrt(part))) for part in np.linspace(0, 1, 12))
