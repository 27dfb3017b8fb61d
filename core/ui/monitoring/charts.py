"""Charts of the page Monitoring: figures by day and version, and the predicted classes.

Each version has one colour in all charts over time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import altair as alt
import pandas as pd

from core.charts.bars import name_rows
from core.charts.theme import (
    PERCENT_LABELS,
    choose_palette,
    format_share,
    style_altair,
    title_params,
)

HEIGHT = 240
Share = Literal["unknown", "accuracy"]

_COLOURS = (0, 3, 4, 6, 5, 7)
"""Places of the palette's groups that do not look like right or wrong."""
_MOST_CLASSES = 20
_TITLES = {
    "unknown": ("Photos without an answer", "each photo once"),
    "accuracy": ("Accuracy on feedback", "photos with feedback only"),
}
_PERCENT_AXIS: dict[str, Any] = {"labelExpr": PERCENT_LABELS}


class Timeline(NamedTuple):
    """Axis and colours of the charts over time."""

    versions: Sequence[str]
    span: tuple[datetime, datetime]

    def encode(self, rows: pd.DataFrame, dark: bool, *hover: Any) -> Any:
        """Return a chart of the rows over time, coloured by version."""
        # Formatted here, because a browser would use its own time zone.
        drawn = rows.assign(day=[f"{time:%Y-%m-%d}" for time in rows["time"]])
        axis = alt.Axis(format="%-d %b", tickCount=6, grid=False)
        scale = alt.Scale(type="utc", domain=list(self.span))
        groups, places = choose_palette(dark).groups, range(len(self.versions))
        colours = [groups[_COLOURS[place % len(_COLOURS)]] for place in places]
        legend = alt.Legend(orient="top", offset=4, columns=4, symbolOpacity=1)
        colour = alt.Color(
            "version:N",
            title=None,
            scale=alt.Scale(domain=list(self.versions), range=colours),
            legend=legend if len(self.versions) > 1 else None,
        )
        return alt.Chart(drawn).encode(
            x=alt.X("time:T", title=None, axis=axis, scale=scale),
            color=colour,
            tooltip=[alt.Tooltip("version:N"), alt.Tooltip("day:N"), *hover],
        )


def draw_volume(rows: pd.DataFrame, line: Timeline, dark: bool = False) -> Any:
    """Return stacked bars of answers by day and version."""
    # Stacked here, because Vega-Lite does not stack bars with two ends in time.
    tops = rows.groupby("time")["photos"].cumsum()
    end = rows["time"] + pd.Timedelta(1, "day") * 0.94
    drawn = rows.assign(end=end, top=tops, bottom=tops - rows["photos"])
    axis = alt.Axis(tickCount=4, tickMinStep=1, format=",d")
    base = line.encode(drawn, dark, alt.Tooltip("photos:Q", title="answers", format=","))
    y = alt.Y("bottom:Q", title=None, axis=axis, scale=alt.Scale(zero=True))
    chart = base.mark_rect().encode(x2="end:T", y=y, y2="top:Q")
    title = title_params("Answers, by day", f"n = {int(rows['photos'].sum()):,}; UTC")
    return style_altair(chart, dark, title=title, height=HEIGHT)


def draw_shares(rows: pd.DataFrame, line: Timeline, which: Share, dark: bool = False) -> Any:
    """Return a share with its interval, by day and version; days without photos have none."""
    n = "judged" if which == "accuracy" else "different"
    drawn = rows[rows[n] > 0].copy()
    drawn["share"] = [format_share(value) for value in drawn[which]]
    drawn["interval"] = _say_intervals(drawn[f"{which}_low"], drawn[f"{which}_high"])
    base = line.encode(
        drawn,
        dark,
        alt.Tooltip("share:N", title="share"),
        alt.Tooltip("interval:N", title="95 % interval"),
        alt.Tooltip(f"{n}:Q", title="photos", format=","),
    )
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], **_PERCENT_AXIS)
    y = {"title": None, "scale": alt.Scale(domain=[0, 1], nice=False), "axis": axis}
    spread = base.mark_rule(strokeWidth=2, opacity=0.45)
    spread = spread.encode(y=alt.Y(f"{which}_low:Q", **y), y2=f"{which}_high:Q")
    points = base.mark_point(filled=True, size=45, opacity=1).encode(y=alt.Y(f"{which}:Q", **y))
    title, which_photos = _TITLES[which]
    below = f"{which_photos}; n = {int(drawn[n].sum()):,}; lines: 95 % intervals"
    title = title_params(f"{title}, by day", below)
    return style_altair(alt.layer(spread, points), dark, title=title, height=HEIGHT)


def _say_intervals(lows: pd.Series, highs: pd.Series) -> list[str]:
    ends = zip(lows, highs, strict=True)
    return [f"{format_share(low)} to {format_share(high)}" for low, high in ends]


def draw_classes(rows: pd.DataFrame, n: int, dark: bool = False) -> Any:
    """Return the share of each predicted class, with the reference; largest changes first.

    Args:
        rows: Of `core.monitoring.log.count_classes`.
    """
    colours = choose_palette(dark)
    gap = (rows["now"] - rows["before"].fillna(0)).abs()
    order = gap if len(rows) > _MOST_CLASSES else rows["photos"]
    drawn = rows.loc[order.sort_values(ascending=False, kind="stable").index[:_MOST_CLASSES]].copy()
    for name in ("now", "before"):
        drawn[f"{name}_text"] = [format_share(share) for share in drawn[name]]
    drawn["interval"] = _say_intervals(drawn["low"], drawn["high"])
    base = alt.Chart(name_rows(drawn)).encode(
        y=alt.Y("row:N", sort=None, title=None, axis=alt.Axis(labelLimit=150, grid=False)),
        tooltip=[
            alt.Tooltip("class:N"),
            alt.Tooltip("now_text:N", title="now"),
            alt.Tooltip("interval:N", title="95 % interval"),
            alt.Tooltip("before_text:N", title="reference"),
            alt.Tooltip("photos:Q", format=","),
        ],
    )
    x = {"title": None, "axis": alt.Axis(orient="top", tickCount=5, **_PERCENT_AXIS)}
    layers = [
        base.mark_bar(color=colours.accent, opacity=0.75).encode(x=alt.X("now:Q", stack=None, **x)),
        base.mark_rule(color=colours.ink, strokeWidth=1.5).encode(
            x=alt.X("low:Q", **x), x2="high:Q"
        ),
    ]
    if rows["before"].notna().any():
        tick = base.mark_tick(color=colours.ink, thickness=2, size=14)
        layers.append(tick.encode(x=alt.X("before:Q", **x)))
    shown = f"{len(drawn)} of {len(rows)} classes; " if len(drawn) < len(rows) else ""
    title = title_params("Predicted classes", f"{shown}n = {n:,}; ticks: reference photos")
    return style_altair(alt.layer(*layers), dark, title=title, height=22 * len(drawn) + 60)
