"""Charts of the augmentation page: the distance of draws from their photo, and each part alone."""

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import Palette, choose_palette, style_altair, title_params

KEPT, FLIPPED = "same class", "another class"
_STATES = [KEPT, FLIPPED]
_ROW = 30
_SIDE = 54
_CELL = _SIDE + 7
_LINE = 15


def draw_moves(
    moves: pd.DataFrame, *, same: float | None, other: float | None, title: str, dark: bool = False
) -> Any:
    """Return a mark for each draw on the axis of cosine distance, a row for each photo.

    Columns photo (name), draw, distance, state (KEPT or FLIPPED), predicted, score. `same` and
    `other`: median distance to the nearest photo of the same class and of another; None if unknown.
    """
    colours = choose_palette(dark)
    rows = list(dict.fromkeys(moves["photo"]))
    farthest = max([float(moves["distance"].max()), same or 0.0, other or 0.0, 0.02])
    scale = alt.Scale(domain=[0, 1.25 * farthest], nice=False)  # room for the words at a rule
    marks = _draw_marks(moves, rows, scale, colours)
    layers = [*_draw_ruler(same, other, colours.quiet, scale), marks]
    heading = title_params(title, "dashed: median distance to the nearest photo")
    return style_altair(alt.layer(*layers), dark, title=heading, height=_ROW * len(rows) + 140)


def _draw_marks(moves: pd.DataFrame, rows: list[str], scale: Any, colours: Palette) -> Any:
    return (
        alt.Chart(moves)
        .mark_point(size=90, filled=True, opacity=0.85)
        .encode(
            x=alt.X("distance:Q", title="cosine distance from the original", scale=scale),
            y=alt.Y("photo:N", sort=rows, title=None, axis=alt.Axis(labelLimit=150)),
            color=_colour_state(colours, alt.Legend(orient="top", title=None, symbolType="circle")),
            shape=alt.Shape(
                "state:N", scale=alt.Scale(domain=_STATES, range=["circle", "cross"]), legend=None
            ),
            tooltip=[
                alt.Tooltip("photo:N", title="photo"),
                alt.Tooltip("draw:O", title="draw"),
                alt.Tooltip("distance:Q", format=".3f"),
                alt.Tooltip("predicted:N"),
                alt.Tooltip("score:Q", format=".0%"),
            ],
        )
    )


def _colour_state(colours: Palette, legend: Any) -> Any:
    scale = alt.Scale(domain=_STATES, range=[colours.right, colours.wrong])
    return alt.Color("state:N", scale=scale, legend=legend)


def _draw_ruler(same: float | None, other: float | None, colour: str, scale: Any) -> list[Any]:
    known = [("same class", same), ("another class", other)]
    table = pd.DataFrame([(label, at) for label, at in known if at is not None])
    if table.empty:
        return []
    table.columns = pd.Index(["label", "at"])
    base = alt.Chart(table).encode(x=alt.X("at:Q", scale=scale))
    rules = base.mark_rule(color=colour, strokeDash=[4, 3], strokeWidth=1.5)
    aligned = [("same class", "right", -5), ("another class", "left", 5)]
    texts = [
        base.transform_filter(alt.datum.label == label)
        .mark_text(color=colour, align=align, dx=dx, baseline="top", y=2, fontSize=11)
        .encode(text="label:N")
        for label, align, dx in aligned
    ]
    return [rules, *texts]


def draw_parts(steps: pd.DataFrame, *, title: str, subtitle: str, dark: bool = False) -> Any:
    """Return a row of pictures for each part, from its least to its largest amount.

    Columns part, step (0, 1, …), amount (words), picture (data URI), distance (words, or empty),
    state (KEPT, FLIPPED or ""), predicted.
    """
    colours = choose_palette(dark)
    rows = list(dict.fromkeys(steps["part"]))
    tall = _CELL + 2 * _LINE
    base = alt.Chart(steps).encode(
        x=alt.X("step:O", axis=None, scale=alt.Scale(paddingInner=0.08, paddingOuter=0)),
        y=alt.Y(
            "part:N",
            sort=rows,
            title=None,
            axis=alt.Axis(labelFontSize=13, labelColor=colours.ink, labelLimit=90, labelPadding=10),
            scale=alt.Scale(paddingInner=0.06, paddingOuter=0),
        ),
        tooltip=[alt.Tooltip("part:N"), alt.Tooltip("amount:N")]
        + (
            [alt.Tooltip("distance:N"), alt.Tooltip("predicted:N")]
            if steps["distance"].any()
            else []
        ),
    )
    pictures = base.mark_image(width=_SIDE, height=_SIDE, yOffset=-_LINE).encode(url="picture:N")
    frames = _draw_frames(base, colours, asked=bool(steps["state"].any()))
    below = _SIDE / 2 - _LINE + 12
    amounts = base.mark_text(dy=below, color=colours.ink, fontSize=12).encode(text="amount:N")
    words = base.mark_text(dy=below + _LINE, color=colours.quiet, fontSize=11).encode(text="mark:N")
    return style_altair(
        alt.layer(pictures, frames, amounts, words),
        dark,
        title=title_params(title, subtitle),
        height=tall * len(rows) + 90,
        width=_CELL * (int(steps["step"].max()) + 1) + 100,
    )


def _draw_frames(base: Any, colours: Palette, *, asked: bool) -> Any:
    """Return the frames of scored pictures; a changed class has a thick frame."""
    return (
        base.transform_filter(alt.datum.state != "")
        .mark_square(size=(_SIDE + 3) ** 2, filled=False, yOffset=-_LINE)
        .encode(
            color=_colour_state(colours, alt.Legend(orient="top", title=None) if asked else None),
            strokeWidth=alt.StrokeWidth(
                "state:N", scale=alt.Scale(domain=_STATES, range=[1.5, 4]), legend=None
            ),
        )
    )
