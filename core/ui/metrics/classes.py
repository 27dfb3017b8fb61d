"""The metrics of each class: a table, bars and curves; a click chooses a class.

The chosen class is in the URL (`focus`).
"""

import math
import zlib
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.charts.bars import CLASS, draw_class_bars
from core.evaluation.intervals import Estimate
from core.evaluation.ranking import Ranking
from core.formats import count, percent, percent_format
from core.ui.metrics.charts import MOST_CLASSES, Kind, draw_ranking
from core.ui.metrics.reading import SHARES, MetricsPage
from core.ui.parts.charts import show_kept_chart, show_plot
from core.ui.parts.frame import is_dark
from core.ui.parts.state import keep_choice

_SCROLL_ABOVE = 20
"""Number of classes above which their bars scroll inside their card."""
_ROWS_IN_SIGHT = 14
_HELP = {
    "recall": "Share of the photos of this class predicted correctly.",
    "precision": "Share of the photos predicted as this class that belong to it.",
    "f1": "Harmonic mean of precision and recall.",
    "roc_auc": "Area under the ROC curve: the probability that a photo of the class gets a higher "
    "score for the class than a photo of another class. 50 % is chance.",
    "average_precision": "Area under the precision-recall curve (average precision).",
}
NAMES = {
    "recall": "Recall",
    "precision": "Precision",
    "f1": "F1",
    "roc_auc": "ROC area",
    "average_precision": "PR area",
}
CURVES = "metrics.kind"
"""Query parameter: the kind of curves."""
_BARS, _TABLE = "metrics.bars", "metrics.table"
_KINDS: dict[Kind, str] = {"roc": "ROC", "precision_recall": "Precision-recall"}
_AREAS: dict[Kind, str] = {"roc": "roc_auc", "precision_recall": "average_precision"}
_WEAKEST = 3
"""Classes highlighted at first: the smallest areas."""


def show_class_table(page: MetricsPage) -> None:
    """Draw the metrics of every class; a ticked row chooses its class."""
    table = page.table
    classes = table["class"].tolist()
    rows = [classes.index(page.class_name)] if page.class_name in classes else []
    st.dataframe(
        table,
        hide_index=True,
        key=_key(_TABLE, page.run.id, page.split),
        on_select=partial(_choose_from_table, classes),
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows}},
        height=38 + 35 * min(len(table), _ROWS_IN_SIGHT),
        column_config=_configure_columns(int(table["support"].min())),
        alt="Photos, recall, precision, F1 and areas of each class",
    )


def _configure_columns(n: int) -> dict[str, Any]:
    """Return the columns of a table of classes; `n` photos decide the digits."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    config: dict[str, Any] = {
        "class": text("Class", width=150, pinned=True),
        "support": number("n", help="Photos of this class.", width=46),
    }
    for name, label in NAMES.items():
        form = percent_format(n if name in SHARES else 200)
        config[name] = number(label, help=_HELP[name], format=form)
    for name in ("recall", "precision"):
        config[f"{name}_interval"] = text("95 %", help="95 % interval, in percent.")
        config[name] = st.column_config.ProgressColumn(
            NAMES[name],
            help=_HELP[name],
            format=percent_format(n),
            min_value=0,
            max_value=100,
            width=110,
        )
    return config


def show_class_bars(page: MetricsPage) -> None:
    """Draw one metric for every class as bars; a click on a bar chooses its class."""
    metric = st.segmented_control(
        "Metric",
        SHARES,
        default="recall",
        format_func=NAMES.__getitem__,
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
            alt=f"{NAMES[metric]} of each class; the same numbers are in the table above.",
        )


def show_curves(page: MetricsPage) -> None:
    """Draw ROC or precision-recall curves; the chosen class is always highlighted."""
    ranking = page.ranking
    kind = st.segmented_control(
        "Curves",
        list(_KINDS),
        default="roc",
        format_func=_KINDS.__getitem__,
        key=CURVES,
        bind="query-params",
        required=True,
    )
    with_area = int(ranking.per_class[_AREAS[kind]].notna().sum())
    st.caption(
        f"Mean area of {count(with_area, 'class')} (macro): {_say_area(ranking.macro[kind])}. "
        f"All pairs of photo and class (micro): {_say_area(ranking.micro[kind])}."
    )
    drawn = list(ranking.curves[kind])
    if not drawn:
        st.info(
            "No curve, because all photos of this split are of one class.",
            icon=":material/show_chart:",
        )
        return
    weakest = ranking.per_class.dropna().nsmallest(_WEAKEST, "roc_auc")["class"].tolist()
    chosen = st.multiselect(
        f"Highlight classes (at most {MOST_CLASSES}; at first the weakest)",
        drawn,
        default=weakest,
        max_selections=MOST_CLASSES,
        key=f"metrics.curves.{page.run.id}.{page.split}",
    )
    if page.class_name in drawn and page.class_name not in chosen:
        chosen = [str(page.class_name), *chosen][:MOST_CLASSES]
    figure = _draw((page.run.id, page.split, page.when), kind, tuple(chosen), is_dark(), ranking)
    alt = f"{_KINDS[kind]} curves; the areas are in the table above."
    show_plot(figure, "metrics.ranking", alt)
    if empty := int((ranking.per_class["positives"] == 0).sum()):
        st.caption(f"Not drawn: {count(empty, 'class')} without a photo in this split.")


@st.cache_resource(max_entries=32, show_spinner=False)
def _draw(
    of: tuple[str, str, float],  # noqa: ARG001 (part of the key)
    kind: Kind,
    chosen: tuple[str, ...],
    dark: bool,
    _ranking: Ranking,
) -> go.Figure:
    areas = _ranking.per_class.set_index("class")[_AREAS[kind]]
    said = {name: _round(areas[name]) for name in chosen}
    said["all pairs"] = _round(_ranking.micro[kind].value)
    micro = _ranking.micro_curves[kind]
    return draw_ranking(kind, _ranking.curves[kind], chosen, micro, said, dark)


def say_range(estimate: Estimate) -> str:
    """Return the interval of a share in words, with one sign of percent; "" without one."""
    if math.isnan(estimate.low):
        return ""
    low = percent(estimate.low, estimate.n).removesuffix(" %")
    return f"{low} to {percent(estimate.high, estimate.n)}"


def _say_area(area: Estimate) -> str:
    ends = say_range(area)
    return f"**{_round(area.value)}**" + (f" (95 % interval {ends})" if ends else "")


def _round(area: float) -> str:
    return percent(area, 200)  # a decimal: areas of good models differ in it


def _key(widget: str, *parts: str) -> str:
    """Return the key of a widget; `_redraw` changes it to clear its selection."""
    turn = st.session_state.get(f"{widget}.turn", 0)
    key = f"{widget}.{zlib.crc32('|'.join(parts).encode())}.{turn}"
    st.session_state[f"{widget}.key"] = key
    return key


def _choose_from_bars() -> None:
    bars: list[dict[str, Any]] = _selected(_BARS).get(CLASS) or []
    if bars:
        keep_choice("focus", str(bars[0]["class"]))
        _redraw(_TABLE)


def _choose_from_table(classes: list[str]) -> None:
    rows = _selected(_TABLE)["rows"]
    keep_choice("focus", classes[rows[0]] if rows else None)
    _redraw(_BARS)


def _selected(widget: str) -> dict[str, Any]:
    state = st.session_state.get(st.session_state[f"{widget}.key"])
    return dict(state["selection"]) if state else {"rows": []}


def _redraw(widget: str) -> None:
    st.session_state[f"{widget}.turn"] = st.session_state.get(f"{widget}.turn", 0) + 1
