"""What is answered against how much of it is right, and distances of like and unlike photos."""

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

_BARS = 40


def draw_coverage(
    curve: pd.DataFrame, chosen: tuple[float, float] | None, name: str, dark: bool = False
) -> Any:
    """Return the share of right answers against the share of photos answered, with its band.

    Args:
        curve: What `core.evaluation.coverage.thin_coverage` returns; at least one row.
        chosen: (coverage, accuracy) of the rule, to be marked; None marks nothing.
        name: Of the photos, as in "Validation photos".
    """
    colours = choose_palette(dark)
    rows = curve.assign(
        at=[format_share(value) for value in curve["threshold"]],
        share=[format_share(value) for value in curve["coverage"]],
        right=[format_share(value) for value in curve["accuracy"]],
    )
    low = float(np.floor(10 * min(rows["accuracy_low"].min(), 0.9)) / 10)
    x = {
        "scale": alt.Scale(domain=[0, 1], nice=False),
        "axis": alt.Axis(labelExpr=PERCENT_LABELS, grid=False, tickCount=5),
        "title": "photos answered",
    }
    y = {
        "scale": alt.Scale(domain=[low, 1], nice=False, clamp=True),
        "axis": alt.Axis(labelExpr=PERCENT_LABELS, tickCount=5),
        "title": "of these, right",
    }
    tooltip = [
        alt.Tooltip("at:N", title="threshold"),
        alt.Tooltip("share:N", title="photos answered"),
        alt.Tooltip("right:N", title="of these, right"),
        alt.Tooltip("wrong:Q", title="wrong answers shown", format=","),
    ]
    base = alt.Chart(rows).encode(x=alt.X("coverage:Q", **x), tooltip=tooltip)
    band = base.mark_area(color=colours.accent, opacity=0.18).encode(
        y=alt.Y("accuracy_low:Q", **y), y2="accuracy_high:Q"
    )
    line = base.mark_line(color=colours.accent, strokeWidth=2).encode(y=alt.Y("accuracy:Q", **y))
    layers = [band, line]
    if chosen is not None:
        mark, point = _mark(chosen, "coverage", "accuracy", colours.ink)
        layers += [mark.mark_rule(color=colours.ink, strokeDash=[4, 3]), point]
    title = title_params(
        "Right answers against how many it gives", f"{name}. Band: 95 % intervals. Dot: the rule"
    )
    return style_altair(alt.layer(*layers), dark, title=title, height=300)


def _mark(chosen: tuple[float, float], x: str, y: str, colour: str) -> tuple[Any, Any]:
    """Return what is chosen as a chart that has its x, and as a dot."""
    mark = alt.Chart(pd.DataFrame([chosen], columns=[x, y])).encode(x=f"{x}:Q")
    return mark, mark.mark_point(filled=True, size=110, color=colour, opacity=1).encode(y=f"{y}:Q")


def draw_distances(
    like: np.ndarray, unlike: np.ndarray, limit: float | None, name: str, dark: bool = False
) -> Any:
    """Return how far like and unlike photos lie, as two histograms of shares, and the limit.

    Args:
        limit: The distance to mark; None marks none.
        name: Of the photos of the dataset, as in "validation photos".
    """
    colours = choose_palette(dark)
    both = np.concatenate([like, unlike])
    # What lies very far out is gathered at the end: it would flatten all that matters.
    top = float(max(np.quantile(both, 0.98), 1.2 * (limit or 0)))
    edges = np.linspace(float(both.min()), top, _BARS + 1)
    sets = {name: like, "drawn, no flower": unlike}
    x = {"scale": alt.Scale(nice=False, zero=False), "title": "distance from training photos"}
    layers = [_draw_bars(sets, edges, x, dark)]
    if limit is not None:
        mark = alt.Chart(pd.DataFrame({"limit": [limit], "text": [f"limit {limit:,.2f}"]}))
        rule = mark.mark_rule(color=colours.ink, strokeDash=[4, 3]).encode(x=alt.X("limit:Q", **x))
        words = mark.mark_text(color=colours.ink, align="left", dx=5, fontSize=12)
        layers += [rule, words.encode(x=alt.X("limit:Q", **x), y=alt.value(8), text="text:N")]
    title = title_params(
        "Distance from what was learnt",
        "1: a typical training photo. Last bar: that far or farther",
    )
    return style_altair(alt.layer(*layers), dark, title=title, height=280)


def draw_roc(
    curve: pd.DataFrame, chosen: tuple[float, float] | None, title: str, dark: bool = False
) -> Any:
    """Return the share of unlike photos found against the share of like ones refused.

    Args:
        curve: What `core.evaluation.coverage.trace_roc` returns.
        chosen: (refused, found) of the limit, to be marked; None marks nothing.
    """
    colours = choose_palette(dark)
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = {"values": [0, 0.25, 0.5, 0.75, 1], "labelExpr": PERCENT_LABELS}
    halves = alt.Axis(values=[0, 0.5, 1], labelExpr=PERCENT_LABELS, grid=False)
    x = {"scale": scale, "axis": halves, "title": "photos of flowers refused"}
    y = {"scale": scale, "axis": alt.Axis(**axis), "title": "photos without one found"}
    rows = curve.replace([np.inf, -np.inf], np.nan)
    line = (
        alt.Chart(rows)
        .mark_line(color=colours.accent, strokeWidth=2, interpolate="linear")
        .encode(
            x=alt.X("refused:Q", **x),
            y=alt.Y("found:Q", **y),
            order="found:Q",
            tooltip=[
                alt.Tooltip("limit:Q", title="limit", format=".2f"),
                alt.Tooltip("refused:Q", title="refused", format=".1%"),
                alt.Tooltip("found:Q", title="found", format=".1%"),
            ],
        )
    )
    chance = alt.Chart(pd.DataFrame({"at": [0.0, 1.0]})).mark_line(
        color=colours.quiet, strokeDash=[4, 4], strokeWidth=1
    )
    layers = [chance.encode(x=alt.X("at:Q", **x), y=alt.Y("at:Q", **y)), line]
    if chosen is not None:
        layers.append(_mark(chosen, "refused", "found", colours.ink)[1])
    words = title_params(title, "Dashed: guessing. Dot: the limit")
    return style_altair(alt.layer(*layers), dark, title=words, height=280)


def _draw_bars(
    sets: Mapping[str, np.ndarray], edges: np.ndarray, x: Mapping[str, Any], dark: bool
) -> Any:
    colours, parts = choose_palette(dark), []
    for label, values in sets.items():
        counts, _ = np.histogram(np.minimum(values, edges[-1]), bins=edges)
        share = counts / max(len(values), 1)
        part = {"low": edges[:-1], "high": edges[1:], "n": counts, "photos": label, "share": share}
        parts.append(pd.DataFrame(part)[counts > 0])
    rows = pd.concat(parts)
    axis = alt.Axis(labelExpr=PERCENT_LABELS, tickCount=4)
    return (
        alt.Chart(rows)
        .mark_bar(opacity=0.55)
        .encode(
            x=alt.X("low:Q", **x, axis=alt.Axis(grid=False, format=".1f")),
            x2="high:Q",
            y=alt.Y("share:Q", stack=None, title="share of its photos", axis=axis),
            y2=alt.datum(0),
            color=alt.Color(
                "photos:N",
                title=None,
                scale=alt.Scale(domain=list(sets), range=[colours.right, colours.wrong]),
                legend=alt.Legend(orient="top", offset=4),
            ),
            tooltip=[
                "photos:N",
                alt.Tooltip("n:Q", title="photos", format=","),
                alt.Tooltip("low:Q", title="distance from", format=".2f"),
                alt.Tooltip("high:Q", title="to", format=".2f"),
            ],
        )
    )
