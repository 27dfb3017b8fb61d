"""What the calibration page has read: what a rule does to photos, and what a link says."""

from collections.abc import Callable

import numpy as np
import pytest
import streamlit as st

from core.prediction.deciding import DecisionRule
from core.runs.store import read_run
from core.ui.calibration.reading import OF, CalibrationPage, read_calibration
from core.workspace import Workspace
from tests.calibrating import VALIDATION, rewrite_result

Read = Callable[..., CalibrationPage]


@pytest.fixture
def read(trained_copy: Workspace, address: Callable[..., None]) -> Read:
    """A function that reads what a link shows of a run with many validation photos."""
    run, _ = rewrite_result(trained_copy)

    def read_link(**query: str) -> CalibrationPage:
        address(**query)
        return read_calibration(read_run(trained_copy, run), "validation")

    return read_link


def test_a_rule_answers_above_its_threshold(read: Read) -> None:
    page = read()
    judged = page.judge_answers(DecisionRule(threshold=0.9))
    tops = page.result.scores[page.numbers].max(axis=1)
    right = page.result.scores[page.numbers].argmax(axis=1) == page.result.labels[page.numbers]
    assert len(judged.right) == len(page.validation) == VALIDATION
    assert np.array_equal(judged.answered, tops >= 0.9)
    assert np.array_equal(judged.right, right)
    assert not judged.unlike.any()


def test_what_is_unlike_is_not_answered(read: Read) -> None:
    page = read()
    distances = page.distances[page.numbers]
    limit = float(np.median(distances))
    judged = page.judge_answers(DecisionRule(threshold=0.0, unlike_limit=limit))
    assert np.array_equal(judged.unlike, distances > limit)
    assert np.array_equal(judged.answered, ~judged.unlike)


def test_missing_features_refuse_nothing(read: Read, trained_copy: Workspace) -> None:
    page = read()
    trained_copy.features_file(page.result.features_id).unlink()
    limit, why = page.limit
    assert limit is None and "missing or damaged" in why
    assert not page.judge_answers(DecisionRule(threshold=0.0, unlike_limit=0.0)).unlike.any()


@pytest.mark.parametrize(
    ("stated", "percent"), [("90", 90), ("100", 100), ("101", None), ("-1", None), ("٣", None)]
)
def test_a_threshold_is_a_percentage(read: Read, stated: str, percent: int | None) -> None:
    assert read(threshold=stated).threshold == percent


def test_a_threshold_belongs_to_its_run(read: Read) -> None:
    page = read(threshold="90")
    st.session_state[OF] = "0" * 16
    assert read_calibration(page.run, "validation").threshold is None


def test_scores_are_judged_as_they_are_and_calibrated(read: Read) -> None:
    page = read(bins="count")
    assert page.binning == "count"
    before, after = page.judge_scores(DecisionRule(temperature=1.0))
    assert before.n == VALIDATION and after is None
    before, after = page.judge_scores(DecisionRule(temperature=2.0))
    assert after is not None and after.loss == before.loss  # too few to judge by cross-fitting
    learnt = read_calibration(page.run, "train")
    before, after = learnt.judge_scores(DecisionRule(temperature=2.0))
    assert after is not None and after.loss != before.loss
