"""The matrix of one run on the page: its grid, the table behind it, the list of confused pairs."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.matrix_cells import describe_cells, describe_legends, find_tops
from core.evaluation.confusion import (
    Value,
    list_confusions_of,
    most_confused_pairs,
    to_long,
)
from core.evaluation.intervals import wilson_interval
from core.formats import count, percent, plain
from core.ui.confusion.choice import Chosen, choose, forget_row, turn_of_list
from core.ui.confusion.grid import GridCells, pack_grid, show_grid
from core.ui.confusion.scope import Scope, zoom_into
from core.ui.parts.frame import is_dark

WIDE_ABOVE = 20
"""Number of classes above which the matrix takes the whole width."""
WAYS = (
    "Click a cell, or the name of a row or a column, to see its photos; draw over cells with the "
    "mouse to zoom. Keys: arrows move, Enter opens, N and P go to the next and previous error, "
    "Shift with arrows and Enter zooms."
)
_MOST_PAIRS = 50


def show_matrix(
    matrix: np.ndarray,
    classes: Sequence[str],
    scope: Scope,
    *,
    name: str,
    value: Value,
    hide_diagonal: bool,
    chosen: Chosen | None,
    marked: int | None,
) -> None:
    """Draws the grid of a matrix with its headline.

    Args:
        matrix: (k, k) counts.
        classes: Names of the k classes.
        scope: What is drawn.
        name: Of the matrix, unlike that of any other.
        value: What the cells show.
        hide_diagonal: Leave right answers uncoloured.
        chosen: The cell, row or column whose photos are shown.
        marked: The class looked for.
    """
    wrong = int(matrix.sum() - np.trace(matrix))
    cells = to_long(matrix, classes, scope.rows, scope.columns)
    shown = int(cells.loc[cells["true"] != cells["predicted"], "count"].sum())
    part = f", {shown:,} of them in this part" if scope.words else ""
    total = count(int(matrix.sum()), "photo")
    st.markdown(f"**{wrong:,} of {total} taken for another class{part}**")
    st.caption("Rows: true class. Columns: predicted class.", help=WAYS)
    tops = find_tops(cells, value)
    places = np.flatnonzero(cells["count"].to_numpy() > 0)
    described = describe_cells(cells.iloc[places], value, hide_diagonal, is_dark(), tops)
    legends = describe_legends(value, tops, is_dark())
    drawn = GridCells(
        rows=scope.rows,
        columns=scope.columns,
        places=places,
        cells=described.assign(said=_say_cells(described)),
        legends=legends[:1] if hide_diagonal else legends,
    )
    show_cells(drawn, classes, scope, name=name, empty="no photo", chosen=chosen, marked=marked)


def show_cells(
    drawn: GridCells,
    classes: Sequence[str],
    scope: Scope,
    *,
    name: str,
    empty: str,
    chosen: Chosen | None,
    marked: int | None,
) -> None:
    """Draws a grid whose clicks choose photos and whose areas zoom."""

    def take(true: int | None, predicted: int | None) -> None:
        numbers = [one for one in (true, predicted) if one is not None]
        if all(one < len(classes) for one in numbers):
            forget_row()
            choose(classes, true, predicted)

    data = pack_grid(
        drawn,
        classes,
        label="Confusion matrix, rows true, columns predicted. Arrows move, Enter opens photos. "
        "The table below says the same.",
        empty=empty,
        chosen=(chosen.true, chosen.predicted) if chosen else (None, None),
        marked=marked,
        dark=is_dark(),
    )
    zoom = partial(zoom_into, scope, name)
    show_grid(data, key=f"confusion.grid.{name}", on_choose=take, on_zoom=zoom)


def show_table(values: np.ndarray, classes: Sequence[str], scope: Scope) -> None:
    """Draws the table behind the grid, closed at first, in the same order.

    Args:
        values: (k, k) of what the cells show.
        classes: Names of the k classes.
        scope: What is drawn.
    """
    table = st.expander(
        "The matrix as a table", icon=":material/table:", key="confusion.table", on_change="rerun"
    )
    if not table.open:
        return
    rows = pd.Index([classes[one] for one in scope.rows], name="true ↓ predicted →")
    columns = [classes[one] for one in scope.columns]
    with table:
        st.dataframe(
            pd.DataFrame(values[np.ix_(scope.rows, scope.columns)], index=rows, columns=columns),
            alt="Confusion matrix: rows true, columns predicted",
        )


def show_pairs(
    matrix: np.ndarray, classes: Sequence[str], *, name: str, looked_for: int | None
) -> None:
    """Draws the most confused pairs, or those of the class looked for; a row chooses that cell."""
    if looked_for is None:
        pairs = most_confused_pairs(matrix, classes, top=_MOST_PAIRS)
        st.markdown("**Most confused pairs**")
    else:
        pairs = list_confusions_of(matrix, classes, looked_for)
        of_class = int(matrix[looked_for].sum())
        right = int(matrix[looked_for, looked_for])
        st.markdown(f"**What {plain(classes[looked_for], 40)} is confused with**")
        if of_class:
            st.caption(f"{right:,} of its {count(of_class, 'photo')} recognised.")
    if pairs.empty:
        said = "None of its photos is taken for another class, and none of another class for it."
        st.success(
            "No photo of this split is confused." if looked_for is None else said,
            icon=":material/check_circle:",
        )
        return
    key = f"confusion.pairs.{name}.{looked_for}.{turn_of_list()}"
    numbers = {one: place for place, one in enumerate(classes)}
    cells = [
        (numbers[a], numbers[b]) for a, b in zip(pairs["true"], pairs["predicted"], strict=True)
    ]

    def take() -> None:
        ticked = st.session_state[key]["selection"]["rows"]
        if ticked:
            choose(classes, *cells[ticked[0]])

    st.dataframe(
        _table_of_pairs(pairs),
        hide_index=True,
        key=key,
        on_select=take,
        selection_mode="single-row",
        height=min(520, 38 + 35 * len(pairs)),
        column_config=_configure_pairs(len(classes)),
        alt="Pairs of classes by how often the first is taken for the second",
    )
    st.caption("Tick a row to see its photos. Share: of the n photos of the true class.")


def _table_of_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    ranges = []
    for photos, support in zip(pairs["count"], pairs["support"], strict=True):
        low, high = wilson_interval(int(photos), int(support))
        ranges.append(f"{percent(low, int(support))[:-2]} to {percent(high, int(support))}")
    return pairs[["true", "predicted", "count", "support"]].assign(
        share=100 * pairs["row_share"], interval=ranges
    )[["true", "predicted", "count", "support", "share", "interval"]]


def _configure_pairs(n_classes: int) -> dict[str, Any]:
    narrow = n_classes <= WIDE_ABOVE
    return {
        "true": st.column_config.TextColumn("True", width=78 if narrow else None),
        "predicted": st.column_config.TextColumn("Taken for", width=78 if narrow else None),
        "count": st.column_config.NumberColumn("Photos", width=50),
        "share": st.column_config.NumberColumn("Share", format="%.0f %%", width=46),
        "interval": st.column_config.TextColumn("95 % interval", width=84),
        "support": st.column_config.NumberColumn("n", width=40, help="Photos of the true class."),
    }


def _say_cells(cells: pd.DataFrame) -> list[str]:
    """Returns each cell in a sentence, for the pointer and for screen readers."""
    return [
        f"true {true}, predicted {predicted}: {count(int(photos), 'photo')}\n"
        f"{of_true} of {true} · {of_predicted} of what is taken for {predicted}"
        for true, predicted, photos, of_true, of_predicted in zip(
            cells["true"],
            cells["predicted"],
            cells["count"],
            cells["of_true"],
            cells["of_predicted"],
            strict=True,
        )
    ]
