"""The model in use, over time: how much it was asked, how fast, how sure and how right it was.

Rows are those of `core.monitoring.summaries.summarise_steps`. Each version has its colour, the same
in all charts of a page.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import altair as alt
import pandas as pd

from core.charts.theme import (
    PERCENT_LABELS,
    choose_palette,
    format_share,
    style_altair,
    title_params,
)

HEIGHT = 240
Share = Literal["unknown", "accuracy"]

_TURNS = (0, 3, 4, 6, 5, 7)
"""Of the palette's groups, those that do not look like what is right or wrong."""
_TITLES = {
    "unknown": ("Photos it did not answer", "Each photo once"),
    "accuracy": ("Right answers, where people said", "With feedback only"),
}


class Course(NamedTuple):
    """What the axes and colours of all charts follow."""

    versions: Sequence[str]
    span: tuple[datetime, datetime]
    step: str
    """"hour" or "day", what a row stands for."""

    def encode(self, rows: pd.DataFrame, dark: bool, *hover: Any) -> Any:
        """Return a chart of the rows along the time, in the colours of their versions."""
        shown = "%Y-%m-%d %H:%M UTC" if self.step == "hour" else "%Y-%m-%d"
        # In words here: a browser would say the time in its zone.
        drawn = rows.assign(when=[time.strftime(shown) for time in rows["time"]])
        tooltip = [alt.Tooltip("version:N"), alt.Tooltip("when:N", title=self.step), *hover]
        colour = _version_colour(self.versions, dark)
        return alt.Chart(drawn).encode(x=_time_axis(self), color=colour, tooltip=tooltip)


def draw_volume(rows: pd.DataFrame, course: Course, dark: bool = False) -> Any:
    """Return stacked bars of answers by day and version."""
    step = course.step
    width = pd.Timedelta(1, step)
    # Stacked here: a bar with two ends in time is not stacked by Vega-Lite.
    tops = rows.groupby("time")["photos"].cumsum()
    drawn = rows.assign(end=rows["time"] + width * 0.94, top=tops, bottom=tops - rows["photos"])
    axis = alt.Axis(tickCount=4, tickMinStep=1, format=",d")
    base = course.encode(drawn, dark, alt.Tooltip("photos:Q", title="answers", format=","))
    y = alt.Y("bottom:Q", title=None, axis=axis, scale=alt.Scale(zero=True))
    chart = base.mark_rect().encode(x2="end:T", y=y, y2="top:Q")
    total = int(rows["photos"].sum())
    title = title_params(f"Answers, by {step}", f"n = {total:,}; times are UTC")
    return style_altair(chart, dark, title=title, height=HEIGHT)


def draw_latency(rows: pd.DataFrame, course: Course, dark: bool = False) -> Any:
    """Return the median and the time that 95 % of the answers keep, by day and version."""
    base = course.encode(
        rows,
        dark,
        alt.Tooltip("median:Q", title="median, ms", format=",.0f"),
        alt.Tooltip("slow:Q", title="95 % within, ms", format=",.0f"),
        alt.Tooltip("photos:Q", title="answers", format=","),
    )
    y = {"title": "ms", "axis": alt.Axis(tickCount=4), "scale": alt.Scale(zero=True)}
    spread = base.mark_rule(strokeWidth=2, opacity=0.45).encode(
        y=alt.Y("median:Q", **y), y2="slow:Q"
    )
    ends = base.mark_tick(orient="horizontal", thickness=2, size=9).encode(y=alt.Y("slow:Q", **y))
    points = base.mark_point(filled=True, size=45, opacity=1).encode(y=alt.Y("median:Q", **y))
    title = title_params(f"How fast it answered, by {course.step}", "Dot: median; line up to 95 %")
    return style_altair(alt.layer(spread, ends, points), dark, title=title, height=HEIGHT)


def draw_shares(rows: pd.DataFrame, course: Course, which: Share, dark: bool = False) -> Any:
    """Return a share by day and version with its interval; days without photos have none."""
    n = "judged" if which == "accuracy" else "different"
    drawn = rows[rows[n] > 0].copy()
    drawn["share"] = [format_share(value) for value in drawn[which]]
    ends = zip(drawn[f"{which}_low"], drawn[f"{which}_high"], strict=True)
    drawn["interval"] = [f"{format_share(low)} to {format_share(high)}" for low, high in ends]
    base = course.encode(
        drawn,
        dark,
        alt.Tooltip("share:N", title="share"),
        alt.Tooltip("interval:N", title="95 % interval"),
        alt.Tooltip(f"{n}:Q", title="photos", format=","),
    )
    y = {
        "title": None,
        "scale": alt.Scale(domain=[0, 1], nice=False),
        "axis": alt.Axis(labelExpr=PERCENT_LABELS, values=[0, 0.25, 0.5, 0.75, 1]),
    }
    spread = base.mark_rule(strokeWidth=2, opacity=0.45).encode(
        y=alt.Y(f"{which}_low:Q", **y), y2=f"{which}_high:Q"
    )
    points = base.mark_point(filled=True, size=45, opacity=1).encode(y=alt.Y(f"{which}:Q", **y))
    words, subtitle = _TITLES[which]
    total = f"{subtitle}; n = {int(drawn[n].sum()):,}; lines: 95 % intervals"
    title = title_params(f"{words}, by {course.step}", total)
    return style_altair(alt.layer(spread, points), dark, title=title, height=HEIGHT)


def _time_axis(course: Course) -> Any:
    places = ("year", "month", "day", "hour", "minute")
    names = ("year", "month", "date", "hours", "minutes")
    ends = [
        alt.DateTime(
            utc=True, **{name: getattr(end, of) for name, of in zip(names, places, strict=True)}
        )
        for end in course.span
    ]
    axis = alt.Axis(format="%H:%M" if course.step == "hour" else "%-d %b", tickCount=6, grid=False)
    return alt.X("time:T", title=None, axis=axis, scale=alt.Scale(type="utc", domain=ends))


def _version_colour(versions: Sequence[str], dark: bool) -> Any:
    colours = choose_palette(dark)
    turns = [colours.groups[_TURNS[place % len(_TURNS)]] for place in range(len(versions))]
    legend = (
        alt.Legend(orient="top", offset=4, columns=4, symbolOpacity=1)
        if len(versions) > 1
        else None
    )
    return alt.Color(
        "version:N", title=None, scale=alt.Scale(domain=list(versions), range=turns), legend=legend
    )
