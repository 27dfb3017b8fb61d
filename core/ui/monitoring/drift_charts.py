"""Drift: what is measured and what is answered, now against the reference.

What is now has the accent, what has provably changed the colour of what is wrong; the reference is
drawn over it in ink.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import (
    PERCENT_LABELS,
    choose_palette,
    format_share,
    style_altair,
    title_params,
)

_BARS = 24
_MOST_CLASSES = 20
_BAR_HOVER = [
    alt.Tooltip("low:Q", title="from", format=".2f"),
    alt.Tooltip("high:Q", title="to", format=".2f"),
    alt.Tooltip("share_now:N", title="now"),
    alt.Tooltip("share_before:N", title="reference"),
]
_DISTANCE_HOVER = [
    alt.Tooltip("name:N", title="component"),
    alt.Tooltip("distance:Q", format=".2f"),
    alt.Tooltip("adjusted:Q", title="p, corrected", format=".2g"),
]


def draw_property(
    name: str,
    reference: np.ndarray,
    current: np.ndarray,
    facts: Mapping[str, Any],
    dark: bool = False,
) -> Any:
    """Return how a property is spread: now as bars, the reference as line over them.

    Args:
        reference: (m,) float.
        current: (n,) float.
        facts: distance and is_proven, of the comparison.
    """
    colours = choose_palette(dark)
    rows = _count_bars(reference, current)
    proven = bool(facts["is_proven"])
    ends = [rows["low"].iloc[0], rows["high"].iloc[-1]]
    x = {
        "title": name,
        "axis": alt.Axis(grid=False, tickCount=5),
        "scale": alt.Scale(domain=ends, nice=False, zero=False),
    }
    base = alt.Chart(rows).encode(
        x=alt.X("low:Q", bin="binned", **x), x2="high:Q", tooltip=_BAR_HOVER
    )
    y = alt.Y("now:Q", title=None, axis=alt.Axis(labelExpr=PERCENT_LABELS, tickCount=3))
    bars = base.mark_bar(color=colours.wrong if proven else colours.accent, opacity=0.75)
    line = _draw_reference(rows, alt.X("low:Q", **x), colours.ink)
    verdict = f"changed, distance {facts['distance']:.2f}" if proven else "no change proven"
    title = title_params(name.capitalize(), verdict, fontSize=13)
    return style_altair(alt.layer(bars.encode(y=y), line), dark, title=title, height=190)


def _count_bars(reference: np.ndarray, current: np.ndarray) -> pd.DataFrame:
    """Return bars over nearly all values: low, high, now and before (shares, and in words)."""
    low, high = (float(end) for end in np.quantile(np.r_[reference, current], [0.002, 0.998]))
    edges = np.linspace(low, high if high > low else low + 1, _BARS + 1)
    rows = pd.DataFrame({"low": edges[:-1], "high": edges[1:]})
    for name, values in (("now", current), ("before", reference)):
        counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
        rows[name] = counts / max(len(values), 1)
        rows[f"share_{name}"] = [format_share(share) for share in rows[name]]
    return rows


def draw_distances(columns: pd.DataFrame, dark: bool = False) -> Any:
    """Return the distance of each component of the features, largest first.

    Args:
        columns: Rows of family "features" of `core.evaluation.drift.Drift.columns`.
    """
    colours = choose_palette(dark)
    rows = columns.sort_values("distance", ascending=False, kind="stable").reset_index(drop=True)
    rows["place"] = rows.index + 1
    rows["verdict"] = np.where(rows["is_proven"], "changed", "no change proven")
    kinds = {"changed": colours.wrong, "no change proven": colours.faint}
    used = {name: kinds[name] for name in kinds if (rows["verdict"] == name).any()}
    scale = alt.Scale(domain=[0, max(0.5, float(rows["distance"].max()))], nice=True)
    y = alt.Y("distance:Q", title="distance", scale=scale, axis=alt.Axis(tickCount=4))
    colour = alt.Color(
        "verdict:N",
        title=None,
        scale=alt.Scale(domain=list(used), range=list(used.values())),
        legend=alt.Legend(orient="top", offset=4),
    )
    chart = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X("place:O", title="components of the features, largest first", axis=None),
            y=y,
            color=colour,
            tooltip=_DISTANCE_HOVER,
        )
    )
    proven = int(rows["is_proven"].sum())
    title = title_params(
        f"{proven} of {len(rows)} components changed",
        "Distance from the reference, within the same answers: 0 the same, 1 wholly apart",
    )
    return style_altair(chart, dark, title=title, height=230)


def draw_classes(rows: pd.DataFrame, n: int, dark: bool = False) -> Any:
    """Return how often each class was the best, and in the reference; the largest changes first.

    Args:
        rows: Of `core.monitoring.summaries.count_classes`.
    """
    colours = choose_palette(dark)
    gap = (rows["now"] - rows["before"].fillna(0)).abs()
    order = gap if len(rows) > _MOST_CLASSES else rows["photos"]
    drawn = rows.loc[order.sort_values(ascending=False, kind="stable").index[:_MOST_CLASSES]].copy()
    for name in ("now", "before"):
        drawn[f"{name}_text"] = [format_share(share) for share in drawn[name]]
    ends = zip(drawn["low"], drawn["high"], strict=True)
    drawn["interval"] = [f"{format_share(low)} to {format_share(high)}" for low, high in ends]
    base = alt.Chart(drawn).encode(
        y=alt.Y("class:N", sort=None, title=None, axis=alt.Axis(labelLimit=150, grid=False)),
        tooltip=[
            alt.Tooltip("class:N"),
            alt.Tooltip("now_text:N", title="now"),
            alt.Tooltip("interval:N", title="95 % interval"),
            alt.Tooltip("before_text:N", title="reference"),
            alt.Tooltip("photos:Q", format=","),
        ],
    )
    x = {"title": None, "axis": alt.Axis(labelExpr=PERCENT_LABELS, orient="top", tickCount=5)}
    layers = [
        base.mark_bar(color=colours.accent, opacity=0.75).encode(x=alt.X("now:Q", **x)),
        base.mark_rule(color=colours.ink, strokeWidth=1.5).encode(
            x=alt.X("low:Q", **x), x2="high:Q"
        ),
    ]
    if rows["before"].notna().any():
        layers.append(
            base.mark_tick(color=colours.ink, thickness=3, size=15).encode(x=alt.X("before:Q", **x))
        )
    cut = f"the {_MOST_CLASSES} that moved most of {len(rows)}; " if len(rows) > len(drawn) else ""
    title = title_params("What it answered", f"{cut}n = {n:,}; ticks: reference photos")
    return style_altair(alt.layer(*layers), dark, title=title, height=22 * len(drawn) + 60)


def draw_scores(rows: pd.DataFrame, n: int, dark: bool = False) -> Any:
    """Return the share of photos by the score of the best class, now and in the reference.

    Args:
        rows: Of `core.monitoring.summaries.count_scores`.
    """
    colours = choose_palette(dark)
    drawn = rows.assign(
        span=[f"{100 * low:.0f} to {100 * low + 5:.0f} %" for low in rows["low"]],
        now_text=[format_share(share) for share in rows["now"]],
        before_text=[format_share(share) for share in rows["before"]],
    )
    x = {
        "title": "score of the best class",
        "axis": alt.Axis(labelExpr=PERCENT_LABELS, grid=False, tickCount=5),
        "scale": alt.Scale(domain=[0, 1], nice=False),
    }
    base = alt.Chart(drawn).encode(
        x=alt.X("low:Q", bin="binned", **x),
        x2="high:Q",
        tooltip=[
            alt.Tooltip("span:N", title="score"),
            alt.Tooltip("now_text:N", title="now"),
            alt.Tooltip("before_text:N", title="reference"),
        ],
    )
    y = {"title": "photos", "axis": alt.Axis(labelExpr=PERCENT_LABELS, tickCount=4)}
    layers = [base.mark_bar(color=colours.accent, opacity=0.75).encode(y=alt.Y("now:Q", **y))]
    if rows["before"].notna().any():
        layers.append(_draw_reference(drawn, alt.X("low:Q", **x), colours.ink))
    title = title_params("How sure it was", f"n = {n:,}; line: reference photos")
    return style_altair(alt.layer(*layers), dark, title=title, height=230)


def _draw_reference(rows: pd.DataFrame, x: Any, colour: str) -> Any:
    """Return the reference as a line of steps over the bars, from the first edge to the last."""
    last = rows.iloc[[-1]].assign(low=rows["high"].iloc[-1])
    steps = pd.concat([rows, last], ignore_index=True)[["low", "before"]]
    line = alt.Chart(steps).mark_line(interpolate="step-after", color=colour, strokeWidth=1.6)
    return line.encode(x=x, y=alt.Y("before:Q", title=None))
