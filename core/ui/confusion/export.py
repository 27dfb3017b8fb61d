"""The matrix as a file: a picture as PNG or SVG, the numbers as CSV. Made when it is asked for."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from core.charts.export import draw_png, draw_svg
from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import DrawnMatrix
from core.evaluation.confusion import to_long
from core.formats import cell_text
from core.ui.confusion.reading import ConfusionPage
from core.ui.parts.pickers import title_run

_File = tuple[str, str, str, Callable[[], bytes | str]]
"""Label, end of the file's name, kind, and what makes it."""


def show_export(page: ConfusionPage, drawn: DrawnMatrix) -> None:
    """Draw the downloads: the picture as it is drawn, the numbers of all classes."""
    name = f"confusion-run-{page.run.number}"
    if page.pair is None:
        subtitle = f"{title_run(page.run)}, {page.split}. {page.left_out}".strip()
    else:
        name += f"-against-{page.pair.other.number}"
        subtitle = f"{len(page.pair.common):,} photos of {page.split}. {page.left_out}".strip()
    with st.popover("Export", icon=":material/download:"):
        st.caption("The picture as it is drawn here; the numbers of all classes.")
        for label, kind, mime, make in _list_files(page, drawn, subtitle):
            st.download_button(
                label,
                make,
                file_name=f"{name}-{page.split}{kind}",
                mime=mime,
                key=f"confusion.export{kind}",
                on_click="ignore",
                width="stretch",
            )


def _list_files(page: ConfusionPage, drawn: DrawnMatrix, subtitle: str) -> list[_File]:
    dark = drawn.look.dark

    def make_png() -> bytes:
        return draw_png(draw_matrix(drawn, subtitle), dark)

    def make_svg() -> str:
        return draw_svg(draw_matrix(drawn, subtitle), dark)

    csv = "text/csv"
    return [
        ("Picture (PNG)", ".png", "image/png", make_png),
        ("Picture (SVG)", ".svg", "image/svg+xml", make_svg),
        ("Numbers, one line a cell (CSV)", "-cells.csv", csv, partial(write_cells, page)),
        ("Numbers, as a square (CSV)", "-square.csv", csv, partial(write_square, page)),
    ]


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
