"""The photos as a table: a page of rows with thumbnails, beside the wall and with its pages.

A click on the head of a column sorts all photos by it, not the page alone; a click on a row opens
its photo. Only the rows of the page are sent, their thumbnails within.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.ui.wall.showing import Wall, encode_thumbnail, keep_list, show_head
from data.dataset import Dataset

_ROW_PX, _HEAD_PX, _MOST_PX = 52, 38, 700
_PICTURE = "Photo"
_FORMATS = {"f": "%.3f", "i": "localized", "u": "localized"}


def show_table(
    dataset: Dataset,
    photos: np.ndarray,
    columns: pd.DataFrame,
    titles: Mapping[str, str],
    *,
    sort: Callable[[str], None],
) -> None:
    """Draw a page of photos as rows.

    An opened photo is written into the URL (`photo`); `show_photo_panel` shows it.

    Args:
        photos: (m,) int, photo numbers in the order they are drawn.
        columns: What is known of each photo of the dataset, (n) rows.
        titles: Column → its heading; the others are not shown.
        sort: Called with the column whose head was clicked.
    """
    if len(photos) == 0:
        st.info("No photo matches.", icon=":material/filter_alt_off:")
        return
    shown = show_head(dataset, photos, Wall("photos", selectable=False, per_page=60), always=True)
    turn = st.session_state.get("table.turn", 0)
    key = f"table.{dataset.id}.{turn}"

    def take() -> None:
        chosen = st.session_state[key]["selection"]
        # A selection is not taken back by the page: another key draws the table without it.
        st.session_state["table.turn"] = turn + 1
        if chosen["rows"]:
            photo = shown[int(chosen["rows"][0])]
            st.query_params["photo"] = str(photo)
            keep_list(dataset.id, photos, photo)
        elif chosen["columns"] and chosen["columns"][0] in titles:
            sort(str(chosen["columns"][0]))

    rows = columns.iloc[shown][list(titles)]
    rows.insert(0, _PICTURE, [encode_thumbnail(dataset.thumbnail(photo)) for photo in shown])
    _mount(rows, titles, key=key, on_select=take)


def _mount(
    rows: pd.DataFrame, titles: Mapping[str, str], *, key: str, on_select: Callable[[], None]
) -> None:
    st.dataframe(
        rows,
        key=key,
        on_select=on_select,
        selection_mode=("single-row", "single-column"),
        hide_index=True,
        row_height=_ROW_PX,
        height=min(_MOST_PX, _HEAD_PX + _ROW_PX * len(rows)),
        placeholder="–",
        column_config={_PICTURE: st.column_config.ImageColumn(width=70, pinned=True)}
        | {name: _describe(rows[name], title) for name, title in titles.items()},
        alt="Photos with what is known of them",
    )


def _describe(column: pd.Series, title: str) -> Any:
    if column.dtype == object:  # several words
        return st.column_config.ListColumn(title)
    if pd.api.types.is_bool_dtype(column):
        return st.column_config.CheckboxColumn(title)
    if pd.api.types.is_numeric_dtype(column):
        return st.column_config.NumberColumn(title, format=_FORMATS[column.dtype.kind])
    return title
