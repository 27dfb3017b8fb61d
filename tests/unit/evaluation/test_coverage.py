"""Coverage: counts, thresholds and the limit of the distance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.coverage import (
    FEWEST_ANSWERS,
    choose_default_threshold,
    choose_threshold,
    find_limit,
    measure_point,
    thin_coverage,
    trace_coverage,
)

PHOTOS = st.lists(
    st.tuples(st.sampled_from([0.2, 0.4, 0.5, 0.8, 0.9]), st.booleans()), min_size=1, max_size=40
)


def split(photos: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p[0] for p in photos]), np.array([p[1] for p in photos], dtype=bool)


def test_a_point_counts_answered_and_deferred_photos() -> None:
    point = measure_point(np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool))
    assert (point.answered, point.wrong, point.withheld, point.right_withheld) == (3, 1, 2, 1)
    assert point.accuracy == pytest.approx(2 / 3)
    nothing = measure_point(np.zeros(4, bool), np.ones(4, bool))
    assert np.isnan(nothing.accuracy)
    assert nothing.right_withheld == 4
    assert np.isnan(measure_point(np.zeros(0, bool), np.zeros(0, bool)).coverage)


@given(PHOTOS)
def test_the_curve_has_the_point_of_each_threshold(photos: list[tuple[float, bool]]) -> None:
    tops, right = split(photos)
    curve = trace_coverage(tops, right)
    assert curve["threshold"].is_monotonic_decreasing
    assert curve["answered"].iloc[-1] == len(tops)
    for row in curve.itertuples():
        point = measure_point(tops >= row.threshold, right)
        assert (row.answered, row.wrong) == (point.answered, point.wrong)
        assert row.accuracy == pytest.approx(point.accuracy)
    thinned = thin_coverage(curve, points=3)
    assert len(thinned) <= 3
    assert (thinned["accuracy_low"] <= thinned["accuracy"]).all()


def test_the_curve_of_no_photos_is_empty() -> None:
    curve = trace_coverage(np.zeros(0), np.zeros(0, bool))
    assert curve.empty
    assert thin_coverage(curve).empty
    assert choose_threshold(np.zeros(0), np.zeros(0, bool), 0.9) is None


@given(st.integers(0, 500), st.floats(0.5, 1))
def test_the_threshold_is_the_lowest_that_reaches_the_target(seed: int, target: float) -> None:
    rng = np.random.default_rng(seed)
    tops = rng.integers(20, 100, 60) / 100
    right = rng.random(60) < tops
    chosen = choose_threshold(tops, right, target)
    possible = [
        t
        for t in np.arange(101) / 100
        if (tops >= t).sum() >= FEWEST_ANSWERS and right[tops >= t].mean() >= target
    ]
    assert chosen == (min(possible) if possible else None)


def draw_confidences(seed: int, skill: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence of 219 photos and whether each is correct, at the accuracy `skill`."""
    rng = np.random.default_rng(seed)
    right = rng.random(219) < skill
    return rng.beta(2, 2, 219) * np.where(right, 1, 0.8), right


@given(st.integers(0, 500))
def test_a_better_run_answers_at_least_as_many_photos(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alike = rng.random(219) > 0.05
    points = []
    for skill in rng.uniform(0.1, 1, 6):
        tops, right = draw_confidences(int(1e6 * skill), skill)
        answered = alike & (tops >= choose_default_threshold(tops, right, alike))
        points.append((right.sum(), answered.sum()))
        if right.mean() >= 0.5:
            assert answered.sum() >= 2 * 219 / 3
    answers = [answered for _, answered in sorted(points)]
    assert answers == sorted(answers)


def test_one_photo_more_changes_a_default_rule_a_little() -> None:
    # Today's rule went from 48 answers to 119 with a worse head: 95 % correct, else 50 %.
    tops, right = draw_confidences(1, 0.6)
    alike = np.ones(219, dtype=bool)
    counts = []
    for photo in np.flatnonzero(~right):
        right[photo] = True
        counts.append(int((tops >= choose_default_threshold(tops, right, alike)).sum()))
    assert np.diff(counts).min() >= 0 and np.diff(counts).max() <= 2
    assert counts[-1] == 219
    assert choose_default_threshold(tops, ~right, alike) == 1.0  # no answer is correct


def test_after_a_perfect_run_on_easy_photos_a_confident_answer_is_given() -> None:
    tops = np.linspace(0.995, 0.9999, 40)
    everything = np.ones(40, dtype=bool)
    assert choose_default_threshold(tops, everything, everything) == pytest.approx(0.9)


def test_a_limit_covers_95_percent_of_further_photos() -> None:
    assert find_limit(np.arange(18.0)) is None
    assert find_limit(np.arange(19.0)) == pytest.approx(18.0, rel=2e-3)
    assert find_limit(np.arange(39.0)) == pytest.approx(37.0, rel=2e-3)
    rng = np.random.default_rng(1)
    kept = []
    for _ in range(300):
        distances = rng.gamma(3, 1, 60)
        limit = find_limit(distances)
        assert limit is not None
        kept.append(np.mean(rng.gamma(3, 1, 400) <= limit))
    assert np.mean(kept) == pytest.approx(0.95, abs=0.01)
