"""What a comparison computes of two runs, kept in memory until one of them is new."""

import streamlit as st

from core.evaluation.comparison import Comparison, compare_predictions
from core.runs.common_photos import CommonPhotos, find_common, match_results
from core.ui.parts import cache


def compare_runs(baseline: str, run: str, split: str) -> tuple[CommonPhotos, Comparison]:
    """Return the photos that both runs can be judged by, and how they compare on them."""
    return _compare(baseline, run, split, cache.result_key(baseline), cache.result_key(run))


@st.cache_resource(max_entries=64, show_spinner="Comparing …")
def _compare(
    baseline: str,
    run: str,
    split: str,
    *when: float,  # noqa: ARG001 (part of the key)
) -> tuple[CommonPhotos, Comparison]:
    a, b = cache.result(baseline), cache.result(run)
    same = a.dataset_id == b.dataset_id
    datasets = (None, None) if same else (cache.dataset(a.dataset_id), cache.dataset(b.dataset_id))
    common = find_common(a, b, match_results(a, b, *datasets), split)
    answers = (common.labels, common.predictions_a, common.predictions_b)
    return common, compare_predictions(*answers, common.classes)
