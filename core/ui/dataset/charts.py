"""Small histograms of a dataset: sizes, shapes, brightness, colours, file formats.

A bar's `value` identifies its photos in the selection `bar`; `match_value` finds them.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import choose_palette, hue_colour, luma_colour, style_altair, title_params
from core.datasets.photo_table import GREY, HUES

BAR = "bar"
"""Name of the selection; a selected bar is {"value": …}."""

TITLES = {
    "size": ("Size", "long side, px"),
    "shape": ("Shape", "width / height"),
    "brightness": ("Brightness", "0 black to 1 white"),
    "colour": ("Colour", "main hue, and grey"),
    "format": ("File format", ""),
}
"""Property → title of its chart, name and unit of its axis."""

_BARS = 16
_HEIGHT = 178


def count_numbers(values: np.ndarray) -> pd.DataFrame:
    """Return at most 16 bars over values (n,): columns value, label, low, high, photos.

    `value` is "160..180"; the first and last bar may be open, as "..160" or "500..".
    """
    low, high = np.quantile(values, [0.01, 0.99]) if len(values) else (0.0, 1.0)
    width = _round_up((high - low) / (_BARS - 1) or max(abs(low), 1.0) / 10)
    first = math.floor(low / width + 1e-9)
    edges = np.arange(first, max(first + 1, math.ceil(high / width - 1e-9)) + 1) * width
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    ends = [f"{edge:.10g}" for edge in np.round(edges, 10)]
    ends[0] = "" if len(values) and values.min() < edges[0] else ends[0]
    ends[-1] = "" if len(values) and values.max() >= edges[-1] else ends[-1]
    return pd.DataFrame(
        {
            "value": [f"{a}..{b}" for a, b in pairwise(ends)],
            "label": [describe_span(a, b) for a, b in pairwise(ends)],
            "low": np.round(edges[:-1], 10),
            "high": np.round(edges[1:], 10),
            "photos": np.bincount(places, minlength=len(edges) - 1),
        }
    )


def count_colours(names: np.ndarray | pd.Series) -> pd.DataFrame:
    """Return a bar for each colour of `name_colours` (n,) and for grey: value, label, photos."""
    order = [*HUES, GREY]
    photos = pd.Series(names).value_counts().reindex(order, fill_value=0)
    return pd.DataFrame({"value": order, "label": order, "photos": photos.to_numpy()})


def count_kinds(kinds: Sequence[str] | pd.Series) -> pd.DataFrame:
    """Return one bar for each kind, most frequent first: value, label, photos."""
    photos = pd.Series(kinds).value_counts()
    names = [str(name) for name in photos.index]
    return pd.DataFrame({"value": names, "label": names, "photos": photos.to_numpy()})


def match_value(values: np.ndarray, chosen: str) -> np.ndarray:
    """Return the values (n,), numbers or names, in bars "a..b,c..d", as (n,) bool."""
    matched = np.zeros(len(values), dtype=bool)
    for part in chosen.split(","):
        if values.dtype.kind not in "iuf":
            matched |= values == part
            continue
        low, dots, high = part.partition("..")
        try:
            ends = float(low or -math.inf), float(high or math.inf)
        except ValueError:
            continue
        if dots:
            matched |= (values >= ends[0]) & (values < ends[1])
    return matched


def describe_value(chosen: str) -> str:
    """Return the chosen bars, joined where they touch: "160 to 180", "500 and more"."""
    parts = [part.partition("..") for part in chosen.split(",")]
    words = [name for name, dots, _ in parts if not dots]
    spans = [(low, high) for low, dots, high in parts if dots]
    merged: list[list[str]] = []
    for low, high in sorted(spans, key=lambda span: float(span[0] or -math.inf)):
        if merged and merged[-1][1] and merged[-1][1] == low:
            merged[-1][1] = high
        else:
            merged.append([low, high])
    return ", ".join([*(describe_span(low, high) for low, high in merged), *words])


def describe_span(low: str, high: str) -> str:
    """Return "160 to 180", "under 160", "500 and more"."""
    if not low:
        return f"under {high}" if high else "any"
    return f"{low} to {high}" if high else f"{low} and more"


def draw_distribution(bars: pd.DataFrame, name: str, chosen: str = "", dark: bool = False) -> Any:
    """Return the bars of a property in TITLES as a small chart with the selection `bar`."""
    title, axis_title = TITLES[name]
    colours = choose_palette(dark)
    rows = bars.assign(fill=_fill(bars, name, dark))
    x, x2 = _place_bars(bars, axis_title)
    selection = alt.selection_point(
        name=BAR,
        fields=["value"],
        on="click",
        **({"value": [{"value": part} for part in chosen.split(",")]} if chosen else {}),
    )
    y_axis = alt.Axis(tickCount=3, tickMinStep=1, format=",d", title=None, labelFontSize=11)
    tooltip = [
        alt.Tooltip("label:N", title=axis_title or title.lower()),
        alt.Tooltip("photos:Q", format=","),
    ]
    base = alt.Chart(rows).encode(x=x, tooltip=tooltip, **x2)
    # The whole column takes the click, because a bar of one photo is too low.
    columns = base.mark_rect(cursor="pointer", color=colours.ink).encode(
        y=alt.YValue(0),
        y2=alt.Y2Value(alt.ExprRef("height")),
        opacity=alt.OpacityValue(0.001, condition={"param": BAR, "empty": False, "value": 0.1}),
    )
    lined = name in ("brightness", "colour")
    outline = {"stroke": colours.faint, "strokeWidth": 0.6} if lined else {}
    drawn = base.mark_bar(cursor="pointer", **outline).encode(
        y=alt.Y("photos:Q", axis=y_axis),
        color=alt.Color("fill:N", scale=None),
        opacity=alt.OpacityValue(0.3, condition={"param": BAR, "empty": True, "value": 1}),
    )
    layers = alt.layer(columns.add_params(selection), drawn)
    words = title_params(title, offset=8, fontSize=13)
    return style_altair(layers, dark, title=words, height=_HEIGHT)


def _place_bars(bars: pd.DataFrame, axis_title: str) -> tuple[Any, dict[str, Any]]:
    """Return the x axis of the bars: numbers for bars with ends, else names."""
    small: dict[str, Any] = {"grid": False, "labelFontSize": 11, "titleFontSize": 11}
    if "low" in bars:
        ends = [float(bars["low"].iloc[0]), float(bars["high"].iloc[-1])]
        scale = alt.Scale(domain=ends, nice=False, zero=False)
        axis = alt.Axis(tickCount=3, format="~f", labelOverlap=True, **small)
        x = alt.X("low:Q", title=axis_title, scale=scale, axis=axis, bin="binned")
        return x, {"x2": "high:Q"}
    few = len(bars) <= 4
    axis = alt.Axis(labels=few, labelAngle=0, **small)
    scale = alt.Scale(paddingInner=0.06 if not few else 0.3)
    return alt.X("label:N", title=axis_title or None, sort=None, axis=axis, scale=scale), {}


def _fill(bars: pd.DataFrame, name: str, dark: bool) -> list[str]:
    if name == "brightness":
        return [luma_colour(float(middle)) for middle in (bars["low"] + bars["high"]) / 2]
    if name == "colour":
        turns = {hue: 30.0 * number for number, hue in enumerate(HUES)}
        grey = luma_colour(0.5)
        return [hue_colour(turns[hue]) if hue in turns else grey for hue in bars["value"]]
    return [choose_palette(dark).accent] * len(bars)


def _round_up(width: float) -> float:
    """Return the next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return float(next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= width * (1 - 1e-9)))
