"""Reliability: how often answers of each score are right, beside what the score says."""

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

BIN = "bin"
"""Name of the selection, whose value is {"position": row of the bins}."""

_TALLEST = 0.2
"""Height of the largest bar of photos, as a share of the chart."""


def draw_reliability(bins: pd.DataFrame, name: str, dark: bool = False) -> Any:
    """Return the share of right answers against the score, one point a bin, with intervals.

    On the diagonal a score means what it says; below it, it promises too much. Bars at the foot
    say how many photos a bin has. A click on a bin selects it.

    Args:
        bins: What `core.evaluation.calibration.bin_scores` returns; at least one row.
        name: What the scores are, as in "As the run gives them".
    """
    colours = choose_palette(dark)
    rows = _describe(bins)
    scale = alt.Scale(domain=[0, 1], nice=False)
    across = alt.Axis(values=[0, 0.5, 1], labelExpr=PERCENT_LABELS, grid=False)
    upright = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], labelExpr=PERCENT_LABELS)
    x = {"scale": scale, "axis": across, "title": "score of the answer"}
    y = {"scale": scale, "axis": upright, "title": "share of right answers"}
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
    """Return what is pointed at and clicked: the whole height of each bin, unseen until chosen."""
    chosen = alt.selection_point(name=BIN, fields=["position"], on="click", toggle=False)
    shade = alt.condition({"param": BIN, "empty": False}, alt.value(0.12), alt.value(0.0))
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
                alt.Tooltip("was:N", title="right"),
                alt.Tooltip("interval:N", title="95 % interval"),
            ],
        )
    )


def _describe(bins: pd.DataFrame) -> pd.DataFrame:
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
    return f"Says {100 * said:.{digits}f} % on average, is right in {100 * was:.{digits}f} %"
