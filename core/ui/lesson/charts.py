"""Charts of the lesson: the chosen setting in colour, the one before in grey."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import ROWS, choose_palette, style_altair, title_params
from core.teaching.live_head import LiveEpoch

_HEIGHT = 380
_ROOM = 1.6
"""Losses are drawn up to this multiple of the loss of guessing."""


def list_losses(
    learnt: Mapping[str, Sequence[LiveEpoch]], guess: float, words: Mapping[str, str]
) -> pd.DataFrame:
    """Return the rows of `draw_curves`.

    Columns: epoch, loss (clipped), beyond (whether it was clipped), photos (the split in words),
    split and when ("now", "before").
    """
    rows = pd.DataFrame(
        [
            {"epoch": epoch.number, "loss": loss, "split": split, "when": when}
            for when, epochs in learnt.items()
            for epoch in epochs
            for split, loss in (("train", epoch.loss), ("validation", epoch.validation_loss))
        ]
    )
    top = _ROOM * guess
    photos, beyond = rows["split"].map(words), rows["loss"] > top
    return rows.assign(photos=photos, beyond=beyond, loss=rows["loss"].clip(upper=top))


def draw_curves(epochs: int, guess: float, words: dict[str, str], dark: bool) -> Any:
    """Return the loss of training and validation photos after each epoch, without its rows.

    Args:
        epochs: Length of the axis.
        guess: The loss of equal scores for all classes.
        words: The lesson's words.
    """
    colours = choose_palette(dark)
    names = {split: words[split] for split in ("train", "validation")}
    top = _ROOM * guess
    x = alt.X("epoch:Q", title=words["epoch"], scale=alt.Scale(domain=[1, epochs], nice=False))
    x.axis = alt.Axis(format="d", grid=False, tickCount=min(epochs, 10))
    y = alt.Y("loss:Q", title=words["loss"], scale=alt.Scale(domain=[0, top], nice=False))
    colour = alt.Color(
        "photos:N",
        title=None,
        scale=alt.Scale(
            domain=list(names.values()), range=[colours.splits[split] for split in names]
        ),
        legend=alt.Legend(orient="top", symbolType="circle"),
    )
    base = alt.Chart(alt.NamedData(name=ROWS)).encode(x=x, y=y)
    now = base.transform_filter("datum.when == 'now'").encode(color=colour)
    layers = [
        base.transform_filter(f"datum.when == 'before' && datum.split == '{split}'").mark_line(
            color=colours.faint, strokeWidth=1.5, strokeDash=dash
        )
        for split, dash in (("train", [5, 4]), ("validation", [1, 0]))
    ]
    layers.append(now.mark_line(strokeWidth=2.5))
    beyond = now.transform_filter("datum.beyond")
    layers.append(beyond.mark_point(shape="triangle-up", size=70, filled=True, opacity=1))
    return style_altair(
        alt.layer(*layers), dark, title=title_params(words["picture"]), height=_HEIGHT
    )
