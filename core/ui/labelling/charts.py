"""How right a head is by the number of labels, for each order in which they are given."""

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
from core.instant.herding import STRATEGIES, Replay

NAMES = {"herding": "Most useful first", "margin": "Least sure first", "random": "By chance"}


def tabulate_replay(replay: Replay) -> pd.DataFrame:
    """Return a row for each order and number of labels: mean, lowest and highest of the repeats."""
    shape = (len(STRATEGIES), len(replay.sizes))
    values = replay.accuracies
    return pd.DataFrame(
        {
            "order": np.repeat([NAMES[one] for one in STRATEGIES], shape[1]),
            "labels": np.tile(replay.sizes, shape[0]),
            "accuracy": values.mean(axis=1).ravel(),
            "low": values.min(axis=1).ravel(),
            "high": values.max(axis=1).ravel(),
            "classes": replay.classes.mean(axis=1).ravel(),
        }
    )


def draw_replay(table: pd.DataFrame, judged: int, dark: bool = False) -> Any:
    """Return the curves of `tabulate_replay` with their bands."""
    colours = choose_palette(dark)
    names = list(NAMES.values())
    hues = [colours.accent, colours.groups[1], colours.quiet]
    rows = table.assign(
        shown=[format_share(value) for value in table["accuracy"]],
        between=[
            f"{format_share(low)} to {format_share(high)}"
            for low, high in zip(table["low"], table["high"], strict=True)
        ],
    )
    base = alt.Chart(rows).encode(
        x=alt.X("labels:Q", scale=alt.Scale(type="log", nice=False), title="labels that are known"),
        color=alt.Color(
            "order:N",
            scale=alt.Scale(domain=names, range=hues),
            legend=alt.Legend(title=None, orient="top"),
        ),
        tooltip=[
            alt.Tooltip("order:N", title="order"),
            alt.Tooltip("labels:Q", title="labels", format=","),
            alt.Tooltip("shown:N", title="accuracy"),
            alt.Tooltip("between:N", title="repeats"),
            alt.Tooltip("classes:Q", title="classes known", format=".1f"),
        ],
    )
    axis = alt.Axis(labelExpr=PERCENT_LABELS, tickCount=6)
    y = {"axis": axis, "scale": alt.Scale(zero=False), "title": "validation accuracy"}
    band = base.mark_area(opacity=0.14).encode(y=alt.Y("low:Q", **y), y2="high:Q")
    line = base.mark_line(strokeWidth=2, point=True).encode(y=alt.Y("accuracy:Q", **y))
    title = title_params(
        "How right a head is, by the order in which photos are labelled",
        f"{judged:,} validation photos. Line: mean of the repeats, band: lowest to highest",
    )
    return style_altair(alt.layer(band, line), dark, title=title, height=340)
