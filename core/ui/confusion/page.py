"""The confusion page: pickers, the matrix of a run or of two, the list of pairs, the photos."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.charts.matrix_cells import DrawnMatrix, describe_change, describe_matrix
from core.evaluation.confusion import Order, Value
from core.evaluation.intervals import wilson_interval
from core.formats import count, percent, plain
from core.runs.store import RunRecord
from core.ui.comparing.verdict import show_headline
from core.ui.confusion.grid import pack_grid, show_export, show_grid
from core.ui.confusion.photos import show_chosen_photos
from core.ui.confusion.reading import (
    CLEARED,
    Against,
    ConfusionPage,
    RunPair,
    choose,
    forget_row,
    read_against,
    read_confusion,
)
from core.ui.confusion.scope import ZOOMED, zoom_out
from core.ui.parts.charts import show_folded
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import describe_run, pick_named, pick_one
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import bind_choice, choose_by_row, keep_choice

_VALUES: dict[Value, str] = {
    "count": "Counts",
    "row share": "% of row",
    "column share": "% of column",
}
_ORDERS: dict[Order, str] = {
    "name": "Classes by name",
    "support": "Most photos first",
    "accuracy": "Worst recognised first",
    "confusion": "Look-alikes together",
}
_WAYS = (
    "Rows: true class. Columns: predicted class. Shares are of all photos of a row or a column.\n\n"
    "Click a cell, or the name of a row or a column, to see its photos; drag over cells to zoom. "
    "Keys: arrows move, Enter opens, N and P go to the next and previous error, Shift with arrows "
    "and Enter zooms.\n\n"
    "Look-alikes: classes confused in at least 3 % of their photos (average linkage)."
)
WIDE_ABOVE = 30
"""Number of classes above which the matrix takes the whole width."""


def show_confusions(run: RunRecord, split: str) -> None:
    """Draw the page for a run and a split."""
    row = st.container(horizontal=True, gap="small")
    pickers = [row.container(width="stretch") for _ in range(3)]
    against = read_against(run)
    with pickers[2]:
        _pick_other_run(against)
    if against.run is not None and split == "test":
        ask_before_test(against.run)
    page = read_confusion(run, split, against.run)
    if page.pair is not None:
        show_headline(page.pair.compared)
        if not len(page.pair.common):
            return
    bound = bind_choice("order", page.order, key="confusion.order", then=zoom_out)
    with pickers[0]:
        pick_named("Order of classes", _ORDERS, label_visibility="collapsed", **bound)
    bound = bind_choice("among", page.part, key="confusion.among", then=zoom_out)
    parts = {name: part.label for name, part in page.parts.items()}
    with pickers[1]:
        pick_named("Classes shown", parts, label_visibility="collapsed", **bound)
    look = page.look(is_dark())
    if page.pair is None:
        drawn = describe_matrix(page.matrix, page.classes, look)
    else:
        drawn = describe_change(page.pair.change, look)
    grid, beside, photos = _split_page(len(page.classes))
    with grid:
        _show_matrix(page, drawn)
    with beside:
        if page.pair is None:
            _show_pairs(page)
        else:
            _show_changes(page, page.pair)
    with photos:
        show_chosen_photos(page)


def _split_page(n_classes: int) -> Sequence[DeltaGenerator]:
    """Return the places of matrix, list and photos; a large matrix has the whole width.

    grid.css and drawing.js use their keys.
    """
    if n_classes > WIDE_ABOVE:
        grid = st.container(border=True, key="confusion_matrix")
        left, right = st.columns([4, 3], gap="medium")
        beside = left.container(border=True, key="confusion_beside")
        return grid, beside, right.container(key="confusion_photos")
    left, right = st.columns([5, 4], gap="medium")
    grid = left.container(border=True, key="confusion_matrix", gap="small")
    photos = right.container(key="confusion_photos")
    return grid, right.container(border=True), photos


def _show_matrix(page: ConfusionPage, drawn: DrawnMatrix) -> None:
    """Draw the grid with its controls above and the table behind it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pick_one("Cells show", _VALUES, bind_choice("cells", page.value, key="confusion.cells"))
        bound = bind_choice(
            "diagonal",
            page.hide_diagonal,
            key="confusion.hide_diagonal",
            write=lambda hides: "hidden" if hides else None,
        )
        st.toggle("Hide diagonal", **bound)
    if page.left_out:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/crop: {page.left_out}", width="content")
            if min(len(page.rows), len(page.columns)) < len(page.arranged):
                st.button("Zoom out", icon=":material/zoom_out_map:", on_click=zoom_out)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(drawn.title)}**", help=_WAYS)
        show_export(page, drawn)
    if page.pair is not None:
        photos = count(len(page.pair.common), "photo")
        st.caption(f"Photos gained (+) or lost (−) in each cell, on {photos} that both predicted.")
    chosen = (page.chosen.true, page.chosen.predicted) if page.chosen else (None, None)
    show_grid(
        pack_grid(drawn, chosen),
        key=f"confusion.grid.{page.name}",
        on_choose=partial(_choose_in_grid, page),
        on_zoom=partial(_zoom_into, page),
    )
    show_folded("The matrix as a table", partial(_show_table, page))


def _choose_in_grid(page: ConfusionPage, true: int | None, predicted: int | None) -> None:
    forget_row()
    choose(page.classes, true, predicted)


def _zoom_into(page: ConfusionPage, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    """Zoom to these first and last places of the drawn rows and columns."""
    top, left = (page.zoom.rows[0], page.zoom.columns[0]) if page.zoom else (0, 0)
    keep_choice("zoom", f"{top + rows[0]}-{top + rows[1]}_{left + columns[0]}-{left + columns[1]}")
    st.session_state[ZOOMED] = page.name


def _show_table(page: ConfusionPage) -> None:
    """Draw the matrix as a table in the same order."""
    rows = pd.Index([page.classes[one] for one in page.rows], name="true ↓ predicted →")
    columns = [page.classes[one] for one in page.columns]
    st.dataframe(
        pd.DataFrame(page.values[np.ix_(page.rows, page.columns)], index=rows, columns=columns),
        alt="Confusion matrix: rows true, columns predicted",
    )


def _pick_other_run(against: Against) -> None:
    chosen = against.run.id if against.run else None
    pick_named(
        "Difference to",
        {name: describe_run(one) for name, one in against.others.items()},
        index=None,
        placeholder="Compare with a run",
        label_visibility="collapsed",
        disabled=not against.others,
        **bind_choice("against", chosen, key="confusion.against", then=zoom_out),
    )


_ALTS = {
    "pairs": "Pairs of classes by how often the first is predicted as the second",
    "changes": "Cells by how much they changed between the runs, in photos",
}


def _show_pairs(page: ConfusionPage) -> None:
    """Draw the most confused pairs; a row chooses its cell."""
    pairs = page.pairs
    st.markdown("**Most confused pairs**")
    if pairs.empty:
        st.success("All photos of this split are correct.", icon=":material/check_circle:")
        return
    numbers = {one: place for place, one in enumerate(page.classes)}
    true, predicted = pairs["true"].map(numbers), pairs["predicted"].map(numbers)
    shares = list(zip(pairs["count"].tolist(), pairs["support"].tolist(), strict=True))
    table = pairs[["true", "predicted"]].assign(
        photos=[f"{photos:,} of {n:,}" for photos, n in shares],
        share=[_say_share(photos, n) for photos, n in shares],
    )
    narrow = 74 if len(page.classes) <= WIDE_ABOVE else 130
    config = {
        "true": st.column_config.TextColumn("True", width=narrow),
        "predicted": st.column_config.TextColumn("Predicted", width=narrow),
        "photos": st.column_config.TextColumn(
            "Photos", width=60, help="Of all photos of the true class."
        ),
        "share": st.column_config.TextColumn(
            "Share", width=112, help="Of the photos of the true class, with the 95 % interval."
        ),
    }
    _show_list(page, "pairs", table, config, list(zip(true, predicted, strict=True)))
    st.caption("Tick a row to see its photos.")


def _say_share(photos: int, n: int) -> str:
    low, high = (percent(end, n)[:-2] for end in wilson_interval(photos, n))
    return f"{percent(photos / n, n)} ({low} to {high})"


def _show_changes(page: ConfusionPage, pair: RunPair) -> None:
    """Draw the cells that changed most; a row chooses its cell."""
    classes, changes = page.classes, page.changes
    st.markdown("**Largest changes**")
    if changes.empty:
        st.info("No cell changed.", icon=":material/equal:")
        return
    before, after = f"Run {pair.other.number}", f"Run {page.run.number}"
    table = pd.DataFrame(
        {
            "True": [classes[true] for true in changes["true"]],
            "Predicted": [classes[predicted] for predicted in changes["predicted"]],
            before: changes["before"].to_numpy(),
            after: changes["after"].to_numpy(),
            "Change": changes["change"].to_numpy(),
        }
    )
    config = {
        "True": st.column_config.TextColumn(width=84),
        "Predicted": st.column_config.TextColumn(width=84),
        before: st.column_config.NumberColumn(width=56),
        after: st.column_config.NumberColumn(width=56),
        "Change": st.column_config.NumberColumn(format="%+d", width=56),
    }
    cells = changes[["true", "predicted"]].to_numpy().tolist()
    _show_list(page, "changes", table, config, cells)
    photos = count(len(pair.common), "photo")
    st.caption(f"Of {photos}. Tick a row to see the photos.")


def _show_list(
    page: ConfusionPage,
    name: str,
    table: pd.DataFrame,
    config: dict[str, Any],
    cells: Sequence[Sequence[int]],
) -> None:
    """Draw a table; a ticked row chooses its cell (true and predicted class number)."""
    turn = int(st.session_state.get(CLEARED, 0))

    def take(row: int | None) -> None:
        if row is not None:
            choose(page.classes, *cells[row])

    st.dataframe(
        table,
        hide_index=True,
        height=min(520, 38 + 35 * len(table)),
        column_config=config,
        alt=_ALTS[name],
        **choose_by_row(f"confusion.{name}.{page.name}.{turn}", take),
    )
