"""The chart of the forecast page: measured points, and the fan of what more photos would bring."""

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
    points: pd.DataFrame, fan: pd.DataFrame, asked: float, words: tuple[str, str, str], dark: bool
) -> Any:
    """Return the chart of a curve.

    Args:
        points: photos, mean, low and high of the repeats, judged.
        fan: What `list_fan` returned; empty where the curve allows no forecast.
        asked: The number of photos that is asked about; NaN: none.
        words: Title, line below it, name of the figure.
    """
    colours = choose_palette(dark)
    title, subtitle, figure = words
    y = {
        "title": figure,
        "axis": alt.Axis(labelExpr=PERCENT_LABELS, tickCount=6),
        "scale": alt.Scale(domain=[max(0.0, float(points["low"].min()) - 0.03), 1.0], nice=False),
    }
    x = alt.X("photos:Q", title="training photos", axis=alt.Axis(format=",d", grid=False))
    layers = [*_draw_fan(fan, x, y, colours), *_draw_points(points, x, y, colours)]
    if np.isfinite(asked):
        rule = alt.Chart(pd.DataFrame({"photos": [asked]})).mark_rule(color=colours.ink)
        layers.append(rule.encode(x=x))
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


def draw_dialled(points: pd.DataFrame, place: int, judged: int, dark: bool) -> Any:
    """Return the chart of accuracy against photos: as it is, and as the dials stand.

    Args:
        points: photos, plain (nothing turned) and now, by size.
        place: Which size is looked at.
    """
    colours = choose_palette(dark)
    names = {"plain": "nothing turned", "now": "as the dials stand"}
    rows = points.melt("photos", list(names), "which", "accuracy").replace({"which": names})
    rows["said"] = [percent(one, judged) for one in rows["accuracy"]]
    y = alt.Y(
        "accuracy:Q",
        title="accuracy",
        axis=alt.Axis(labelExpr=PERCENT_LABELS, tickCount=5),
        scale=alt.Scale(domain=[0, 1]),
    )
    x = alt.X("photos:Q", title="training photos", axis=alt.Axis(format=",d", grid=False))
    colour = alt.Color(
        "which:N",
        title=None,
        scale=alt.Scale(domain=list(names.values()), range=[colours.faint, colours.accent]),
        legend=alt.Legend(orient="top", symbolType="circle"),
    )
    told = [alt.Tooltip("photos:Q", format=",d"), alt.Tooltip("said:N", title="accuracy")]
    lines = alt.Chart(rows).encode(x=x, y=y, color=colour, tooltip=told)
    chosen = alt.Chart(points.iloc[[place]]).mark_rule(color=colours.ink).encode(x=x)
    layers = alt.layer(lines.mark_line(point=True, strokeWidth=2), chosen)
    title = title_params(
        "Accuracy against the number of photos", "One draw a size, the larger hold the smaller"
    )
    return style_altair(layers, dark, title=title, height=200)
