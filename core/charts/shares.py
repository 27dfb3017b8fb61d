"""Shares of photos against a number: as measured, and the fan of what more photos would bring."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import PERCENT_LABELS, Palette, choose_palette, style_altair, title_params
from core.formats import percent
from core.instant.curves import REACH, Forecast

_STEPS = 25
_HEIGHT = 330


def list_fan(forecast: Forecast) -> pd.DataFrame:
    """Return the forecast from today's photos to its reach: photos, value, both intervals."""
    if forecast.reason:
        return pd.DataFrame(columns=["photos", "value", "low", "high", "low95", "high95"])
    ends = np.geomspace(forecast.photos, REACH * forecast.photos, _STEPS).round().astype(int)
    rows = []
    for photos in np.unique(ends).tolist():
        narrow, wide = forecast.foresee(photos), forecast.foresee(photos, 0.95)
        rows.append((photos, narrow.value, narrow.low, narrow.high, wide.low, wide.high))
    return pd.DataFrame(rows, columns=["photos", "value", "low", "high", "low95", "high95"])


def draw_forecast(
    points: pd.DataFrame,
    fan: pd.DataFrame,
    marks: dict[str, float],
    words: tuple[str, str, str, str],
    dark: bool,
) -> Any:
    """Return the chart of a curve.

    Args:
        points: photos, mean, low and high of the repeats, judged.
        fan: What `list_fan` returned; empty where the curve allows no forecast.
        marks: "now" and "before" → the number of photos that is and was asked about.
        words: Title, line below it, name of the figure, what is counted.
    """
    colours = choose_palette(dark)
    title, subtitle, figure, counted = words
    y = {
        "title": figure,
        "axis": alt.Axis(labelExpr=PERCENT_LABELS, tickCount=6),
        "scale": alt.Scale(domain=[max(0.0, float(points["low"].min()) - 0.03), 1.0], nice=False),
    }
    x = alt.X("photos:Q", title=counted, axis=alt.Axis(format=",d", grid=False))
    layers = [*_draw_fan(fan, x, y, colours), *_draw_points(points, x, y, colours)]
    layers += _draw_marks(marks, x, colours)
    heading = title_params(title, subtitle)
    return style_altair(alt.layer(*layers), dark, title=heading, height=_HEIGHT)


def _draw_points(points: pd.DataFrame, x: Any, y: dict[str, Any], colours: Palette) -> list[Any]:
    """Draw what was measured: means joined by a line, and the range of the repeats."""
    judged, colour = int(points["judged"].iloc[0]), colours.splits["validation"]
    points = points.assign(said=[percent(one, judged) for one in points["mean"]])
    measured, line = alt.Chart(points).encode(x=x), alt.Y("mean:Q", **y)
    told = [alt.Tooltip("photos:Q", format=",d"), alt.Tooltip("said:N", title=y["title"])]
    dots = measured.mark_point(color=colour, filled=True, size=48, opacity=1)
    return [
        measured.mark_rule(color=colours.faint, strokeWidth=2).encode(
            y=alt.Y("low:Q", **y), y2="high:Q"
        ),
        measured.mark_line(color=colour, strokeWidth=1.5).encode(y=line),
        dots.encode(y=line, tooltip=told),
    ]


def _draw_fan(fan: pd.DataFrame, x: Any, y: dict[str, Any], colours: Palette) -> list[Any]:
    """Draw what is foreseen, with its 80 and 95 % intervals."""
    if not len(fan):
        return []
    ahead, line = alt.Chart(fan).encode(x=x), {"strokeDash": [6, 4], "strokeWidth": 2}
    areas = [
        ahead.mark_area(color=colours.accent, opacity=opacity).encode(
            y=alt.Y(f"{low}:Q", **y), y2=high
        )
        for low, high, opacity in (("low95", "high95", 0.14), ("low", "high", 0.25))
    ]
    return [*areas, ahead.mark_line(color=colours.accent, **line).encode(y=alt.Y("value:Q", **y))]


def draw_shares(
    rows: pd.DataFrame, marks: dict[str, float], words: dict[str, str], log: bool, dark: bool
) -> Any:
    """Return shares of photos against what the control may be.

    Args:
        rows: place, share, line (its name).
        marks: "now" and "before" → where the control stands and stood.
        words: picture (title), below (a line), control (of the axis), share.
        log: Whether ten times as much is one step of the axis.
    """
    colours = choose_palette(dark)
    lines = list(dict.fromkeys(rows["line"]))
    axis = alt.Axis(grid=False) if log else alt.Axis(grid=False, tickMinStep=1)
    x = alt.X("place:Q", title=words["control"], axis=axis)
    x.scale = alt.Scale(type="log" if log else "linear")
    y = alt.Y(
        "share:Q",
        title=words["share"],
        axis=alt.Axis(labelExpr=PERCENT_LABELS, tickCount=5),
        scale=alt.Scale(domain=[0, 1]),
    )
    colour = alt.Color(
        "line:N",
        title=None,
        scale=alt.Scale(domain=lines, range=[colours.accent, colours.splits["validation"]]),
        legend=alt.Legend(orient="top", symbolType="circle") if len(lines) > 1 else None,
    )
    told = alt.Tooltip("share:Q", title=words["share"], format=".1%")
    drawn = alt.Chart(rows).encode(x=x, y=y, color=colour, tooltip=["place:Q", told])
    layers = alt.layer(drawn.mark_line(strokeWidth=2, point=True), *_draw_marks(marks, x, colours))
    heading = title_params(words["picture"], words.get("below", ""))
    return style_altair(layers, dark, title=heading, height=_HEIGHT)


def _draw_marks(marks: dict[str, float], x: Any, colours: Palette) -> list[Any]:
    """Draw where a control stands, and stood."""
    return [
        alt.Chart(pd.DataFrame({x.shorthand.split(":")[0]: [marks[when]]}))
        .mark_rule(color=tint)
        .encode(x=x)
        for when, tint in (("before", colours.faint), ("now", colours.ink))
        if when in marks
    ]
