"""The slices page, view “By property”: accuracy along every property, the one that matters first.

The chosen slice lives in the URL (`slice`); charts and table both write it there when clicked.
"""

from typing import Any

import pandas as pd
import streamlit as st

from core.charts.slices import SLICE, draw_bins
from core.evaluation.comparison import ALPHA
from core.formats import percent_format, plain
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.state import keep_choice
from core.ui.slices.reading import SlicesPage

_COLUMNS = 2
_HEIGHT = 540
"""Pixels of the charts' card, in which they scroll: what is clicked stays beside its photos."""
_TABLE = "slices.table"


def show_properties(page: SlicesPage) -> None:
    """Draw one chart for each property that parts the photos, and the table behind them."""
    study = page.study
    parted = [name for name in study.ranking["name"] if len(study.bins[name]) > 1]
    alone = [plain(study.properties[name].label) for name in study.properties if name not in parted]
    if not parted:
        st.info("These photos are too few or too alike to be parted by any property.")
        return
    with st.container(height=_HEIGHT, border=True):
        _show_charts(page, parted)
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
            _show_table(page, parted)


def _show_charts(page: SlicesPage, parted: list[str]) -> None:
    st.caption(
        "Dots: accuracy of each bin with its 95 % interval. Dashed: all photos of the split. Bars "
        "and their numbers: n. Orange: the whole interval lies below the dashed line. Click a bin."
    )
    for first in range(0, len(parted), _COLUMNS):  # row by row, so that a phone keeps the order
        row = parted[first : first + _COLUMNS]
        for place, name in zip(st.columns(_COLUMNS, gap="small"), row, strict=False):
            with place:
                _show_chart(page, name)


def _show_chart(page: SlicesPage, name: str) -> None:
    study, run = page.study, page.run
    start = page.stated if page.stated in set(study.bins[name]["value"]) else ""
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
    ranked = study.ranking.set_index("name").loc[name]
    beyond = f"accuracy varies by ± {100 * ranked['spread']:.1f} points"
    show_kept_chart(
        _draw_property,
        study.bins[name],
        (label, beyond if ranked["p_value"] < ALPHA else "no difference beyond chance"),
        (study.accuracy, study.lowest_end),
        first,
        key=widget,
        on_select=select,
        selection_mode=SLICE,
        alt=f"Accuracy by {label.lower()}; the same numbers are in the table below.",
    )


def _draw_property(
    bins: pd.DataFrame, words: tuple[str, str], ends: tuple[float, float], chosen: str, dark: bool
) -> Any:
    """Draw a property under its name and a line below; ends: accuracy of all, and of the scale."""
    (title, subtitle), (accuracy, lowest) = words, ends
    return draw_bins(
        bins, title, accuracy, lowest=lowest, subtitle=subtitle, chosen=chosen, dark=dark
    )


def _show_table(page: SlicesPage, parted: list[str]) -> None:
    study, run = page.study, page.run
    labelled = [study.bins[name].assign(property=study.properties[name].label) for name in parted]
    table = pd.concat(labelled, ignore_index=True)
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
    st.dataframe(
        shown,
        hide_index=True,
        key=key,
        on_select=choose,
        selection_mode="single-row",
        column_config=_configure(int(table["n"].max())),
        alt="Accuracy of each bin of each property",
    )


def _configure(n: int) -> dict[str, Any]:
    form = percent_format(n)
    return {
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
    }
