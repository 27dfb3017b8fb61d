"""Shares of photos by a number, and the learning curve with its forecast."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import PERCENT_LABELS, Palette, choose_palette, style_altair, title_params
from core.exact.curves import REACH, Forecast
from core.formats import percent

_STEPS = 25
_HEIGHT = 260


def list_points(forecast: Forecast) -> pd.DataFrame:
    """Return the measured curve: photos, mean, low and high of the repeats, said (in words)."""
    curve = forecast.curve
    low, high = curve.values.min(axis=0), curve.values.max(axis=0)
    said = [percent(one, curve.judged) for one in curve.means]
    facts = {"photos": curve.sizes, "mean": curve.means, "low": low, "high": high, "said": said}
    return pd.DataFrame(facts)


def list_fan(forecast: Forecast) -> pd.DataFrame:
    """Return the forecast from today's photos to its reach: photos, value, low, high."""
    ends = np.geomspace(forecast.photos, REACH * forecast.photos, _STEPS).astype(int)
    seen = {photos: forecast.predict(photos - forecast.photos) for photos in np.unique(ends)}
    rows = [(photos, one.value, one.low, one.high) for photos, one in seen.items() if one]
    return pd.DataFrame(rows, columns=["photos", "value", "low", "high"])


def draw_forecast(
    points: pd.DataFrame,
    fan: pd.DataFrame,
    marks: dict[str, float],
    words: dict[str, str],
    dark: bool,
) -> Any:
    """Return the chart of a learning curve: measured points with their range, and the forecast.

    Args:
        points: From `list_points`.
        fan: From `list_fan`; empty without a forecast.
        marks: "now" and "before" → number of photos to mark.
        words: See `draw_shares`.
    """
    colours = choose_palette(dark)
    axis = alt.Axis(labelExpr=PERCENT_LABELS, tickCount=6)
    lowest = max(0.0, float(np.min([*points["low"], *fan["low"]])) - 0.03)
    scale = alt.Scale(domain=[lowest, 1.0], nice=False)
    x = alt.X("photos:Q", title=words["control"], axis=alt.Axis(format=",d", grid=False))

    def place(name: str) -> Any:
        return alt.Y(f"{name}:Q", title=words["share"], axis=axis, scale=scale)

    ahead, measured = (alt.Chart(table).encode(x=x) for table in (fan, points))
    colour = colours.splits["validation"]
    told = [alt.Tooltip("photos:Q", format=",d"), alt.Tooltip("said:N", title=words["share"])]
    dashed = ahead.mark_line(color=colours.accent, strokeDash=[6, 4], strokeWidth=2)
    dots = measured.mark_point(color=colour, filled=True, size=48, opacity=1)
    layers = [
        ahead.mark_area(color=colours.accent, opacity=0.2).encode(y=place("low"), y2="high"),
        dashed.encode(y=place("value")),
        measured.mark_rule(color=colours.faint, strokeWidth=2).encode(y=place("low"), y2="high"),
        measured.mark_line(color=colour, strokeWidth=1.5).encode(y=place("mean")),
        dots.encode(y=place("mean"), tooltip=told),
        *_draw_marks(marks, x, colours),
    ]
    heading = title_params(words["picture"], words.get("below", ""))
    return style_altair(
        alt.layer(*layers[0 if len(fan) else 2 :]), dark, title=heading, height=_HEIGHT
    )


def draw_shares(
    rows: pd.DataFrame, marks: dict[str, float], words: dict[str, str], log: bool, dark: bool
) -> Any:
    """Return shares of photos by the value of a control.

    Args:
        rows: place, share, line (its name).
        marks: "now" and "before" → present and former value of the control.
        words: picture (title), below (subtitle), control and share (axis titles).
        log: Whether the axis is logarithmic.
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
    """Draw the present and the former value of a control."""
    return [
        alt.Chart(pd.DataFrame({x.shorthand.split(":")[0]: [marks[when]]}))
        .mark_rule(color=tint)
        .encode(x=x)
        for when, tint in (("before", colours.faint), ("now", colours.ink))
        if when in marks
    ]
