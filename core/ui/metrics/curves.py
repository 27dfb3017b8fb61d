"""The metrics page, curves: how well the scores of a class rank its photos above all others."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.evaluation.intervals import Estimate
from core.evaluation.ranking import Ranking
from core.formats import count, percent
from core.runs.store import RunRecord
from core.ui.metrics import reading as metrics_cache
from core.ui.metrics.charts import MOST_CLASSES, Kind, draw_ranking
from core.ui.metrics.headline import say_range
from core.ui.parts import cache
from core.ui.parts.frame import is_dark

_KINDS: dict[Kind, str] = {"roc": "ROC", "precision_recall": "Precision-recall"}
_AREAS: dict[Kind, str] = {"roc": "roc_auc", "precision_recall": "average_precision"}
_WEAKEST = 3
"""Classes drawn strong until others are chosen: those of the smallest area."""
_CHOSEN = "metrics.curves"
_WEAKEST_OF_BEFORE = "metrics.weakest"


def show_curves(run: RunRecord, split: str, class_name: str | None) -> None:
    """Draws ROC or precision-recall curves; the chosen class is always among the strong ones."""
    ranking = metrics_cache.ranking(run.id, split)
    kind = st.segmented_control(
        "Curves",
        list(_KINDS),
        default="roc",
        format_func=_KINDS.__getitem__,
        key="metrics.kind",
        bind="query-params",
        required=True,
    )
    _say_areas(ranking, kind)
    drawn = list(ranking.curves[kind])
    if not drawn:
        st.info(
            "No curve: there are photos of one class only, so there is nothing to rank above.",
            icon=":material/show_chart:",
        )
        return
    chosen = _pick_classes(ranking, drawn)
    if class_name in drawn and class_name not in chosen:
        chosen = [str(class_name), *chosen][:MOST_CLASSES]
    st.plotly_chart(
        _draw(run.id, split, cache.result_key(run.id), kind, tuple(chosen), is_dark()),
        theme=None,
        key="metrics.ranking",
        config={"displayModeBar": False},
        alt=f"{_KINDS[kind]} curves; the areas stand in the table below.",
    )
    _show_left_out(ranking.per_class)


@st.cache_resource(max_entries=32, show_spinner=False)
def _draw(
    run_id: str,
    split: str,
    when: float,  # noqa: ARG001 (part of the key)
    kind: Kind,
    chosen: tuple[str, ...],
    dark: bool,
) -> go.Figure:
    ranking = metrics_cache.ranking(run_id, split)
    areas = ranking.per_class.set_index("class")[_AREAS[kind]]
    said = {name: _round(areas[name]) for name in chosen}
    said["all pairs"] = _round(ranking.micro[kind].value)
    micro = ranking.micro_curves[kind]
    return draw_ranking(kind, ranking.curves[kind], chosen, micro, said, dark)


def _say_areas(ranking: Ranking, kind: Kind) -> None:
    macro, micro = ranking.macro[kind], ranking.micro[kind]
    with_area = int(ranking.per_class[_AREAS[kind]].notna().sum())
    st.caption(
        f"Area, mean of {count(with_area, 'class')} (macro): **{_round(macro.value)}**"
        f"{_parenthesise(macro)}. Over all pairs of a photo and a class (micro): "
        f"**{_round(micro.value)}**{_parenthesise(micro)}. n = {macro.n:,}. Areas are exact; drawn "
        "curves are thinned."
    )


def _pick_classes(ranking: Ranking, drawn: list[str]) -> list[str]:
    weakest = ranking.per_class.dropna().nsmallest(_WEAKEST, "roc_auc")["class"].tolist()
    kept: list[str] = st.session_state.get(_CHOSEN) or []
    if _CHOSEN not in st.session_state:
        follows = _CHOSEN not in st.query_params
    else:  # nobody chose others: the weakest of this run and split, whichever those are
        follows = kept == st.session_state.get(_WEAKEST_OF_BEFORE)
    # Set, not given as default: a browser that remembers a choice does not see a new default.
    if follows:
        st.session_state[_CHOSEN] = weakest
    elif not set(kept) <= set(drawn):  # classes of another dataset
        st.session_state[_CHOSEN] = [name for name in kept if name in drawn] or weakest
    st.session_state[_WEAKEST_OF_BEFORE] = weakest
    return list(
        st.multiselect(
            f"Classes that stand out (at most {MOST_CLASSES}; at first the weakest)",
            drawn,
            max_selections=MOST_CLASSES,
            key=_CHOSEN,
            bind="query-params",
        )
    )


def _show_left_out(per_class: pd.DataFrame) -> None:
    empty = int((per_class["positives"] == 0).sum())
    if empty:
        st.caption(f"Not drawn: {count(empty, 'class')} without a photo in this split.")


def _parenthesise(estimate: Estimate) -> str:
    ends = say_range(estimate)
    return f" (95 % interval {ends})" if ends else ""


def _round(area: float) -> str:
    return percent(area, 200)  # a decimal: areas of good models differ in it
