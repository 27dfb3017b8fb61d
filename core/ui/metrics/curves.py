"""The metrics page, curves: how well the scores of a class rank its photos above all others."""

import math

import plotly.graph_objects as go
import streamlit as st

from core.evaluation.intervals import Estimate
from core.evaluation.ranking import Ranking
from core.formats import count, percent
from core.ui.metrics.charts import MOST_CLASSES, Kind, draw_ranking
from core.ui.metrics.reading import MetricsPage
from core.ui.parts.charts import show_plot
from core.ui.parts.frame import is_dark

_KINDS: dict[Kind, str] = {"roc": "ROC", "precision_recall": "Precision-recall"}
_AREAS: dict[Kind, str] = {"roc": "roc_auc", "precision_recall": "average_precision"}
_WEAKEST = 3
"""Classes drawn strong until others are chosen: those of the smallest area."""
_CHOSEN = "metrics.curves"
_WEAKEST_OF_BEFORE = "metrics.weakest"


def show_curves(page: MetricsPage) -> None:
    """Draw ROC or precision-recall curves; the chosen class is always among the strong ones."""
    ranking = page.ranking
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
    if page.class_name in drawn and page.class_name not in chosen:
        chosen = [str(page.class_name), *chosen][:MOST_CLASSES]
    figure = _draw((page.run.id, page.split, page.when), kind, tuple(chosen), is_dark(), ranking)
    alt = f"{_KINDS[kind]} curves; the areas stand in the table below."
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


def _say_areas(ranking: Ranking, kind: Kind) -> None:
    macro, micro = ranking.macro[kind], ranking.micro[kind]
    with_area = int(ranking.per_class[_AREAS[kind]].notna().sum())
    st.caption(
        f"Area, mean of {count(with_area, 'class')} (macro): {_say(macro)}. Over all pairs of a "
        f"photo and a class (micro): {_say(micro)}. n = {macro.n:,}. Areas are exact; drawn "
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


def say_range(estimate: Estimate) -> str:
    """Write the interval of a share in words, with one sign of percent; empty without one."""
    if math.isnan(estimate.low):
        return ""
    low = percent(estimate.low, estimate.n).removesuffix(" %")
    return f"{low} to {percent(estimate.high, estimate.n)}"


def _say(area: Estimate) -> str:
    ends = say_range(area)
    return f"**{_round(area.value)}**" + (f" (95 % interval {ends})" if ends else "")


def _round(area: float) -> str:
    return percent(area, 200)  # a decimal: areas of good models differ in it
