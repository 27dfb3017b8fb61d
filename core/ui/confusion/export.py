"""The matrix as a file: a picture as PNG or SVG, the numbers as CSV. Made when it is asked for."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.export import draw_png, draw_svg
from core.charts.matrix import draw_matrix
from core.evaluation.confusion import Value, judge_difference, subtract_matrices, to_long
from core.formats import cell_text
from core.runs.store import RunRecord
from core.ui.confusion.charts import draw_difference, list_changes
from core.ui.confusion.difference import RunPair
from core.ui.confusion.scope import Scope
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import title_run

Make = Callable[[], bytes | str]


def show_matrix_export(
    run: RunRecord,
    split: str,
    matrix: np.ndarray,
    classes: tuple[str, ...],
    scope: Scope,
    value: Value,
    hide_diagonal: bool,
) -> None:
    """Draws the downloads of a run's matrix: the picture as it is drawn, the numbers of all."""
    dark = is_dark()
    names = [classes[one] for one in scope.rows]

    def chart() -> object:
        return draw_matrix(
            to_long(matrix, classes, scope.rows, scope.columns),
            names,
            value,
            hide_diagonal,
            dark,
            columns=[classes[one] for one in scope.columns],
            title=_count_errors(matrix, scope),
            subtitle=f"{title_run(run)}, {split}. {scope.words}".strip(),
        )

    def cells() -> str:
        return str(to_long(matrix, _cells(classes)).to_csv(index=False))

    _show_downloads(
        f"confusion-run-{run.number}-{split}",
        lambda: draw_png(chart(), dark),
        lambda: draw_svg(chart(), dark),
        cells,
        lambda: _square(matrix, classes),
    )


def show_difference_export(
    pair: RunPair, split: str, scope: Scope, value: Value, hide_diagonal: bool
) -> None:
    """Draws the downloads of a difference."""
    dark = is_dark()
    classes = pair.common.classes

    def chart() -> object:
        difference = subtract_matrices(pair.after, pair.before, value)
        cells = list_changes(
            difference, judge_difference(difference), classes, scope.rows, scope.columns
        )
        return draw_difference(
            cells,
            [classes[one] for one in scope.rows],
            pair.title,
            value,
            hide_diagonal,
            dark,
            columns=[classes[one] for one in scope.columns],
            subtitle=f"{len(pair.common):,} photos of {split}. {scope.words}".strip(),
        )

    def cells() -> str:
        names = _cells(classes)
        after, before = to_long(pair.after, names), to_long(pair.before, names)
        numbers = ["count", "row_share", "column_share"]
        both = after.join(before[numbers], rsuffix="_before")
        return str(both.assign(change=after["count"] - before["count"]).to_csv(index=False))

    _show_downloads(
        f"confusion-run-{pair.run.number}-against-{pair.other.number}-{split}",
        lambda: draw_png(chart(), dark),
        lambda: draw_svg(chart(), dark),
        cells,
        lambda: _square(pair.after - pair.before, classes),
    )


def _show_downloads(name: str, png: Make, svg: Make, cells: Make, square: Make) -> None:
    with st.popover("Export", icon=":material/download:"):
        st.caption("The picture as it is drawn here; the numbers of all classes.")
        for label, kind, mime, make in (
            ("Picture (PNG)", ".png", "image/png", png),
            ("Picture (SVG)", ".svg", "image/svg+xml", svg),
            ("Numbers, one line a cell (CSV)", "-cells.csv", "text/csv", cells),
            ("Numbers, as a square (CSV)", "-square.csv", "text/csv", square),
        ):
            st.download_button(
                label,
                make,
                file_name=f"{name}{kind}",
                mime=mime,
                key=f"confusion.export{kind}",
                on_click="ignore",
                width="stretch",
            )


def _count_errors(matrix: np.ndarray, scope: Scope) -> str:
    """Returns how many photos are wrong in all, and how many of them stand in the part drawn."""
    wrong, total = int(matrix.sum() - matrix.trace()), int(matrix.sum())
    said = f"{wrong:,} of {total:,} photos are taken for another class"
    if not scope.words:
        return said
    drawn = matrix[np.ix_(scope.rows, scope.columns)]
    apart = np.not_equal.outer(np.asarray(scope.rows), np.asarray(scope.columns))
    return f"{said}, {int(drawn[apart].sum()):,} of them in this part"


def _square(matrix: np.ndarray, classes: tuple[str, ...]) -> str:
    """Returns the matrix as CSV: the first column names true classes, the first row predicted."""
    names = _cells(classes)
    rows = pd.Index(names, name="true \\ predicted")
    return str(pd.DataFrame(matrix, index=rows, columns=names).to_csv())


def _cells(classes: tuple[str, ...]) -> list[str]:
    return [cell_text(name) for name in classes]
