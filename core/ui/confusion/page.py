"""The confusion page: pickers, the matrix of a run or of two, the list of pairs, the photos."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.charts.matrix_cells import DrawnMatrix, describe_change, describe_matrix
from core.evaluation.confusion import Order, Value
from core.formats import count, plain
from core.runs.store import RunRecord
from core.ui.comparing.verdict import show_headline
from core.ui.confusion.grid import pack_grid, show_export, show_grid
from core.ui.confusion.lists import WIDE_ABOVE, forget_row, show_changes, show_pairs
from core.ui.confusion.photos import show_chosen_photos
from core.ui.confusion.reading import Against, ConfusionPage, choose, read_against, read_confusion
from core.ui.confusion.scope import ZOOMED, zoom_out
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import describe_run, pick_one
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import bind_choice, keep_choice

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
    "Click a cell, or the name of a row or a column, to see its photos; draw over cells with the "
    "mouse to zoom. Keys: arrows move, Enter opens, N and P go to the next and previous error, "
    "Shift with arrows and Enter zooms.\n\n"
    "Look-alikes together: classes that are taken for each other stand side by side, by "
    "average-linkage clustering of the shares of photos taken for each other. Classes shown, most "
    "confused: an error counts for the class it was and for the class it was taken for; "
    "look-alikes: those that take on average 3 % or more of their photos for each other. "
    "Difference: what this run takes more or less often than another one, on the photos that both "
    "have in this split."
)


def show_confusions(run: RunRecord, split: str) -> None:
    """Draw the page for a run and a split."""
    row = st.container(horizontal=True, gap="small")
    pickers = [row.container(width="stretch") for _ in range(4)]
    against = read_against(run)
    with pickers[3]:
        _pick_other_run(against)
    if against.run is not None and split == "test":
        ask_before_test(against.run)
    page = read_confusion(run, split, against.run)
    if page.pair is not None:
        show_headline(page.pair.compared)
        if not len(page.pair.common):
            return
    _show_pickers(page, pickers)
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
            show_pairs(page)
        else:
            show_changes(page, page.pair)
    with photos:
        show_chosen_photos(page)


def _split_page(n_classes: int) -> Sequence[DeltaGenerator]:
    """Return the places of matrix, list and photos; a large matrix has the whole width.

    Their keys are known to grid.css and drawing.js.
    """
    if n_classes > WIDE_ABOVE:
        grid = st.container(border=True, key="confusion_matrix")
        left, right = st.columns(2, gap="medium")
        beside = left.container(border=True, key="confusion_beside")
        return grid, beside, right.container(key="confusion_photos")
    left, right = st.columns([4, 3], gap="medium")
    grid = left.container(border=True, key="confusion_matrix", gap="small")
    photos = right.container(key="confusion_photos")
    return grid, right.container(border=True), photos


def _show_matrix(page: ConfusionPage, drawn: DrawnMatrix) -> None:
    """Draw the grid with its controls above and the table behind it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _pick_value(page)
    _show_zoom(page)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(drawn.title)}**", help=_WAYS)
        show_export(page, drawn)
    if page.pair is not None:
        st.caption(
            "Each cell: what this run has more (+) or less (−) than the other one, on "
            f"{count(len(page.pair.common), 'photo')} that both answered."
        )
    chosen = (page.chosen.true, page.chosen.predicted) if page.chosen else (None, None)
    show_grid(
        pack_grid(drawn, chosen, page.looked_for),
        key=f"confusion.grid.{page.name}",
        on_choose=partial(_choose_in_grid, page),
        on_zoom=partial(_zoom_into, page),
    )
    _show_table(page)


def _choose_in_grid(page: ConfusionPage, true: int | None, predicted: int | None) -> None:
    forget_row()
    choose(page.classes, true, predicted)


def _zoom_into(page: ConfusionPage, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    """Draw only these places, first and last, of the rows and columns that are drawn now."""
    top, left = (page.zoom.rows[0], page.zoom.columns[0]) if page.zoom else (0, 0)
    keep_choice("zoom", f"{top + rows[0]}-{top + rows[1]}_{left + columns[0]}-{left + columns[1]}")
    st.session_state[ZOOMED] = page.name


def _show_zoom(page: ConfusionPage) -> None:
    """Say what part of the matrix is drawn, with the way back to all of it."""
    if not page.left_out:
        return
    if page.looked_for is not None and page.looked_for not in {*page.rows, *page.columns}:
        name = plain(page.classes[page.looked_for], 40)
        st.caption(f":orange[{name} is not among the classes shown.]")
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f":material/crop: {page.left_out} Shares are of all photos of a class."
        st.caption(words, width="content")
        if min(len(page.rows), len(page.columns)) < len(page.arranged):
            st.button("Zoom out", icon=":material/zoom_out_map:", on_click=zoom_out)


def _show_table(page: ConfusionPage) -> None:
    """Draw the table behind the grid in the same order, collapsed by default."""
    table = st.expander(
        "The matrix as a table", icon=":material/table:", key="confusion.table", on_change="rerun"
    )
    if not table.open:
        return
    rows = pd.Index([page.classes[one] for one in page.rows], name="true ↓ predicted →")
    columns = [page.classes[one] for one in page.columns]
    with table:
        st.dataframe(
            pd.DataFrame(page.values[np.ix_(page.rows, page.columns)], index=rows, columns=columns),
            alt="Confusion matrix: rows true, columns predicted",
        )


def _pick_other_run(against: Against) -> None:
    st.selectbox(
        "Difference to",
        list(against.others),
        index=None,
        placeholder="Compare with a run",
        label_visibility="collapsed",
        format_func=lambda one: describe_run(against.others[one]),
        disabled=not against.others,
        **bind_choice(
            "against",
            against.run.id if against.run else None,
            key="confusion.against",
            then=zoom_out,
        ),
    )
    if against.is_gone:
        st.caption(":orange[The run to compare with was deleted.]")


def _show_pickers(page: ConfusionPage, places: Sequence[DeltaGenerator]) -> None:
    """Draw the pickers of order, classes and the class looked for."""
    places[0].selectbox(
        "Order of classes",
        list(_ORDERS),
        format_func=_ORDERS.__getitem__,
        label_visibility="collapsed",
        **bind_choice("order", page.order, key="confusion.order", then=zoom_out),
    )
    places[1].selectbox(
        "Classes shown",
        list(page.parts),
        format_func=lambda part: page.parts[part].label,
        label_visibility="collapsed",
        **bind_choice("among", page.part, key="confusion.among", then=zoom_out),
    )
    looked_for = None if page.looked_for is None else page.classes[page.looked_for]
    places[2].selectbox(
        "Find a class",
        sorted(page.classes, key=str.casefold),
        index=None,
        placeholder="Find a class",
        label_visibility="collapsed",
        **bind_choice("look_for", looked_for, key="confusion.look_for"),
    )


def _pick_value(page: ConfusionPage) -> None:
    """Draw what cells show, and whether the diagonal is left uncoloured."""
    pick_one("Cells show", _VALUES, bind_choice("cells", page.value, key="confusion.cells"))
    key = "confusion.hide_diagonal"
    st.session_state[key] = page.hide_diagonal
    st.toggle(
        "Hide diagonal",
        key=key,
        on_change=lambda: keep_choice("diagonal", "hidden" if st.session_state[key] else None),
    )
