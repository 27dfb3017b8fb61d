"""Charts of a class: its answers to a question, and what came out of its settings."""

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import PERCENT_LABELS, choose_palette, style_altair, title_params

_HEIGHT = 260
_SAID = {True: "right", False: "wrong"}


def draw_answers(answers: pd.DataFrame, title: str, dark: bool) -> Any:
    """Return bars: how many answers to a step were right and wrong, by setting.

    Args:
        answers: setting, right (bool): one row an answer.
    """
    colours = choose_palette(dark)
    counted = answers.assign(answer=answers["right"].map(_SAID))
    counted = counted.groupby(["setting", "answer"], sort=False).size().reset_index(name="answers")
    bars = alt.Chart(counted).mark_bar(size=28)
    bars = bars.encode(
        x=alt.X("setting:N", title="setting", sort=_order(counted), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("answers:Q", title="answers", axis=alt.Axis(tickMinStep=1)),
        color=_colour(colours.right, colours.wrong, "answer"),
        tooltip=["setting:N", "answer:N", "answers:Q"],
    )
    return style_altair(bars, dark, title=title_params(title), height=_HEIGHT)


def draw_settings(tried: pd.DataFrame, title: str, dark: bool) -> Any:
    """Return points: what came out of each setting that somebody tried.

    Args:
        tried: setting, outcome (a share): one row a try.
    """
    colours = choose_palette(dark)
    points = alt.Chart(tried).mark_circle(size=90, opacity=0.5, color=colours.accent)
    points = points.encode(
        x=alt.X("setting:N", title="setting", sort=_order(tried), axis=alt.Axis(labelAngle=0)),
        y=alt.Y(
            "outcome:Q",
            title="right answers",
            axis=alt.Axis(labelExpr=PERCENT_LABELS, tickCount=6),
            scale=alt.Scale(zero=False),
        ),
        tooltip=["setting:N", alt.Tooltip("outcome:Q", format=".1%")],
    )
    return style_altair(points, dark, title=title_params(title), height=_HEIGHT)


def _order(table: pd.DataFrame) -> list[str]:
    """Return the settings by size where they are numbers, else by name."""
    names = sorted(set(table["setting"]))
    sizes = pd.to_numeric(pd.Series(names), errors="coerce")
    return names if sizes.isna().any() else [names[at] for at in sizes.argsort()]


def _colour(right: str, wrong: str, field: str) -> Any:
    scale = alt.Scale(domain=[*_SAID.values()], range=[right, wrong])
    return alt.Color(f"{field}:N", scale=scale, legend=alt.Legend(title=None, orient="top"))
