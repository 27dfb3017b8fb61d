"""Charts of the lesson: what the control does now, and in grey what it did before."""

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import PERCENT_LABELS, choose_palette, style_altair, title_params

_HEIGHT = 380
_ROOM = 1.6
"""Losses are drawn up to so many times what guessing has; what is above leaves the frame."""


def draw_curves(
    rows: pd.DataFrame, epochs: int, guess: float, words: dict[str, str], dark: bool
) -> Any:
    """Return the loss of training and validation photos after each epoch.

    Args:
        rows: epoch, loss, split ("train", "validation"), when ("now", "before").
        epochs: How many there will be.
        guess: The loss of an answer that gives all classes the same score.
        words: title, and the lesson's own.
    """
    colours = choose_palette(dark)
    names = {split: words[split] for split in ("train", "validation")}
    top = _ROOM * guess
    rows = rows.assign(photos=rows["split"].map(names), beyond=rows["loss"] > top)
    rows["loss"] = rows["loss"].clip(upper=top)
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
    base = alt.Chart(rows).encode(x=x, y=y)
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


def draw_shares(
    rows: pd.DataFrame, marks: dict[str, float], words: dict[str, str], log: bool, dark: bool
) -> Any:
    """Return shares of photos against what the control may be.

    Args:
        rows: place, share, line (its name).
        marks: "now" and "before" → where the control stands and stood.
        words: picture (title), control (of the axis), share.
        log: Whether ten times as much is one step of the axis.
    """
    colours = choose_palette(dark)
    lines = list(dict.fromkeys(rows["line"]))
    axis = alt.Axis(grid=False) if log else alt.Axis(grid=False, tickMinStep=1)
    x = alt.X("place:Q", title=words["control"], axis=axis)
    x.scale = alt.Scale(type="log" if log else "linear")
    y = alt.Y(
        "share:Q",
        title=words["share"],
        axis=alt.Axis(labelExpr=PERCENT_LABELS, tickCount=5),
        scale=alt.Scale(domain=[0, 1]),
    )
    colour = alt.Color(
        "line:N",
        title=None,
        scale=alt.Scale(domain=lines, range=[colours.accent, colours.splits["validation"]]),
        legend=alt.Legend(orient="top", symbolType="circle") if len(lines) > 1 else None,
    )
    drawn = alt.Chart(rows).encode(x=x, y=y, color=colour)
    layers: list[Any] = [drawn.mark_line(strokeWidth=2, point=True)]
    for when, tint in (("before", colours.faint), ("now", colours.ink)):
        if when in marks:
            rule = alt.Chart(pd.DataFrame({"place": [marks[when]]})).mark_rule(color=tint)
            layers.append(rule.encode(x="place:Q"))
    return style_altair(
        alt.layer(*layers), dark, title=title_params(words["picture"]), height=_HEIGHT
    )
