"""The confusion matrix, or the difference of two, as a chart for files and reports."""

from typing import Any

import altair as alt
import pandas as pd

from core.charts.matrix_cells import MANY_ABOVE, DrawnMatrix, Legend
from core.charts.theme import Palette, choose_palette, style_altair, title_params

_SUBTITLE = "Rows: true class. Columns: predicted class."


def draw_matrix(matrix: DrawnMatrix, subtitle: str = "") -> Any:
    """Draw a described matrix as an Altair chart, large enough to read all names.

    Args:
        subtitle: Run, split and part of the matrix, for example.
    """
    colours = choose_palette(matrix.look.dark)
    rows, columns = matrix.rows, matrix.columns
    names = max(len(rows), len(columns))
    side = 56 if names <= MANY_ABOVE else 22 if names <= 40 else 12  # 12 px leave room for a name
    base = _place(matrix, side, colours)
    layers = [
        base.mark_rect(stroke=colours.paper, strokeWidth=0.5).encode(
            fill=alt.Fill("fill:N", scale=None)
        ),
        *(_scale(legend) for legend in matrix.legends),
    ]
    if matrix.look.is_small:
        ink = alt.Color("ink:N", scale=None)
        layers.append(base.mark_text(fontSize=13).encode(text="text:N", color=ink))
    params = title_params(matrix.title)
    params.subtitle = [_SUBTITLE, subtitle] if subtitle else _SUBTITLE
    chart = alt.layer(*layers, view={"fill": colours.empty, "stroke": None})
    size = {"width": side * len(columns), "height": side * len(rows)}
    apart = {"scale": {"color": "independent"}}
    return style_altair(chart, matrix.look.dark, title=params, resolve=apart, **size)


def _place(matrix: DrawnMatrix, side: int, colours: Palette) -> Any:
    """Return the chart without marks: rows and columns with their names."""
    rows, columns = matrix.rows, matrix.columns
    axis = {
        "labelLimit": 170,
        "labelFontSize": min(12, side - 2),
        "labelPadding": 5,
        "labelOverlap": False,
        "grid": not matrix.look.is_small,
        "gridColor": colours.paper,
        "gridWidth": 0.5,
        "tickBand": "extent",
    }
    upright = max(len(name) for name in columns) * 7 > side
    across = alt.Axis(**axis, orient="top", labelAngle=-90 if upright else 0)
    # As records, because Altair limits tables to 5,000 lines, and 102² cells are 10,404.
    sent = matrix.cells[["true", "predicted", "fill", "ink", "text"]].to_dict("records")
    return alt.Chart(alt.InlineData(values=sent)).encode(
        x=alt.X(
            "predicted:N",
            title="predicted class",
            scale=alt.Scale(domain=columns, padding=0),
            axis=across,
        ),
        y=alt.Y(
            "true:N",
            title="true class",
            scale=alt.Scale(domain=rows, padding=0),
            axis=alt.Axis(**axis),
        ),
    )


def _scale(legend: Legend) -> Any:
    """Return a layer that only draws its legend of colours."""
    steps = len(legend.colours) - 1
    domain = [step / steps * legend.high for step in range(steps + 1)]
    low, high = legend.words
    drawn = alt.Legend(
        title=legend.title,
        orient="bottom",
        direction="horizontal",
        titleLimit=400,
        gradientLength=220,
        gradientThickness=10,
        gradientOpacity=1,
        offset=14,
        values=[0, legend.high],
        labelExpr=f"datum.value > 0 ? '{high}' : '{low}'",
    )
    scale = alt.Scale(domain=domain, range=list(legend.colours))
    return (
        alt.Chart(pd.DataFrame({"number": [0.0]}))
        .mark_point(opacity=0, size=0)
        .encode(color=alt.Color("number:Q", scale=scale, legend=drawn))
    )
