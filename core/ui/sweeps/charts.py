"""A sweep in pictures: how good each trial was, which settings mattered, which went together.

The trials come as a table: columns trial (from 1), accuracy (0 to 1), pruned (bool), best (accuracy
of the best trial so far).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts.theme import (
    PERCENT_LABELS,
    choose_palette,
    figure_layout,
    format_share,
    style_altair,
    title_params,
)

_MARGIN = 0.04
"""Share of an axis left free at its ends."""
_DULL = 20
"""Percentile of accuracy below which lines are no more told apart: a few failures must not take
all the colours."""


def draw_history(trials: pd.DataFrame, dark: bool = False) -> Any:
    """Return the accuracy of each trial, and the best so far as a line of steps."""
    colours = choose_palette(dark)
    rows = trials.assign(
        ended=np.where(trials["pruned"], "pruned", "all epochs"),
        share=[format_share(value) for value in trials["accuracy"]],
    )
    low = max(0.0, float(trials["accuracy"].min()) - _MARGIN)
    high = min(1.0, float(trials["accuracy"].max()) + _MARGIN)
    axis = alt.Axis(labelExpr=PERCENT_LABELS, tickCount=5)
    scale = alt.Scale(domain=[low, high], nice=False)
    count_axis = alt.Axis(format=",d", tickMinStep=1, grid=False)
    base = alt.Chart(rows).encode(x=alt.X("trial:Q", title="trial", axis=count_axis))
    steps = base.mark_line(interpolate="step-after", color=colours.accent, strokeWidth=2).encode(
        y=alt.Y("best:Q", title=None, axis=axis, scale=scale)
    )
    points = base.mark_point(filled=True, size=42, opacity=0.9).encode(
        y=alt.Y("accuracy:Q", title=None, axis=axis, scale=scale),
        color=alt.Color(
            "ended:N",
            title=None,
            scale=alt.Scale(
                domain=["all epochs", "pruned"], range=[colours.splits["validation"], colours.faint]
            ),
            legend=alt.Legend(orient="top", offset=4, symbolType="circle"),
        ),
        tooltip=[
            alt.Tooltip("trial:Q", format=",d"),
            alt.Tooltip("share:N", title="validation accuracy"),
            alt.Tooltip("ended:N", title="trained"),
        ],
    )
    title = title_params(
        f"Best of {len(trials):,} trials: {format_share(float(trials['accuracy'].max()))}",
        "Validation accuracy; line: the best up to then",
    )
    return style_altair(alt.layer(steps, points), dark, title=title, height=250)


def draw_importance(shares: Mapping[str, float], trials: int, dark: bool = False) -> Any:
    """Return a bar for each setting: the share of the differences that it explains.

    Args:
        shares: Name of the setting as people read it → its share, 0 to 1.
    """
    colours = choose_palette(dark)
    names = sorted(shares, key=lambda name: -shares[name])
    rows = pd.DataFrame({"setting": names, "share": [shares[name] for name in names]})
    rows["text"] = [format_share(value) for value in rows["share"]]
    rows["first"] = rows.index == 0
    axis = alt.Axis(labelLimit=150, labelOverlap=False, title=None, grid=False)
    base = alt.Chart(rows).encode(
        y=alt.Y("setting:N", sort=names, axis=axis),
        tooltip=["setting:N", alt.Tooltip("text:N", title="of the differences")],
    )
    scale = alt.Scale(domain=[0, max(0.2, 1.2 * float(rows["share"].max()))], nice=False)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        x=alt.X("share:Q", title=None, scale=scale, axis=None),
        color=alt.condition("datum.first", alt.value(colours.accent), alt.value(colours.faint)),
    )
    texts = base.mark_text(align="left", dx=6, color=colours.ink).encode(x="share:Q", text="text:N")
    title = title_params(
        f"{names[0].capitalize()} matters most here",
        f"Share of the differences between {trials:,} trials that it explains",
    )
    return style_altair(alt.layer(bars, texts), dark, title=title, height=30 * len(names) + 40)


def draw_parallel(
    settings: pd.DataFrame,
    accuracy: Sequence[float],
    *,
    logarithmic: Sequence[str],
    choices: Mapping[str, Sequence[Any]],
    dark: bool = False,
) -> go.Figure:
    """Return one line a trial through all its settings to its accuracy; greener is better.

    Args:
        settings: (trials) rows; a column a setting, named as people read it.
        accuracy: Validation accuracy of each, 0 to 1.
        logarithmic: The settings whose axis is.
        choices: Settings that are one of a few → all of these, in order.
    """
    colours = choose_palette(dark)
    order = np.argsort(np.asarray(accuracy), kind="stable")  # the best lie on top
    ordered, reached = settings.iloc[order], 100 * np.asarray(accuracy)[order]
    axes = [_setting_axis(ordered[name], name, logarithmic, choices) for name in ordered.columns]
    axes.append({"label": "accuracy, %", "values": reached, "tickformat": ".1f"})
    dull = float(np.percentile(reached, _DULL))
    tints = (colours.quiet, *colours.hits[1:])
    ramp = [[place, tint] for place, tint in zip(np.linspace(0, 1, len(tints)), tints, strict=True)]
    figure = go.Figure(
        go.Parcoords(
            dimensions=axes,
            line={
                "color": reached,
                "colorscale": ramp,
                "cmin": dull,
                "cmax": max(dull + 0.1, float(reached.max())),
            },
            labelfont={"color": colours.ink, "size": 13},
            tickfont={"color": colours.quiet, "size": 11},
            rangefont={"color": "rgba(0,0,0,0)", "size": 1},
            unselected={"line": {"color": colours.line, "opacity": 0.25}},
        )
    )
    layout = figure_layout(dark)
    layout["paper_bgcolor"] = colours.paper  # the halo of the ticks is made of it
    layout["title"]["text"] = "Which settings lead to which accuracy: one line a trial"
    margin = {"l": 64, "r": 48, "t": 92, "b": 16}
    figure.update_layout(**layout, height=380, margin=margin, uirevision="parallel")
    return figure


def _setting_axis(
    values: pd.Series, name: str, logarithmic: Sequence[str], choices: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    if name in choices:
        places = {choice: place for place, choice in enumerate(choices[name])}
        return {
            "label": name,
            "values": [places[value] for value in values],
            "range": [-0.3, len(places) - 0.7],
            "tickvals": list(places.values()),
            "ticktext": [str(choice) for choice in places],
        }
    if name in logarithmic:
        numbers = values.to_numpy(dtype=float)
        above = np.log10(numbers[numbers > 0]) if (numbers > 0).any() else np.zeros(1)
        none = math.floor(above.min()) - 1  # 0 has no logarithm: it lies below all others
        logs = np.log10(numbers, where=numbers > 0, out=np.full(len(numbers), float(none)))
        decades = range(math.floor(logs.min()), math.ceil(logs.max()) + 1)
        return {
            "label": name,
            "values": logs,
            "range": [decades[0], decades[-1] + (len(decades) == 1)],
            "tickvals": list(decades),
            "ticktext": ["0" if power == none else f"{10.0**power:g}" for power in decades],
        }
    return {"label": name, "values": values.to_numpy(dtype=float)}
