"""The confusion page: the matrix, the most confused pairs, and the photos of the chosen cell.

The chosen cell lives in the URL (`true`, `predicted`). Matrix and list both write it there when
they are clicked; whichever was clicked last is what is shown.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.charts.matrix import CELL, Value, draw_matrix
from core.evaluation.confusion import most_confused_pairs, photos_in_cell, to_long
from core.formats import count, percent, plain
from core.runs.store import RunRecord
from core.ui import cache
from core.ui.frame import is_dark
from core.ui.gallery import show_gallery
from core.ui.photo_panel import show_photo_panel
from core.ui.state import keep_choice, read_choice

_VALUES: dict[Value, str] = {
    "count": "Counts",
    "row share": "Share of row",
    "column share": "Share of column",
}
_WIDE_ABOVE = 20
"""Number of classes above which the matrix takes the whole width."""
_CHART = "confusion.matrix"
_LIST = "confusion.pairs"


def split_columns(run: RunRecord) -> Sequence[DeltaGenerator]:
    """Returns the places of matrix and pairs: side by side, or stacked when it is large."""
    if len(cache.result(run.id).classes) > _WIDE_ABOVE:
        return st.container(), st.container()
    return st.columns([8, 5], gap="medium")


def show_matrix(run: RunRecord, split: str) -> None:
    """Draws the matrix with its controls; a click on a cell chooses it."""
    classes = cache.result(run.id).classes
    with st.container(horizontal=True, vertical_alignment="center"):
        value = st.segmented_control(
            "Cells show",
            list(_VALUES),
            default="count",
            format_func=_VALUES.__getitem__,
            key="confusion.value",
            bind="query-params",
            label_visibility="collapsed",
            required=True,
        )
        hide_diagonal = st.toggle(
            "Hide the diagonal", key="confusion.hide_diagonal", bind="query-params"
        )
    cells = to_long(cache.confusions(run.id, split), classes)
    chart = draw_matrix(cells, classes, value, hide_diagonal, is_dark())
    st.altair_chart(
        chart,
        theme=None,
        key=_key(_CHART, run, split),
        on_select=_choose_from_matrix,
        selection_mode=CELL,
        alt="Confusion matrix: rows true, columns predicted; the table below says the same.",
    )
    with st.expander("The matrix as a table", icon=":material/table:"):
        matrix = pd.DataFrame(cache.confusions(run.id, split), index=classes, columns=classes)
        st.dataframe(matrix, alt="Confusion matrix: rows true, columns predicted")


def show_pairs(run: RunRecord, split: str) -> None:
    """Draws the most confused pairs; a click on a row chooses that cell."""
    classes = cache.result(run.id).classes
    pairs = most_confused_pairs(cache.confusions(run.id, split), classes, top=50)
    st.markdown("**Most confused pairs**")
    if pairs.empty:
        st.success("No photo of this split is confused.", icon=":material/check_circle:")
        return
    st.session_state["confusion.listed"] = pairs[["true", "predicted"]].to_numpy().tolist()
    st.dataframe(
        pairs[["true", "predicted", "count"]].assign(share=100 * pairs["row_share"]),
        hide_index=True,
        key=_key(_LIST, run, split),
        on_select=_choose_from_list,
        selection_mode="single-row",
        height=min(520, 38 + 35 * len(pairs)),
        column_config={
            "true": st.column_config.TextColumn("True", width=_width(70, classes)),
            "predicted": st.column_config.TextColumn("Taken for", width=_width(74, classes)),
            "count": st.column_config.NumberColumn("Photos", width=56),
            "share": st.column_config.NumberColumn(
                "Share", format="%.0f %%", width=54, help="Share of the photos of the true class."
            ),
        },
        alt="Pairs of classes by how often the first is taken for the second",
    )
    st.caption("Choose a row or click a cell: its photos appear below.")


def _width(pixels: int, classes: Sequence[str]) -> int | None:
    """Returns the width of a column: narrow beside the matrix, free below it."""
    return pixels if len(classes) <= _WIDE_ABOVE else None


def pick_cell(run: RunRecord) -> tuple[int, int] | None:
    """Returns the chosen cell as (true, predicted) class numbers, or None."""
    classes = cache.result(run.id).classes
    true, predicted = read_choice("true"), read_choice("predicted")
    if true not in classes or predicted not in classes:
        return None
    keep_choice("true", true)
    keep_choice("predicted", predicted)
    return classes.index(true), classes.index(predicted)


def show_cell_photos(run: RunRecord, split: str, cell: tuple[int, int] | None) -> None:
    """Draws the photos of the chosen cell, surest first: true class, predicted class, score."""
    if cell is None:
        st.info("Click a cell of the matrix to see its photos.", icon=":material/ads_click:")
        return
    result = cache.result(run.id)
    dataset = cache.dataset(run.recipe.dataset)
    rows = result.photo_numbers(split)
    true, predicted = cell
    scores = result.scores[rows]
    chosen = photos_in_cell(result.labels[rows], scores.argmax(axis=1), scores, true, predicted)
    photos = rows[chosen]
    true_name, predicted_name = (result.classes[number] for number in cell)
    verb = "recognised as" if true == predicted else "taken for"
    st.subheader(f"{plain(true_name)} {verb} {plain(predicted_name)}", anchor=False)
    of_class = int((result.labels[rows] == true).sum())
    st.caption(
        f"{count(len(photos), 'photo')} of the {of_class:,} {plain(true_name)} photos in {split}, "
        "highest score of the predicted class first."
    )

    def describe(photo: int) -> str:
        score = percent(float(result.scores[photo, predicted]), 100).replace(" ", "\u00a0")
        return f"{score} {predicted_name}"

    show_gallery(dataset, photos, key="cell", captions=describe)
    show_photo_panel(dataset)


def _key(widget: str, run: RunRecord, split: str) -> str:
    """Returns the widget's key; a click in the other one changes it, which clears its selection."""
    key = f"{widget}.{run.id}.{split}.{st.session_state.get(f'{widget}.cleared', 0)}"
    st.session_state[f"{widget}.key"] = key
    return key


def _choose_from_matrix() -> None:
    cells: list[dict[str, Any]] = _selected(_CHART).get(CELL) or []
    if cells:
        _clear(_LIST)
        _choose(str(cells[0]["true"]), str(cells[0]["predicted"]))


def _choose_from_list() -> None:
    rows = _selected(_LIST)["rows"]
    if rows:
        _clear(_CHART)
        _choose(*st.session_state["confusion.listed"][rows[0]])


def _selected(widget: str) -> dict[str, Any]:
    return dict(st.session_state[st.session_state[f"{widget}.key"]]["selection"])


def _clear(widget: str) -> None:
    name = f"{widget}.cleared"
    st.session_state[name] = st.session_state.get(name, 0) + 1


def _choose(true: str, predicted: str) -> None:
    keep_choice("true", true)
    keep_choice("predicted", predicted)
