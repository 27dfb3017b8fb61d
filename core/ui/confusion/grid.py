"""The confusion matrix: a grid for mouse, finger and keys, and its PNG, SVG and CSV.

Cells are sent as columns of numbers and a table of colours: 60 kB for 102 classes with 6,149
photos. The browser only draws.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import DrawnMatrix, Legend
from core.charts.theme import choose_palette, draw_png, draw_svg
from core.formats import cell_text
from core.ui.confusion.reading import ConfusionPage
from core.ui.parts.components import load_component
from core.ui.parts.pickers import title_run

SCRIPTS = ("drawing.js", "grid.js")
"""One module for the browser, in two files."""
_LABEL = (
    "Confusion matrix, rows true, columns predicted. Arrows move, Enter opens photos. The table "
    "below says the same."
)

Choose = Callable[[int | None, int | None], None]
Zoom = Callable[[tuple[int, int], tuple[int, int]], None]


def show_grid(data: dict[str, Any], *, key: str, on_choose: Choose, on_zoom: Zoom) -> None:
    """Draw the grid; a click or Enter on a cell, or on the name of a row or column, chooses it.

    Args:
        data: The answer of `pack_grid`.
        on_choose: Takes the true and the predicted class; None for a whole column or row.
        on_zoom: Takes the first and last place of the selected rows and columns.
    """

    def choose() -> None:
        event = _read_event(key, "chosen")
        numbers = (event.get("true"), event.get("predicted"))
        known = [one for one in numbers if isinstance(one, int)]
        if known and all(one in data["row_numbers"] + data["column_numbers"] for one in known):
            on_choose(*numbers)

    def zoom() -> None:
        event = _read_event(key, "zoomed")
        try:
            rows, columns = ((int(a), int(b)) for a, b in (event["rows"], event["columns"]))
        except (KeyError, TypeError, ValueError):
            return
        on_zoom(rows, columns)

    component = load_component(__file__, "grid.css", *SCRIPTS)
    component(key=key, data=data, on_chosen_change=choose, on_zoomed_change=zoom)


def pack_grid(
    matrix: DrawnMatrix, chosen: tuple[int | None, int | None] = (None, None)
) -> dict[str, Any]:
    """Pack a matrix for the browser.

    Args:
        chosen: True and predicted class number of the chosen cell, row or column.
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
        "ground": colours.empty,
        "paper": colours.paper,
        "ink": colours.ink,
        "accent": colours.accent,
    }


def _pack_legend(legend: Legend) -> dict[str, Any]:
    low, high = legend.words
    return {"title": legend.title, "colours": list(legend.colours), "low": low, "high": high}


def _read_event(key: str, event: str) -> dict[str, Any]:
    return dict((st.session_state.get(key) or {}).get(event) or {})


def show_export(page: ConfusionPage, drawn: DrawnMatrix) -> None:
    """Draw the downloads: pictures of the drawn part, numbers of all classes."""
    name = f"confusion-run-{page.run.number}"
    if page.pair is None:
        subtitle = f"{title_run(page.run)}, {page.split}. {page.left_out}".strip()
    else:
        name += f"-against-{page.pair.other.number}"
        subtitle = f"{len(page.pair.common):,} photos of {page.split}. {page.left_out}".strip()
    dark, csv = drawn.look.dark, "text/csv"

    def draw(write: Callable[[Any, bool], bytes | str]) -> Callable[[], bytes | str]:
        return lambda: write(draw_matrix(drawn, subtitle), dark)

    files: list[tuple[str, str, str, Callable[[], bytes | str]]] = [
        ("Picture (PNG)", ".png", "image/png", draw(draw_png)),
        ("Picture (SVG)", ".svg", "image/svg+xml", draw(draw_svg)),
        ("Numbers (CSV)", "-square.csv", csv, partial(write_square, page)),
    ]
    with st.popover("Export", icon=":material/download:", type="tertiary"):
        st.caption("Pictures show this part of the matrix; numbers cover all classes.")
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


def write_square(page: ConfusionPage) -> str:
    """Write the counts as CSV: true classes down, predicted classes across."""
    names = [cell_text(name) for name in page.classes]
    rows = pd.Index(names, name="true \\ predicted")
    return str(pd.DataFrame(page.counts, index=rows, columns=names).to_csv())
