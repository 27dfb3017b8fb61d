"""The confusion matrix: rows true, columns predicted; a click names a cell.

The chart carries one point selection, `cell`, whose value is {"true": …, "predicted": …}. Right
answers have a scale of their own, so that hits do not drown the errors.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import (
    PERCENT_LABELS,
    Palette,
    choose_palette,
    format_share,
    mix_ramp,
    style_altair,
    text_on,
    title_params,
)

CELL = "cell"
"""Name of the selection, for `st.altair_chart(…, selection_mode=CELL)`."""

Value = Literal["count", "row share", "column share"]

_NUMBERS_UP_TO = 12
"""Classes up to which there is room for numbers in the cells."""

_LEGENDS = {
    "count": "Photos taken for another class",
    "row_share": "Share of the true class",
    "column_share": "Share of the predicted class",
}


def draw_matrix(
    cells: pd.DataFrame,
    classes: Sequence[str],
    value: Value = "count",
    hide_diagonal: bool = False,
    dark: bool = False,
) -> Any:
    """Returns the confusion matrix as a layered Altair chart with the point selection `cell`.

    Args:
        cells: What `core.evaluation.confusion.to_long` returns.
        classes: All classes, in the order of rows and columns.
        value: What colours (and, up to 12 classes, numbers) show.
        hide_diagonal: Leave right answers uncoloured; they can still be clicked.
        dark: Whether the page is dark.
    """
    colours = choose_palette(dark)
    few = len(classes) <= _NUMBERS_UP_TO
    field = value.replace(" ", "_")
    tops = _find_tops(cells, field)
    drawn = cells if few else cells[cells["count"] > 0]
    drawn = _describe_cells(drawn, field, tops, hide_diagonal, colours)
    base = _place(drawn, classes, few, colours)
    layers = [
        _rectangles(base, "none", alt.value(colours.empty), colours),
        _rectangles(base, "hit", _colour(field, colours.hits, tops["hit"], False), colours),
        _rectangles(base, "error", _colour(field, colours.errors, tops["error"], not few), colours),
    ]
    if few:
        layers.append(_numbers(base))
    layers[0] = layers[0].add_params(
        alt.selection_point(name=CELL, fields=["true", "predicted"], on="click", empty=False)
    )
    wrong = int(cells.loc[cells["true"] != cells["predicted"], "count"].sum())
    title = title_params(
        f"{wrong:,} of {int(cells['count'].sum()):,} photos are taken for another class",
        "Rows: true class. Columns: predicted class. Click a cell to see its photos.",
    )
    chart = alt.layer(*layers, view={"fill": colours.empty, "stroke": None}).resolve_scale(
        color="independent"
    )
    return style_altair(chart, dark, title=title, height=_height(len(classes)))


def _find_tops(cells: pd.DataFrame, field: str) -> dict[str, float]:
    """Returns the value at the strong end of the colours, for right answers and for errors."""
    diagonal = cells["true"] == cells["predicted"]
    highest = {"hit": cells.loc[diagonal, field].max(), "error": cells.loc[~diagonal, field].max()}
    return {kind: float(top) if top > 0 else 1.0 for kind, top in highest.items()}


def _describe_cells(
    cells: pd.DataFrame, field: str, tops: dict[str, float], hide_diagonal: bool, colours: Palette
) -> pd.DataFrame:
    """Returns the cells with their kind ("none", "hit", "error") and the words in them."""
    diagonal = cells["true"] == cells["predicted"]
    empty = (cells["count"] == 0) | (diagonal & hide_diagonal)
    kind = np.select([empty, diagonal], ["none", "hit"], "error")
    numbers = cells[field].fillna(0.0)
    strengths = np.sqrt(numbers / np.where(diagonal, tops["hit"], tops["error"]))
    ramps = {"none": (colours.empty, colours.empty), "hit": colours.hits, "error": colours.errors}
    grounds = [mix_ramp(ramps[k], s) for k, s in zip(kind, strengths, strict=True)]
    rows = [format_share(share) for share in cells["row_share"]]
    columns = [format_share(share) for share in cells["column_share"]]
    texts = {
        "count": [f"{n:,}" for n in cells["count"]],
        "row_share": rows,
        "column_share": columns,
    }
    return cells.assign(
        kind=kind,
        text=np.where(empty, np.where(diagonal & (cells["count"] > 0), "", "·"), texts[field]),
        ink=[text_on(ground, colours) for ground in grounds],
        of_true=rows,
        of_predicted=columns,
    )


def _place(cells: pd.DataFrame, classes: Sequence[str], few: bool, colours: Palette) -> Any:
    """Returns the chart without marks: rows, columns and the tooltip."""
    size = 12 if few else 9 if len(classes) > 40 else 11
    axis = {
        "labelLimit": 130,
        "labelFontSize": size,
        "labelPadding": 5,
        "grid": not few,
        "gridColor": colours.paper,
        "gridWidth": 0.5,
        "tickBand": "extent",
    }
    long_names = max(len(name) for name in classes) * len(classes) > 60
    angle = 0 if few and not long_names else -90
    scale = alt.Scale(domain=list(classes), padding=0)
    overlap = False if few else "parity"  # in a narrow column every second name, or every fourth
    columns = alt.Axis(**axis, orient="top", labelAngle=angle, labelOverlap=overlap)
    return alt.Chart(cells).encode(
        x=alt.X("predicted:N", title="predicted class", scale=scale, axis=columns),
        y=alt.Y(
            "true:N", title="true class", scale=scale, axis=alt.Axis(**axis, labelOverlap=False)
        ),
        tooltip=[
            alt.Tooltip("true:N", title="true"),
            alt.Tooltip("predicted:N", title="predicted"),
            alt.Tooltip("count:Q", title="photos", format=","),
            alt.Tooltip("of_true:N", title="of the true class"),
            alt.Tooltip("of_predicted:N", title="of the predicted class"),
        ],
    )


def _rectangles(base: Any, kind: str, colour: Any, colours: Palette) -> Any:
    chosen = {"param": CELL, "empty": False}
    return (
        base.transform_filter(f"datum.kind === '{kind}'")
        .mark_rect(cursor="pointer")
        .encode(
            color=colour,
            stroke=alt.condition(chosen, alt.value(colours.ink), alt.value(colours.paper)),
            strokeWidth=alt.condition(chosen, alt.value(3), alt.value(0.5)),
        )
    )


def _colour(field: str, ramp: tuple[str, ...], top: float, legend: bool) -> Any:
    """Returns the colour of errors or hits; the root makes single photos visible beside many."""
    scale = alt.Scale(type="sqrt", domain=[0, top], range=list(ramp), interpolate="lab")
    words = alt.Legend(
        title=_LEGENDS[field],
        orient="top",
        direction="horizontal",
        titleOrient="left",
        titleLimit=260,
        gradientLength=220,
        gradientThickness=10,
        offset=10,
        values=[1, math.ceil(top / 4), top] if field == "count" else [0, top / 4, top],
        **({"format": "d"} if field == "count" else {"labelExpr": PERCENT_LABELS}),
    )
    return alt.Color(f"{field}:Q", scale=scale, legend=words if legend else None)


def _numbers(base: Any) -> Any:
    ink = alt.Color("ink:N", scale=None)
    return base.mark_text(fontSize=13, cursor="pointer").encode(text="text:N", color=ink)


def _height(n_classes: int) -> int:
    row = 56 if n_classes <= _NUMBERS_UP_TO else 22 if n_classes <= 40 else 11
    return max(240, row * n_classes) + 110
