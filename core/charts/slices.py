"""Accuracy along a property, and of slices against the rest; each with interval and n.

A click on a bin selects `slice`, whose value is {"value": …}: the rule as links carry it.
"""

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import (
    PERCENT_LABELS,
    Palette,
    choose_palette,
    format_share,
    style_altair,
    title_params,
)

SLICE = "slice"
"""Name of the selection of `draw_bins`."""

_HEIGHT = 236
_BARS_SHARE = 5
"""The bars of n take one in so many parts of the height."""
_TOP = 1.02
"""A dot at 100 % is drawn whole."""
_NUMBERED = 8
"""Bins up to which there is room for their n."""


def draw_bins(
    bins: pd.DataFrame,
    title: str,
    accuracy: float,
    *,
    lowest: float,
    subtitle: str = "",
    chosen: str = "",
    dark: bool = False,
    height: int = _HEIGHT,
) -> Any:
    """Return accuracy with its 95 % interval in each bin of a property, bars of n at the foot.

    Args:
        bins: What `core.evaluation.slices.measure_bins` returns.
        accuracy: Of all photos of the split: a dashed line.
        lowest: Where intervals begin that are to be seen whole, so that charts beside each other
            have one scale.
        chosen: `value` of the bin that is selected at first, as in a link.
    """
    colours, rows = choose_palette(dark), _describe(bins)
    base = alt.Chart(rows).encode(x=_bin_axis(rows), tooltip=_TOOLTIP)
    start = {"value": [{"value": chosen}]} if chosen in set(rows["value"]) else {}
    selection = alt.selection_point(name=SLICE, fields=["value"], on="click", toggle=False, **start)
    # The whole column takes the click: a dot is too small to be hit.
    columns = base.mark_rect(cursor="pointer", color=colours.ink).encode(
        y=alt.value(0),
        y2=alt.value(alt.ExprRef("height")),
        opacity=alt.condition({"param": SLICE, "empty": False}, alt.value(0.1), alt.value(0.001)),
    )
    layers = (
        columns.add_params(selection),
        _draw_foot(base, rows, colours),
        _draw_measured(base, accuracy, lowest, colours),
    )
    chart = alt.layer(*layers).resolve_scale(y="independent")
    words = title_params(title, subtitle or None, offset=8, fontSize=13)
    return style_altair(chart, dark, title=words, height=height)


def draw_found(found: pd.DataFrame, dark: bool = False) -> Any:
    """Return the accuracy of slices beside that of the rest, one line a slice.

    Args:
        found: Columns rule (in words), n, accuracy, low, high, rest (accuracy of the rest),
            confirmed.
    """
    colours = choose_palette(dark)
    others = [format_share(rest) for rest in found["rest"]]
    rows = found.assign(words=_say_intervals(found), others=others)
    rows["row"] = [f"{rule} (n = {n:,})" for rule, n in zip(rows["rule"], rows["n"], strict=True)]
    # A row of its own, even where two halves gave the same rule.
    rows["row"] = [row + "\u200b" * place for place, row in enumerate(rows["row"])]
    low = min(float(rows["low"].min()), float(rows["rest"].min()))
    lines = max(rule.count(" and ") for rule in rows["row"]) + 1
    labels = alt.Axis(
        labelLimit=300, grid=False, labelFontSize=12, labelExpr="split(datum.label, ' and ')"
    )
    base = alt.Chart(rows).encode(
        y=alt.Y("row:N", sort=None, title=None, axis=labels), tooltip=_FOUND_TOOLTIP
    )
    title = title_params(
        "Slices the run is worst on, measured on photos they were not found on",
        "Dots: the slice, with its 95 % interval. Green: the rest of the photos. "
        "Orange: worse beyond chance",
    )
    layers = _draw_beside(base, max(0.0, low - 0.05), colours)
    height = (18 + 16 * lines) * len(rows) + 60
    return style_altair(alt.layer(*layers), dark, title=title, height=height)


_TOOLTIP = [
    alt.Tooltip("label:N", title="photos"),
    alt.Tooltip("words:N", title="accuracy"),
    alt.Tooltip("wrong:Q", title="wrong", format=","),
    alt.Tooltip("n:Q", format=","),
    alt.Tooltip("by_class:N", title="its classes alone would give"),
]


_FOUND_TOOLTIP = [
    alt.Tooltip("rule:N", title="photos with"),
    alt.Tooltip("words:N", title="accuracy"),
    alt.Tooltip("others:N", title="of the rest"),
    alt.Tooltip("n:Q", format=","),
]


def _draw_foot(base: Any, rows: pd.DataFrame, colours: Palette) -> Any:
    """Return the bars of n, with numbers where there is room."""
    most = alt.Scale(domain=[0, int(rows["n"].max()) * _BARS_SHARE], nice=False)
    n = alt.Y("n:Q", scale=most, axis=None)
    bars = base.mark_bar(color=colours.faint, opacity=0.55, cursor="pointer").encode(y=n)
    if len(rows) > _NUMBERED:
        return bars
    numbers = base.mark_text(baseline="bottom", fontSize=10, color=colours.ink, dy=-2)
    foot = alt.value(alt.ExprRef("height"))  # on the axis: above its bar it would meet a dot
    return alt.layer(bars, numbers.encode(y=foot, text=alt.Text("n:Q", format=",")))


def _draw_measured(base: Any, accuracy: float, lowest: float, colours: Palette) -> Any:
    """Return the accuracy of each bin with its interval, above the bars, and that of all."""
    floor = lowest - (1 - lowest) / (_BARS_SHARE - 1) - 0.02  # below 0 too: no dot lies on a number
    scale = alt.Scale(domain=[floor, _TOP], nice=False, zero=False)
    axis = alt.Axis(
        labelExpr=PERCENT_LABELS, values=_choose_ticks(floor), title=None, labelFontSize=11
    )
    mean = alt.Chart(pd.DataFrame({"mean": [accuracy]})).mark_rule(
        color=colours.quiet, strokeDash=[4, 3]
    )
    colour = alt.condition("datum.worse", alt.value(colours.wrong), alt.value(colours.accent))
    whiskers = base.mark_rule(strokeWidth=2, clip=True, cursor="pointer").encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour
    )
    dots = base.mark_circle(size=70, opacity=1, clip=True, cursor="pointer").encode(
        y=alt.Y("accuracy:Q", scale=scale, axis=axis), color=colour
    )
    return alt.layer(mean.encode(y=alt.Y("mean:Q", scale=scale)), whiskers, dots)


def _draw_beside(base: Any, lowest: float, colours: Palette) -> tuple[Any, ...]:
    """Return the rest, and each slice with its interval."""
    scale = alt.Scale(domain=[lowest, 1.0], nice=False, zero=False)
    axis = alt.Axis(labelExpr=PERCENT_LABELS, tickCount=6)
    colour = alt.condition("datum.confirmed", alt.value(colours.wrong), alt.value(colours.quiet))
    whiskers = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title="accuracy", scale=scale, axis=axis), x2="high:Q", color=colour
    )
    dots = base.mark_circle(size=90, opacity=1).encode(
        x=alt.X("accuracy:Q", scale=scale), color=colour
    )
    rest = base.mark_tick(thickness=2, size=18, color=colours.accent).encode(
        x=alt.X("rest:Q", scale=scale)
    )
    return rest, whiskers, dots


def _choose_ticks(floor: float) -> list[float]:
    """Return the ticks of an axis from `floor` to 1, three to five, 1 among them."""
    percents = 20 if floor < 0.6 else 10 if floor < 0.8 else 5
    return [tick / 100 for tick in range(0, 101, percents)]


def _describe(bins: pd.DataFrame) -> pd.DataFrame:
    share = float((bins["n"] - bins["wrong"]).sum() / bins["n"].sum())
    return bins.assign(
        words=_say_intervals(bins),
        by_class=[format_share(expected) for expected in bins["expected"]],
        worse=bins["high"] < share,
    )


def _say_intervals(rows: pd.DataFrame) -> list[str]:
    return [
        f"{100 * row.accuracy:.1f} % ({100 * row.low:.1f} to {100 * row.high:.1f} %)"
        for row in rows.itertuples()
    ]


def _bin_axis(rows: pd.DataFrame) -> Any:
    axis = alt.Axis(
        labelAngle=-35 if len(rows) > 3 else 0,
        labelLimit=96,
        labelFontSize=11,
        labelOverlap=False,
        grid=False,
        title=None,
    )
    return alt.X("label:N", sort=None, axis=axis, scale=alt.Scale(paddingInner=0.2))
