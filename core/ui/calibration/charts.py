"""The share of right answers against the share of photos answered."""

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
        layers += _mark(chosen, colours.ink)
    title = title_params(
        "Right answers against how many it gives", f"{name}. Band: 95 % intervals. Dot: the rule"
    )
    return style_altair(alt.layer(*layers), dark, title=title, height=300)


def _mark(chosen: tuple[float, float], colour: str) -> tuple[Any, Any]:
    """Return the chosen (coverage, accuracy) as a dashed rule and a dot."""
    mark = alt.Chart(pd.DataFrame([chosen], columns=["coverage", "accuracy"]))
    mark = mark.encode(x="coverage:Q")
    dot = mark.mark_point(filled=True, size=110, color=colour, opacity=1)
    return mark.mark_rule(color=colour, strokeDash=[4, 3]), dot.encode(y="accuracy:Q")
