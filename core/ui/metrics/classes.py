"""The metrics of each class: a table, whose rows choose a class, and curves.

The chosen class is in the URL (`focus`).
"""

import math
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.evaluation.intervals import Estimate
from core.formats import count, percent, percent_format
from core.ui.metrics.charts import MOST_CLASSES, Kind, draw_ranking
from core.ui.metrics.reading import SHARES, MetricsPage
from core.ui.parts import cache
from core.ui.parts.charts import show_plot
from core.ui.parts.frame import is_dark
from core.ui.parts.state import choose_by_row, choose_from, keep_choice

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
_KINDS: dict[Kind, str] = {"roc": "ROC", "precision_recall": "Precision-recall"}
_AREAS: dict[Kind, str] = {"roc": "roc_auc", "precision_recall": "average_precision"}
_WEAKEST = 3
"""Classes highlighted at first: the smallest areas."""


def show_class_table(page: MetricsPage) -> None:
    """Draw the metrics of every class, lowest recall first; a ticked row chooses its class."""
    table = page.table
    classes = table["class"].tolist()
    rows = [classes.index(page.class_name)] if page.class_name in classes else []

    def choose(row: int | None) -> None:
        keep_choice("focus", None if row is None else classes[row])

    st.dataframe(
        table,
        hide_index=True,
        selection_default={"selection": {"rows": rows}},
        **choose_by_row(f"metrics.table.{page.run.id}.{page.split}", choose),
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


def show_curves(page: MetricsPage) -> None:
    """Draw ROC or precision-recall curves; the chosen class is always highlighted."""
    ranking = page.ranking
    choose_from(CURVES, _KINDS.values(), None)  # refuses a link to another kind
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
    figure = _draw(page, kind, tuple(chosen), is_dark())
    alt = f"{_KINDS[kind]} curves; the areas are in the table above."
    show_plot(figure, "metrics.ranking", alt)
    if empty := int((ranking.per_class["positives"] == 0).sum()):
        st.caption(f"Not drawn: {count(empty, 'class')} without a photo in this split.")


@cache.cached_by(cache.page_key, most=32)
def _draw(page: MetricsPage, kind: Kind, chosen: tuple[str, ...], dark: bool) -> go.Figure:
    ranking = page.ranking
    areas = ranking.per_class.set_index("class")[_AREAS[kind]]
    said = {name: _round(areas[name]) for name in chosen}
    said["all pairs"] = _round(ranking.micro[kind].value)
    micro = ranking.micro_curves[kind]
    return draw_ranking(kind, ranking.curves[kind], chosen, micro, said, dark)


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
