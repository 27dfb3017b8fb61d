"""A run beside the baselines that it has to beat."""

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import (
    PERCENT_LABELS,
    choose_palette,
    style_altair,
    title_params,
)
from core.formats import percent

_ROW = 34


def draw_baselines(rows: pd.DataFrame, n: int, dark: bool = False) -> Any:
    """Returns one bar for the run and for each baseline, with its 95 % interval.

    Args:
        rows: name, accuracy, low, high, own (bool: it is the run), in the order they are drawn.
        n: Photos behind each.
        dark: Whether the page is dark.
    """
    colours = choose_palette(dark)
    ends = zip(rows["low"], rows["high"], strict=True)
    rows = rows.assign(
        said=[percent(share, n) for share in rows["accuracy"]],
        interval=[f"{percent(low, n)} to {percent(high, n)}" for low, high in ends],
    )
    axis = alt.Axis(labelLimit=230, labelOverlap=False, title=None, grid=False)
    # Named, because the browser keeps the order of the rows it drew before.
    scale = alt.Scale(domain=rows["name"].tolist(), paddingInner=0.35)
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", sort=None, axis=axis, scale=scale),
        tooltip=[
            alt.Tooltip("name:N", title="answers by"),
            alt.Tooltip("said:N", title="accuracy"),
            alt.Tooltip("interval:N", title="95 % interval"),
        ],
    )
    ticks = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labelExpr=PERCENT_LABELS, labelFlush=True)
    x = alt.X("accuracy:Q", title="accuracy", axis=ticks, scale=alt.Scale(domain=[0, 1.12]))
    fill = alt.condition("datum.own", alt.value(colours.accent), alt.value(colours.faint))
    layers = [
        base.mark_bar(cornerRadiusEnd=2).encode(x=x, color=fill),
        base.mark_rule(color=colours.ink, strokeWidth=1.5).encode(x="low:Q", x2="high:Q"),
        base.mark_text(align="right", color=colours.ink, fontSize=12).encode(
            x=alt.datum(1.12), text="said:N"
        ),
    ]
    title = title_params(_title(rows), "Lines: 95 % intervals. All learnt from the same photos")
    return style_altair(alt.layer(*layers), dark, title=title, height=_ROW * len(rows) + 96)


def _title(rows: pd.DataFrame) -> str:
    own, others = rows[rows["own"]], rows[~rows["own"]]
    beaten = int((others["accuracy"] < own["accuracy"].iloc[0]).sum())
    if beaten == len(others):
        return "The run is right more often than every baseline"
    return f"The run is right more often than {beaten} of {len(others)} baselines"
