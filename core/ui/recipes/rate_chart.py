"""The search for a learning rate: the loss while the rate rose, and the rate that is suggested."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import choose_palette, style_altair, title_params


def draw_rates(
    rates: Sequence[float],
    losses: Sequence[float | None],
    smoothed: Sequence[float | None],
    suggestion: float | None,
    dark: bool = False,
) -> Any:
    """Returns loss against learning rate (logarithmic): each batch, their running mean, the mark.

    Args:
        rates: Learning rate of each step, rising.
        losses: Loss of each step's batch; None where it was not finite.
        smoothed: Their running mean.
        suggestion: The rate to mark; None marks none.
        dark: Whether the page is dark.
    """
    colours = choose_palette(dark)
    rows = pd.DataFrame({"rate": list(rates), "loss": list(losses), "mean": list(smoothed)})
    rows = rows.dropna()
    high = 1.15 * float(rows["mean"].iloc[: max(1, len(rows) * 9 // 10)].max())
    x = alt.X(
        "rate:Q",
        title="learning rate",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="~g", tickCount=6, grid=False, labelOverlap=True),
    )
    # An explosion would flatten all that matters: the axis ends a little above the calm part.
    y = {"scale": alt.Scale(domain=[0, high], nice=True, clamp=True), "title": "loss"}
    base = alt.Chart(rows).encode(
        x=x,
        tooltip=[
            alt.Tooltip("rate:Q", title="learning rate", format=".2~g"),
            alt.Tooltip("loss:Q", title="loss of the batch", format=".3f"),
            alt.Tooltip("mean:Q", title="running mean", format=".3f"),
        ],
    )
    layers = [
        base.mark_circle(color=colours.faint, size=22).encode(y=alt.Y("loss:Q", **y)),
        base.mark_line(color=colours.splits["train"], strokeWidth=2).encode(y=alt.Y("mean:Q", **y)),
    ]
    if suggestion is not None:
        mark = alt.Chart(pd.DataFrame({"rate": [suggestion], "text": [f"{suggestion:g}"]}))
        rule = mark.mark_rule(color=colours.accent, strokeWidth=2, strokeDash=[4, 3])
        text = mark.mark_text(color=colours.accent, align="left", dx=5, dy=-4, fontSize=13)
        layers.append(rule.encode(x="rate:Q"))
        layers.append(text.encode(x="rate:Q", y=alt.value(8), text="text:N"))
    title = title_params(
        "The loss never falls: no rate stands out"
        if suggestion is None
        else f"Loss falls fastest at {suggestion:g}",
        "Points: batches, in a pass in which the rate rises. Line: their running mean",
    )
    return style_altair(alt.layer(*layers), dark, title=title, height=240)
