"""The slices of a run, computed once and kept in memory under what identifies them."""

import streamlit as st

from core.charts.slices import draw_bins
from core.datasets.quality.slicing import SliceStudy, study_slices
from core.evaluation.comparison import ALPHA
from core.evaluation.slices import Rule, read_rule
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.state import read_choice


def study(run: RunRecord, split: str) -> SliceStudy:
    """Returns the slices of a run over the photos of a split."""
    return _study(run.id, split, cache.result_key(run.id), _find_analysis(run))


def read_chosen(study: SliceStudy) -> Rule | None:
    """Returns the slice that the URL names; None where it names none that is known here."""
    stated = read_choice("slice")
    return read_rule(stated, study.properties) if stated else None


def bins_chart(
    run: RunRecord, study: SliceStudy, name: str, chosen: str, dark: bool
) -> dict[str, object]:
    """Returns the chart of one property as Vega-Lite.

    Args:
        run: Whose slices they are.
        study: As `study` returns it.
        name: Of the property.
        chosen: `value` of the bin that is selected at first.
        dark: Whether the page is dark.
    """
    key = (run.id, study.split, cache.result_key(run.id), _find_analysis(run))
    return _bins_chart(key, name, chosen, dark, study)


def _find_analysis(run: RunRecord) -> str:
    quality = cache.quality(run.recipe.dataset)
    return quality.id if quality else ""


@st.cache_resource(max_entries=128, show_spinner=False)
def _bins_chart(
    key: tuple[str, str, float, str],  # noqa: ARG001 (what identifies the study)
    name: str,
    chosen: str,
    dark: bool,
    _study: SliceStudy,
) -> dict[str, object]:
    ranked = _study.ranking.set_index("name").loc[name]
    spread = f"accuracy varies by ± {100 * ranked['spread']:.1f} points"
    chart = draw_bins(
        _study.bins[name],
        _study.properties[name].label,
        _study.accuracy,
        lowest=_study.lowest_end,
        subtitle=spread if ranked["p_value"] < ALPHA else "no difference beyond chance",
        chosen=chosen,
        dark=dark,
    )
    return dict(chart.to_dict())


@st.cache_resource(max_entries=8, show_spinner="Cutting the photos into slices …")
def _study(run_id: str, split: str, when: float, analysis: str) -> SliceStudy:  # noqa: ARG001 (key)
    result = cache.result(run_id)
    dataset = cache.dataset(result.dataset_id)
    return study_slices(dataset, result, split, cache.quality(dataset.id))
