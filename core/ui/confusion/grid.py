"""The confusion matrix: a grid for mouse, finger and keys, and the same as PNG, SVG and CSV.

Cells are sent as columns of numbers and a table of colours, so that the 932 of 102 classes with
6,149 photos are some 60 kB. The browser draws and never formats a number.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import DrawnMatrix, Legend
from core.charts.theme import choose_palette, draw_png, draw_svg
from core.evaluation.confusion import to_long
from core.formats import cell_text
from core.ui.confusion.reading import ConfusionPage
from core.ui.parts.components import load_component
from core.ui.parts.pickers import title_run

SCRIPTS = ("drawing.js", "grid.js")
"""One module for the browser: the second goes on from the first."""
_LABEL = (
    "Confusion matrix, rows true, columns predicted. Arrows move, Enter opens photos. The table "
    "below says the same."
)

Choose = Callable[[int | None, int | None], None]
Zoom = Callable[[tuple[int, int], tuple[int, int]], None]


def show_grid(data: dict[str, Any], *, key: str, on_choose: Choose, on_zoom: Zoom) -> None:
    """Draw the grid; a click or Enter on a cell, a row's or a column's name chooses it.

    Args:
        data: What `pack_grid` returned.
        on_choose: Takes the true and the predicted class; None for a whole column or row.
        on_zoom: Takes first and last place of the rows and of the columns that were drawn over.
    """

    def choose() -> None:
        told = _told(key, "chosen")
        numbers = (told.get("true"), told.get("predicted"))
        known = [one for one in numbers if isinstance(one, int)]
        if known and all(one in data["row_numbers"] + data["column_numbers"] for one in known):
            on_choose(*numbers)

    def zoom() -> None:
        told = _told(key, "zoomed")
        try:
            rows, columns = ((int(a), int(b)) for a, b in (told["rows"], told["columns"]))
        except (KeyError, TypeError, ValueError):
            return
        on_zoom(rows, columns)

    component = load_component(__file__, "grid.css", *SCRIPTS)
    component(key=key, data=data, on_chosen_change=choose, on_zoomed_change=zoom)


def pack_grid(
    matrix: DrawnMatrix,
    chosen: tuple[int | None, int | None] = (None, None),
    marked: int | None = None,
) -> dict[str, Any]:
    """Pack a matrix as the browser reads it.

    Args:
        chosen: True and predicted class number of the chosen cell, row or column.
        marked: Number of the class whose row and column are marked, None for no class.
    """
    colours = choose_palette(matrix.look.dark)
    cells = matrix.cells[~matrix.cells["empty"]]
    fills = sorted({*cells["fill"], *cells["ink"]})
    number = {colour: place for place, colour in enumerate(fills)}
    return {
        "rows": matrix.rows,
        "columns": matrix.columns,
        "row_numbers": matrix.look.rows.tolist(),
        "column_numbers": matrix.look.columns.tolist(),
        "colours": fills,
        "places": cells["place"].tolist(),
        "fills": [number[colour] for colour in cells["fill"]],
        "inks": [number[colour] for colour in cells["ink"]],
        "texts": cells["text"].tolist(),
        "said": cells["said"].tolist(),
        "legends": [_pack_legend(legend) for legend in matrix.legends],
        "label": _LABEL,
        "empty": matrix.empty,
        "chosen": {"true": chosen[0], "predicted": chosen[1]},
        "marked": marked,
        "ground": colours.empty,
        "paper": colours.paper,
        "ink": colours.ink,
        "accent": colours.accent,
    }


def _pack_legend(legend: Legend) -> dict[str, Any]:
    low, high = legend.words
    return {"title": legend.title, "colours": list(legend.colours), "low": low, "high": high}


def _told(key: str, event: str) -> dict[str, Any]:
    told = (st.session_state.get(key) or {}).get(event)
    return dict(told) if told else {}


def show_export(page: ConfusionPage, drawn: DrawnMatrix) -> None:
    """Draw the downloads: the picture as it is drawn, the numbers of all classes."""
    name = f"confusion-run-{page.run.number}"
    if page.pair is None:
        subtitle = f"{title_run(page.run)}, {page.split}. {page.left_out}".strip()
    else:
        name += f"-against-{page.pair.other.number}"
        subtitle = f"{len(page.pair.common):,} photos of {page.split}. {page.left_out}".strip()
    dark, csv = drawn.look.dark, "text/csv"
    files: list[tuple[str, str, str, Callable[[], bytes | str]]] = [
        (
            "Picture (PNG)",
            ".png",
            "image/png",
            lambda: draw_png(draw_matrix(drawn, subtitle), dark),
        ),
        (
            "Picture (SVG)",
            ".svg",
            "image/svg+xml",
            lambda: draw_svg(draw_matrix(drawn, subtitle), dark),
        ),
        ("Numbers, one line a cell (CSV)", "-cells.csv", csv, partial(write_cells, page)),
        ("Numbers, as a square (CSV)", "-square.csv", csv, partial(write_square, page)),
    ]
    with st.popover("Export", icon=":material/download:", type="tertiary"):
        st.caption("The picture as it is drawn here; the numbers of all classes.")
        for label, kind, mime, make in files:
            st.download_button(
                label,
                make,
                file_name=f"{name}-{page.split}{kind}",
                mime=mime,
                key=f"confusion.export{kind}",
                on_click="ignore",
                width="stretch",
            )


def write_cells(page: ConfusionPage) -> str:
    """Write one line a cell as CSV: counts and shares; of two runs both, and the change."""
    names = [cell_text(name) for name in page.classes]
    if page.pair is None:
        return str(to_long(page.matrix, names).to_csv(index=False))
    after, before = to_long(page.pair.change.after, names), to_long(page.pair.change.before, names)
    both = after.join(before[["count", "row_share", "column_share"]], suffixes=("", "_before"))
    return str(both.assign(change=after["count"] - before["count"]).to_csv(index=False))


def write_square(page: ConfusionPage) -> str:
    """Write the counts as CSV: the first column names true classes, the first row predicted."""
    names = [cell_text(name) for name in page.classes]
    rows = pd.Index(names, name="true \\ predicted")
    return str(pd.DataFrame(page.counts, index=rows, columns=names).to_csv())
