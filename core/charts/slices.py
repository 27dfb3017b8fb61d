"""Accuracy by score (reliability), by property, and of slices; with intervals and n."""

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
"""Selection of `draw_bins`: {"value": the rule in links}."""
BIN = "bin"
"""Selection of `draw_reliability`: {"position": row of the bins}."""
_TALLEST = 0.2
"""Height of the largest bar of photos in `draw_reliability`, as a share of the chart."""

_HEIGHT = 236
_BARS_SHARE = 5
"""The bars of n take one fifth of the height."""
_TOP = 1.02
"""Room for the whole dot at 100 %."""
_NUMBERED = 8
"""Most bins with room for their n."""


def draw_bins(
    bins: pd.DataFrame,
    words: tuple[str, str],
    ends: tuple[float, float],
    chosen: str = "",
    dark: bool = False,
    height: int = _HEIGHT,
) -> Any:
    """Return accuracy with its 95 % interval in each bin of a property, above bars of n.

    Args:
        bins: From `core.evaluation.slices.measure_bins`.
        words: Title and subtitle.
        ends: Accuracy of the whole split, drawn as a dashed line; low end of the shared scale.
        chosen: `value` of the bin that is selected at first.
    """
    colours, rows = choose_palette(dark), _describe(bins)
    base = alt.Chart().encode(x=_bin_axis(rows), tooltip=_TOOLTIP)
    start = {"value": [{"value": chosen}]} if chosen in set(rows["value"]) else {}
    selection = alt.selection_point(name=SLICE, fields=["value"], on="click", toggle=False, **start)
    # The whole column takes the click, because a dot is too small.
    columns = base.mark_rect(cursor="pointer", color=colours.ink).encode(
        y=alt.YValue(0),
        y2=alt.Y2Value(alt.ExprRef("height")),
        opacity=alt.OpacityValue(0.001, condition={"param": SLICE, "empty": False, "value": 0.1}),
    )
    layers = (
        columns.add_params(selection),
        _draw_foot(base, rows, colours),
        _draw_measured(base, *ends, colours),
    )
    title = title_params(words[0], words[1] or None, offset=8, fontSize=13)
    apart = {"scale": {"y": "independent"}}
    chart = alt.layer(*layers, data=rows)
    return style_altair(chart, dark, title=title, height=height, resolve=apart)


_TOOLTIP = [
    alt.Tooltip("label:N", title="photos"),
    alt.Tooltip("words:N", title="accuracy"),
    alt.Tooltip("wrong:Q", title="wrong", format=","),
    alt.Tooltip("n:Q", format=","),
    alt.Tooltip("by_class:N", title="expected from its class mix"),
]


def _draw_foot(base: Any, rows: pd.DataFrame, colours: Palette) -> Any:
    """Return the bars of n, with numbers where there is room."""
    most = alt.Scale(domain=[0, int(rows["n"].max()) * _BARS_SHARE], nice=False)
    n = alt.Y("n:Q", stack=None, scale=most, axis=None)
    bars = base.mark_bar(color=colours.faint, opacity=0.55, cursor="pointer").encode(y=n)
    if len(rows) > _NUMBERED:
        return bars
    numbers = base.mark_text(baseline="bottom", fontSize=10, color=colours.ink, dy=-2)
    foot = alt.YValue(alt.ExprRef("height"))  # on the axis, away from the dots
    return alt.layer(bars, numbers.encode(y=foot, text=alt.Text("n:Q", format=",")))


def _draw_measured(base: Any, accuracy: float, lowest: float, colours: Palette) -> Any:
    """Return the accuracy of each bin with its interval, and of all photos, above the bars."""
    # It may be below 0, so that no dot covers a number.
    floor = lowest - (1 - lowest) / (_BARS_SHARE - 1) - 0.02
    scale = alt.Scale(domain=[floor, _TOP], nice=False, zero=False)
    percents = 20 if floor < 0.6 else 10 if floor < 0.8 else 5
    ticks = [tick / 100 for tick in range(0, 101, percents)]
    axis = alt.Axis(labelExpr=PERCENT_LABELS, values=ticks, title=None, labelFontSize=11)
    mean = alt.Chart(pd.DataFrame({"mean": [accuracy]})).mark_rule(
        color=colours.quiet, strokeDash=[4, 3]
    )
    worse = {"test": "datum.worse", "value": colours.wrong}
    colour = alt.ColorValue(colours.accent, condition=worse)
    whiskers = base.mark_rule(strokeWidth=2, clip=True, cursor="pointer").encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour
    )
    dots = base.mark_circle(size=70, opacity=1, clip=True, cursor="pointer").encode(
        y=alt.Y("accuracy:Q", scale=scale, axis=axis), color=colour
    )
    return alt.layer(mean.encode(y=alt.Y("mean:Q", scale=scale)), whiskers, dots)


def _describe(bins: pd.DataFrame) -> pd.DataFrame:
    share = float((bins["n"] - bins["wrong"]).sum() / bins["n"].sum())
    return bins.assign(
        words=[
            f"{100 * row.accuracy:.1f} % ({100 * row.low:.1f} to {100 * row.high:.1f} %)"
            for row in bins.itertuples()
        ],
        by_class=[format_share(expected) for expected in bins["expected"]],
        worse=bins["high"] < share,
    )


def _bin_axis(rows: pd.DataFrame) -> Any:
    axis = alt.Axis(
        labelAngle=-35 if len(rows) > 3 or rows["label"].str.len().max() > 12 else 0,
        labelLimit=96,
        labelFontSize=11,
        labelOverlap=False,
        grid=False,
        title=None,
    )
    return alt.X("label:N", sort=None, axis=axis, scale=alt.Scale(paddingInner=0.2))


def draw_reliability(bins: pd.DataFrame, name: str, dark: bool = False) -> Any:
    """Return the accuracy of each bin of scores with its interval, above bars of n.

    Below the diagonal the model is over-confident. A click on a bin selects it.

    Args:
        bins: From `core.evaluation.calibration.bin_scores`; at least one row.
        name: Title of the chart.
    """
    colours = choose_palette(dark)
    rows = _describe_scores(bins)
    scale = alt.Scale(domain=[0, 1], nice=False)
    across = alt.Axis(values=[0, 0.5, 1], labelExpr=PERCENT_LABELS, grid=False)
    upright = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], labelExpr=PERCENT_LABELS)
    x = {"scale": scale, "axis": across, "title": "confidence"}
    y = {"scale": scale, "axis": upright, "title": "accuracy"}
    base = alt.Chart(rows)
    place, middle = alt.X("mean_score:Q", **x), alt.Y("accuracy:Q", **y)
    bars = base.mark_bar(color=colours.faint, opacity=0.45).encode(
        x=alt.X("low:Q", **x), x2="high:Q", y=alt.Y("tall:Q", **y), y2=alt.datum(0)
    )
    diagonal = alt.Chart(pd.DataFrame({"at": [0.0, 1.0]})).mark_line(
        color=colours.quiet, strokeDash=[4, 4], strokeWidth=1
    )
    whiskers = base.mark_rule(color=colours.accent, strokeWidth=1.5).encode(
        x="mean_score:Q", y="accuracy_low:Q", y2="accuracy_high:Q"
    )
    points = base.mark_line(
        color=colours.accent,
        strokeWidth=1.2,
        point=alt.OverlayMarkDef(color=colours.accent, size=60),
    )
    layers = [bars, diagonal.encode(x="at:Q", y="at:Q"), whiskers]
    layers += [points.encode(x=place, y=middle), _draw_target(base, colours)]
    title = title_params(name, _describe_gap(bins))
    return style_altair(alt.layer(*layers), dark, title=title, height=300)


def _draw_target(base: Any, colours: Palette) -> Any:
    """Return the clickable columns of the bins, invisible until one is chosen."""
    chosen = alt.selection_point(name=BIN, fields=["position"], on="click", toggle=False)
    shade = alt.OpacityValue(0.0, condition={"param": BIN, "empty": False, "value": 0.12})
    return (
        base.mark_bar(cursor="pointer", color=colours.ink)
        .add_params(chosen)
        .encode(
            x="low:Q",
            x2="high:Q",
            y="foot:Q",
            y2=alt.datum(1),
            opacity=shade,
            tooltip=[
                alt.Tooltip("range:N", title="score from … to"),
                alt.Tooltip("n:Q", title="photos", format=","),
                alt.Tooltip("said:N", title="mean score"),
                alt.Tooltip("was:N", title="accuracy"),
                alt.Tooltip("interval:N", title="95 % interval"),
            ],
        )
    )


def _describe_scores(bins: pd.DataFrame) -> pd.DataFrame:
    ends = zip(bins["accuracy_low"], bins["accuracy_high"], strict=True)
    ranges = zip(bins["low"], bins["high"], strict=True)
    return bins.assign(
        position=range(len(bins)),
        foot=0,
        tall=_TALLEST * bins["n"] / bins["n"].max(),
        range=[f"{100 * low:.0f} to {100 * high:.0f} %" for low, high in ranges],
        said=[format_share(value) for value in bins["mean_score"]],
        was=[format_share(value) for value in bins["accuracy"]],
        interval=[f"{format_share(low)} to {format_share(high)}" for low, high in ends],
    )


def _describe_gap(bins: pd.DataFrame) -> str:
    n = int(bins["n"].sum())
    said = float((bins["mean_score"] * bins["n"]).sum() / n)
    was = float(bins["hits"].sum() / n)
    digits = 0 if n < 200 else 1
    return f"Mean confidence {100 * said:.{digits}f} %, accuracy {100 * was:.{digits}f} %"
