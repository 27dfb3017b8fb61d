"""Who answered when: one row a version, one bar for each span in which it was the champion."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import choose_palette, style_altair, title_params
from core.formats import duration, moment
from core.registry.events import Tenure

_MOST_ROWS = 10
_ROW_HEIGHT = 26
_TICKS = 6
_FORMATS = ((_TICKS * 60, "%H:%M:%S"), (86_400, "%H:%M"), (_TICKS * 86_400, "%d %b, %H:%M"))
"""Seconds below which the axis names its times like that, so that no two ticks read alike."""


def draw_tenures(tenures: Sequence[Tenure], dark: bool = False) -> Any:
    """Return the bars of the versions that answered last, at most ten, the newest number on top.

    Args:
        tenures: The first at the beginning; at least one.
    """
    colours = choose_palette(dark)
    latest = list(dict.fromkeys(one.version for one in reversed(tenures)))[:_MOST_ROWS]
    rows = pd.DataFrame([_describe(one) for one in tenures if one.version in latest])
    order = [f"v{number}" for number in sorted(latest, reverse=True)]
    spanned = (tenures[-1].end - rows["start"].min()).total_seconds()
    finest = next((shape for below, shape in _FORMATS if spanned < below), "%d %b")
    axis = alt.Axis(format=finest, tickCount=_TICKS, grid=False)
    scale = alt.Scale(type="utc", nice=False)
    base = alt.Chart(rows).encode(
        y=alt.Y("version:N", sort=None, scale=alt.Scale(domain=order, paddingInner=0.3), title=None)
    )
    bars = base.mark_bar(cornerRadius=2, minBandSize=6).encode(
        x=alt.X("start:T", title="time (UTC)", scale=scale, axis=axis),
        x2="end:T",
        color=alt.condition(alt.datum.going, alt.value(colours.accent), alt.value(colours.faint)),
        tooltip=[
            alt.Tooltip("version:N"),
            alt.Tooltip("since:N", title="from"),
            alt.Tooltip("until:N", title="to"),
            alt.Tooltip("length:N", title="for"),
            alt.Tooltip("reason:N"),
        ],
    )
    # A short tenure among long ones is thinner than a pixel: its beginning is marked, too.
    starts = base.mark_tick(thickness=2, color=colours.ink, height=14).encode(
        x=alt.X("start:T", scale=scale, axis=axis)
    )
    now = tenures[-1]
    title = title_params(
        f"v{now.version} answers, since {moment(now.start)}",
        "Green: answers now; a tick: took over",
    )
    height = len(order) * _ROW_HEIGHT + 104  # title and axis are within it
    return style_altair(
        alt.layer(bars, starts), dark, title=title, height=height, width="container"
    )


def _describe(one: Tenure) -> dict[str, object]:
    return {
        "version": f"v{one.version}",
        "start": one.start,
        "end": one.end,
        "going": one.is_going,
        "since": moment(one.start),
        "until": "now" if one.is_going else moment(one.end),
        "length": duration((one.end - one.start).total_seconds()),
        "reason": one.reason,
    }
