"""What the metrics page computes of a run and a split, kept in memory until the run is new."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from core.evaluation.agreement import estimate_agreement
from core.evaluation.baselines import Beside, compare_baselines
from core.evaluation.intervals import Estimate
from core.evaluation.ranking import Ranking, rank_classes
from core.prediction.nearest import predict_baselines, read_frozen_features
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.ui.parts import cache


def agreement(run_id: str, split: str) -> Mapping[str, Estimate]:
    """Returns the figures over all classes, by name, with their intervals."""
    return _agreement(run_id, split, cache.result_key(run_id))


def ranking(run_id: str, split: str) -> Ranking:
    """Returns ROC and precision-recall curves of the classes, and their areas."""
    return _ranking(run_id, split, cache.result_key(run_id))


def besides(run: RunRecord, split: str) -> list[Beside]:
    """Returns the run compared with each baseline."""
    kept = read_frozen_features(cache.workspace(), run.recipe, cache.result(run.id)) is not None
    return _besides(run.id, split, cache.result_key(run.id), kept, run)


@st.cache_resource(max_entries=32, show_spinner="Drawing 1,000 resamples …")
def _agreement(run_id: str, split: str, when: float) -> Mapping[str, Estimate]:  # noqa: ARG001
    answers, photos = _choose(run_id, split)
    return estimate_agreement(answers.scores[photos], answers.labels[photos], answers.classes)


@st.cache_resource(max_entries=8, show_spinner="Ranking the photos for each class …")
def _ranking(run_id: str, split: str, when: float) -> Ranking:  # noqa: ARG001 (part of the key)
    answers, photos = _choose(run_id, split)
    return rank_classes(answers.scores[photos], answers.labels[photos], answers.classes)


@st.cache_resource(
    max_entries=32, show_spinner="Asking simple rules the same photos: once a run and split …"
)
def _besides(
    run_id: str,
    split: str,
    when: float,  # noqa: ARG001 (part of the key)
    kept: bool,  # noqa: ARG001 (whether the frozen features are: part of the key)
    _run: RunRecord,
) -> list[Beside]:
    answers, photos = _choose(run_id, split)
    dataset = cache.dataset(answers.dataset_id)
    found = predict_baselines(cache.workspace(), _run, answers, dataset, split)
    predictions = answers.scores[photos].argmax(axis=1)
    return compare_baselines(answers.labels[photos], predictions, found, answers.classes)


def _choose(run_id: str, split: str) -> tuple[RunResult, np.ndarray]:
    answers = cache.result(run_id)
    return answers, answers.photo_numbers(split)
