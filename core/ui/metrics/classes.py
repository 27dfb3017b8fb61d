"""The metrics page, class by class: bars and a table; a click in either chooses a class.

The chosen class lives in the URL (`focus`). Whichever was clicked last is what is shown.
"""

import zlib
from typing import Any

import streamlit as st

from core.charts.bars import CLASS, draw_class_bars
from core.formats import percent_format
from core.ui.metrics.reading import AREAS, SHARES, MetricsPage
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.state import keep_choice

_SCROLL_ABOVE = 20
"""Number of classes above which their bars scroll inside their card."""
_ROWS_IN_SIGHT = 14
_HELP = {
    "recall": "Of the photos that are this class (n), the share that was found.",
    "precision": "Of the photos taken for this class (n), the share that is.",
    "f1": "Harmonic mean of precision and recall.",
    "roc_auc": "Area under the ROC curve: how often a photo of the class has a higher score for it "
    "than another photo has. 50 %: as chance.",
    "average_precision": "Area under the precision-recall curve: the precision at each of its "
    "photos, from the highest score down, averaged.",
}
_NAMES = {"f1": "F1", "roc_auc": "ROC area", "average_precision": "PR area"}
_BARS = "metrics.bars"
_TABLE = "metrics.table"


def show_class_bars(page: MetricsPage) -> None:
    """Draw one metric, chosen above the chart, for every class; a click on a bar chooses it."""
    metric = st.segmented_control(
        "Metric",
        SHARES,
        default="recall",
        format_func=lambda name: _NAMES.get(name, name.capitalize()),
        key="metrics.metric",
        bind="query-params",
        required=True,
    )
    st.caption(_HELP[metric])
    many = len(page.result.classes) > _SCROLL_ABOVE
    with st.container(height=610 if many else "content", border=False):
        show_kept_chart(
            draw_class_bars,
            page.evaluation.per_class,
            metric,
            key=_key(_BARS, page.run.id, page.split, metric),
            on_select=_choose_from_bars,
            selection_mode=CLASS,
            alt=f"{metric} of each class; the same numbers are in the table below.",
        )


def show_class_table(page: MetricsPage) -> None:
    """Draw every metric of every class, to be searched and sorted; a click on a row chooses it."""
    wanted = st.text_input(
        "Search classes",
        key="metrics.search",
        type="search",
        placeholder="Search classes",
        label_visibility="collapsed",
        icon=":material/search:",
        live="300ms",
        bind="query-params",
        width=260,
    )
    table = page.table
    if wanted:
        table = table[table["class"].str.contains(wanted.strip(), case=False, regex=False)]
    if table.empty:
        st.info("No class has this in its name.", icon=":material/search_off:")
        return
    classes = table["class"].tolist()
    st.session_state[f"{_TABLE}.listed"] = classes
    rows = [classes.index(page.class_name)] if page.class_name in classes else []
    st.dataframe(
        table,
        hide_index=True,
        key=_key(_TABLE, page.run.id, page.split, wanted or ""),
        on_select=_choose_from_table,
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows}},
        height=38 + 35 * min(len(table), _ROWS_IN_SIGHT),
        column_config=_configure(int(table["support"].min())),
        alt="Support, recall, precision, F1 and areas of each class with 95 % intervals",
    )
    st.caption(
        "Choose a row: its photos appear below. A heading sorts. n: photos of the class.",
        help="The n of precision is the photos taken for the class. Intervals, in percent: Wilson; "
        "F1 and PR area after Wilson, ROC area by Newcombe. Empty: not defined, for lack of "
        "photos.",
    )


def _configure(n: int) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    config: dict[str, Any] = {
        "class": st.column_config.TextColumn("Class", pinned=True, width=116),
        "support": number("n", help="Photos that are this class.", width=42),
        "predicted": number("Taken", help="Photos taken for it.", width=52),
    }
    for name in (*SHARES, *AREAS):
        bar = st.column_config.ProgressColumn if name in SHARES else number
        ends: dict[str, Any] = {"min_value": 0, "max_value": 100} if name in SHARES else {}
        config[name] = bar(
            _NAMES.get(name, name.capitalize()),
            help=_HELP[name],
            format=percent_format(n if name in SHARES else 200),
            width=66 if name in SHARES else 60,
            **ends,
        )
        config[f"{name}_interval"] = st.column_config.TextColumn(
            "95 %", help="95 % interval, in percent.", width=66
        )
    return config


def _key(widget: str, *parts: str) -> str:
    """Return the widget's key; a click in the other one changes it, so that it is drawn anew."""
    turn = st.session_state.get(f"{widget}.turn", 0)
    key = f"{widget}.{zlib.crc32('|'.join(parts).encode())}.{turn}"
    st.session_state[f"{widget}.key"] = key
    return key


def _choose_from_bars() -> None:
    bars: list[dict[str, Any]] = _selected(_BARS).get(CLASS) or []
    if bars:
        keep_choice("focus", str(bars[0]["class"]))
        _draw_anew(_TABLE)


def _choose_from_table() -> None:
    rows, listed = _selected(_TABLE)["rows"], st.session_state[f"{_TABLE}.listed"]
    if rows and rows[0] >= len(listed):  # of a list that the search has replaced meanwhile
        return
    keep_choice("focus", listed[rows[0]] if rows else None)
    _draw_anew(_BARS)


def _selected(widget: str) -> dict[str, Any]:
    state = st.session_state.get(st.session_state[f"{widget}.key"])
    return dict(state["selection"]) if state else {"rows": []}


def _draw_anew(widget: str) -> None:
    st.session_state[f"{widget}.turn"] = st.session_state.get(f"{widget}.turn", 0) + 1
