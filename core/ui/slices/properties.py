"""The slices page, view “By property”: accuracy along every property, the one that matters first.

The chosen slice lives in the URL (`slice`); charts and table both write it there when clicked.
"""

from typing import Any

import pandas as pd
import streamlit as st

from core.charts.slices import SLICE
from core.datasets.quality.slicing import SliceStudy
from core.formats import percent_format, plain
from core.runs.store import RunRecord
from core.ui.parts.frame import is_dark
from core.ui.parts.state import keep_choice, read_choice
from core.ui.slices.reading import bins_chart

_COLUMNS = 2
_HEIGHT = 540
"""Pixels of the charts' card, in which they scroll: what is clicked stays beside its photos."""
_TABLE = "slices.table"


def show_properties(run: RunRecord, study: SliceStudy) -> None:
    """Draws one chart for each property that parts the photos, and the table behind them."""
    parted = [name for name in study.ranking["name"] if len(study.bins[name]) > 1]
    alone = [plain(study.properties[name].label) for name in study.properties if name not in parted]
    if not parted:
        st.info("These photos are too few or too alike to be parted by any property.")
        return
    with st.container(height=_HEIGHT, border=True):
        _show_charts(run, study, parted)
    same = f" The same for all of these photos: {', '.join(alone)}." if alone else ""
    st.caption(
        "Beyond chance: a permutation test of right and wrong over the bins, adjusted by Holm for "
        f"{len(parted)} properties, p < 0.05.{same}"
    )
    tables = st.expander(
        "The numbers behind the charts", icon=":material/table:", key="slices.tables",
        on_change="rerun",
    )  # fmt: skip
    if tables.open:
        with tables:
            _show_table(run, study, parted)


def _show_charts(run: RunRecord, study: SliceStudy, parted: list[str]) -> None:
    st.caption(
        "Dots: accuracy of each bin with its 95 % interval. Dashed: all photos of the split. Bars "
        "and their numbers: n. Orange: the whole interval lies below the dashed line. Click a bin."
    )
    for first in range(0, len(parted), _COLUMNS):  # row by row, so that a phone keeps the order
        row = parted[first : first + _COLUMNS]
        for place, name in zip(st.columns(_COLUMNS, gap="small"), row, strict=False):
            with place:
                _show_chart(run, study, name)


def _show_chart(run: RunRecord, study: SliceStudy, name: str) -> None:
    chosen = read_choice("slice") or ""
    values = set(study.bins[name]["value"])
    start = chosen if chosen in values else ""
    # Another slice chosen elsewhere draws the chart anew; a click in itself need not.
    key = f"slices.{name}.{run.id}.{study.split}"
    clicked = f"{key}.clicked"
    if st.session_state.get(clicked, start) != start:
        st.session_state[f"{key}.turn"] = st.session_state.get(f"{key}.turn", 0) + 1
        st.session_state[clicked] = start
    widget = f"{key}.{st.session_state.get(f'{key}.turn', 0)}"
    first = st.session_state.setdefault(f"{widget}.start", start)

    def select() -> None:
        bars: list[dict[str, Any]] = st.session_state[widget]["selection"].get(SLICE) or []
        value = str(bars[0]["value"]) if bars else None
        st.session_state[clicked] = value or ""
        keep_choice("slice", value)

    label = study.properties[name].label
    st.vega_lite_chart(
        spec=bins_chart(run, study, name, first, is_dark()),
        theme=None,
        key=widget,
        on_select=select,
        selection_mode=SLICE,
        alt=f"Accuracy by {label.lower()}; the same numbers stand in the table below.",
    )


def _list_bins(study: SliceStudy, parted: list[str]) -> pd.DataFrame:
    labelled = (study.bins[name].assign(property=study.properties[name].label) for name in parted)
    return pd.concat(list(labelled), ignore_index=True)


def _show_table(run: RunRecord, study: SliceStudy, parted: list[str]) -> None:
    table = _list_bins(study, parted)
    values = table["value"].tolist()
    key = f"{_TABLE}.{run.id}.{study.split}"

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            keep_choice("slice", values[rows[0]])

    shown = table[["property", "label", "n", "wrong"]].assign(
        accuracy=100 * table["accuracy"],
        interval=[
            f"{100 * low:.0f} to {100 * high:.0f}"
            for low, high in zip(table["low"], table["high"], strict=True)
        ],
        expected=100 * table["expected"],
    )
    form = percent_format(int(table["n"].max()))
    st.dataframe(
        shown,
        hide_index=True,
        key=key,
        on_select=choose,
        selection_mode="single-row",
        column_config={
            "property": "Property",
            "label": "Photos",
            "n": st.column_config.NumberColumn("n"),
            "wrong": st.column_config.NumberColumn("Wrong"),
            "accuracy": st.column_config.NumberColumn("Accuracy", format=form),
            "interval": st.column_config.TextColumn("95 % interval", help="Wilson, in percent."),
            "expected": st.column_config.NumberColumn(
                "By class",
                format=form,
                help="The accuracy that the classes of these photos alone would give.",
            ),
        },
        alt="Accuracy of each bin of each property",
    )
