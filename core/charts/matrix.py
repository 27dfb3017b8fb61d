"""The confusion matrix as a chart that stands alone, for files and reports.

Rows are true classes, columns predicted ones. On the page the same cells are drawn by
`core.ui.confusion.grid`, which can be walked through.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.charts.matrix_cells import (
    MANY_ABOVE,
    Legend,
    Value,
    describe_cells,
    describe_legends,
    find_tops,
)
from core.charts.theme import Palette, choose_palette, style_altair, title_params

_UNSENT = ("row_share", "column_share", "change", "worth")
"""Columns that colours and words were made of: nothing more is drawn from them."""
_SUBTITLE = "Rows: true class. Columns: predicted class."


def draw_matrix(
    cells: pd.DataFrame,
    classes: Sequence[str],
    value: Value = "count",
    hide_diagonal: bool = False,
    dark: bool = False,
    *,
    columns: Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
) -> Any:
    """Returns the confusion matrix as an Altair chart of a size at which all names can be read.

    Args:
        cells: What `core.evaluation.confusion.to_long` returns.
        classes: Names of the rows, in their order.
        value: What colours (and, up to 12 classes, numbers) show.
        hide_diagonal: Leave right answers uncoloured.
        dark: Whether the page is dark.
        columns: Names of the columns in their order; default: those of the rows.
        title: What is to be seen; default: how many of the photos in `cells` are wrong.
        subtitle: A sentence more, such as run, split and what is left out.
    """
    columns = classes if columns is None else columns
    tops = find_tops(cells, value)
    few = max(len(classes), len(columns)) <= MANY_ABOVE
    drawn = cells if few else cells[cells["count"] > 0]
    described = describe_cells(drawn, value, hide_diagonal, dark, tops)
    wrong = int(cells.loc[cells["true"] != cells["predicted"], "count"].sum())
    total = int(cells["count"].sum())
    title = title or f"{wrong:,} of {total:,} photos are taken for another class"
    tooltip = [
        alt.Tooltip("true:N", title="true"),
        alt.Tooltip("predicted:N", title="predicted"),
        alt.Tooltip("count:Q", title="photos", format=","),
        alt.Tooltip("of_true:N", title="of the true class"),
        alt.Tooltip("of_predicted:N", title="of the predicted class"),
    ]
    errors, _ = describe_legends(value, tops, dark)
    return lay_out(described, classes, columns, title, subtitle, tooltip, (errors,), dark)


def lay_out(
    described: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    subtitle: str,
    tooltip: list[Any],
    legends: Sequence[Legend],
    dark: bool,
) -> Any:
    """Returns coloured cells as a chart with names, numbers (where there is room) and legends.

    Args:
        described: What `describe_cells` or `describe_changes` returns.
        rows: Names in their order.
        columns: Names in their order.
        title: What is to be seen.
        subtitle: A sentence more, "" without.
        tooltip: Altair tooltips.
        legends: Their colours and words are written into the subtitle line of the chart.
        dark: Whether the page is dark.
    """
    colours = choose_palette(dark)
    side = _side(max(len(rows), len(columns)))
    base = _place(described, rows, columns, side, colours).encode(tooltip=tooltip)
    layers = [
        base.mark_rect(stroke=colours.paper, strokeWidth=0.5).encode(
            fill=alt.Fill("fill:N", scale=None)
        ),
        *(_scale(legend) for legend in legends),
    ]
    if max(len(rows), len(columns)) <= MANY_ABOVE:
        ink = alt.Color("ink:N", scale=None)
        layers.append(base.mark_text(fontSize=13).encode(text="text:N", color=ink))
    params = title_params(title)
    params.subtitle = [_SUBTITLE, subtitle] if subtitle else _SUBTITLE
    chart = alt.layer(*layers, view={"fill": colours.empty, "stroke": None})
    size = {"width": side * len(columns), "height": side * len(rows)}
    return style_altair(chart.resolve_scale(color="independent"), dark, title=params, **size)


def _place(
    cells: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    side: int,
    colours: Palette,
) -> Any:
    """Returns the chart without marks: rows and columns, each with its name."""
    axis = {
        "labelLimit": 170,
        "labelFontSize": min(12, side - 2),
        "labelPadding": 5,
        "labelOverlap": False,
        "grid": max(len(rows), len(columns)) > MANY_ABOVE,
        "gridColor": colours.paper,
        "gridWidth": 0.5,
        "tickBand": "extent",
    }
    upright = max(len(name) for name in columns) * 7 > side
    across = alt.Axis(**axis, orient="top", labelAngle=-90 if upright else 0)
    # As records: of a table, Altair takes no more than 5,000 lines, and 102² cells are 10,404.
    sent = cells.drop(columns=[name for name in _UNSENT if name in cells])
    return alt.Chart(alt.InlineData(values=sent.to_dict("records"))).encode(
        x=alt.X(
            "predicted:N",
            title="predicted class",
            scale=alt.Scale(domain=list(columns), padding=0),
            axis=across,
        ),
        y=alt.Y(
            "true:N",
            title="true class",
            scale=alt.Scale(domain=list(rows), padding=0),
            axis=alt.Axis(**axis),
        ),
    )


def _scale(legend: Legend) -> Any:
    """Returns a layer that draws nothing but the legend of its colours."""
    steps = len(legend.colours) - 1
    domain = [legend.low + step / steps * (legend.high - legend.low) for step in range(steps + 1)]
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
        values=[legend.low, legend.high],
        labelExpr=f"datum.value > {legend.low!r} ? '{high}' : '{low}'",
    )
    scale = alt.Scale(domain=domain, range=list(legend.colours))
    return (
        alt.Chart(pd.DataFrame({"number": [legend.low]}))
        .mark_point(opacity=0, size=0)
        .encode(color=alt.Color("number:Q", scale=scale, legend=drawn))
    )


def _side(names: int) -> int:
    """Returns the side of a cell in pixels: 11 leaves room for a name on each row."""
    return 56 if names <= MANY_ABOVE else 22 if names <= 40 else 12
