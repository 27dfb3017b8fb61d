"""What the calibration page reads again and again, kept in memory under run and result."""

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.calibration import (
    FEWEST_TO_FIT,
    Binning,
    Calibration,
    cross_fit_scores,
    measure_calibration,
    temper_scores,
)
from core.evaluation.coverage import choose_class_thresholds, choose_threshold
from core.prediction.rules import (
    RunDistances,
    UnlikeAnswers,
    answer_drawn,
    find_temperature,
    read_distances,
)
from core.ui.parts import cache


def temperature(run_id: str) -> float | None:
    """Returns the temperature that fits the validation photos; None where they settle none."""
    return _temperature(run_id, cache.result_key(run_id))


def tempered(run_id: str, degree: float) -> np.ndarray:
    """Returns the scores (n, k) float32 of all photos at a temperature."""
    return _tempered(run_id, degree, cache.result_key(run_id))


def calibration(run_id: str, split: str, binning: Binning, degree: float | None) -> Calibration:
    """Returns how far the scores of a split can be trusted.

    Args:
        degree: A temperature; None: on the validation photos, which chose the one that fits them,
            each photo at the one that the others fit (where there are enough of them).
    """
    return _calibration(run_id, split, binning, degree, cache.result_key(run_id))


def judged_scores(run_id: str, split: str, degree: float | None) -> np.ndarray:
    """Returns the scores (m, k) of a split's photos that `calibration` judges."""
    answers = cache.result(run_id)
    photos = answers.photo_numbers(split)
    if degree is not None:
        return np.asarray(tempered(run_id, degree)[photos])
    if len(photos) < FEWEST_TO_FIT:
        return np.asarray(answers.scores[photos])
    return _cross_fitted(run_id, split, cache.result_key(run_id))


def threshold_for(run_id: str, degree: float, target: float) -> float | None:
    """Returns the lowest score from which on `target` of the validation answers are right."""
    return _threshold_for(run_id, degree, target, cache.result_key(run_id))


def class_thresholds(run_id: str, degree: float, target: float) -> pd.DataFrame:
    """Returns the thresholds of each class on the validation photos."""
    return _class_thresholds(run_id, degree, target, cache.result_key(run_id))


def distances(run_id: str) -> RunDistances:
    """Returns how far all photos lie from the training photos.

    Raises:
        FeaturesMissing: The features behind the run are gone.
    """
    return _distances(run_id, cache.result_key(run_id))


def drawn(run_id: str) -> UnlikeAnswers:
    """Returns what the run says of the drawn photos without a flower."""
    return _drawn(run_id, cache.result_key(run_id))


@st.cache_resource(max_entries=32, show_spinner=False)
def _temperature(run_id: str, when: float) -> float | None:  # noqa: ARG001 (part of the key)
    answers = cache.result(run_id)
    photos = answers.photo_numbers("validation")
    return find_temperature(answers.scores[photos], answers.labels[photos])


@st.cache_resource(max_entries=6, show_spinner=False)
def _tempered(run_id: str, degree: float, when: float) -> np.ndarray:  # noqa: ARG001
    return temper_scores(cache.result(run_id).scores, degree)


@st.cache_resource(max_entries=32, show_spinner=False)
def _calibration(
    run_id: str,
    split: str,
    binning: Binning,
    degree: float | None,
    when: float,  # noqa: ARG001 (part of the key)
) -> Calibration:
    answers = cache.result(run_id)
    labels = answers.labels[answers.photo_numbers(split)]
    return measure_calibration(judged_scores(run_id, split, degree), labels, binning)


@st.cache_resource(max_entries=8, show_spinner=False)
def _cross_fitted(run_id: str, split: str, when: float) -> np.ndarray:  # noqa: ARG001
    answers = cache.result(run_id)
    photos = answers.photo_numbers(split)
    return cross_fit_scores(answers.scores[photos], answers.labels[photos])


@st.cache_resource(max_entries=64, show_spinner=False)
def _threshold_for(run_id: str, degree: float, target: float, when: float) -> float | None:  # noqa: ARG001
    answers = cache.result(run_id)
    photos = answers.photo_numbers("validation")
    scores = tempered(run_id, degree)[photos]
    right = scores.argmax(axis=1) == answers.labels[photos]
    return choose_threshold(scores.max(axis=1, initial=0.0), right, target)


@st.cache_resource(max_entries=32, show_spinner=False)
def _class_thresholds(run_id: str, degree: float, target: float, when: float) -> pd.DataFrame:  # noqa: ARG001
    answers = cache.result(run_id)
    photos = answers.photo_numbers("validation")
    return choose_class_thresholds(tempered(run_id, degree)[photos], answers.labels[photos], target)


@st.cache_resource(max_entries=4, show_spinner="Measuring how far all photos lie …")
def _distances(run_id: str, when: float) -> RunDistances:  # noqa: ARG001 (part of the key)
    return read_distances(cache.workspace(), run_id, cache.result(run_id))


@st.cache_resource(
    max_entries=4, show_spinner="Drawing photos without a flower and showing them to the model …"
)
def _drawn(run_id: str, when: float) -> UnlikeAnswers:
    model = _distances(run_id, when).model
    return answer_drawn(cache.workspace(), run_id, cache.predictor(run_id), model)
