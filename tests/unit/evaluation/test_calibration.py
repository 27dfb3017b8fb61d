"""Calibration: equal to scikit-learn where it has it, exact at the optimum, honest folds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from core.evaluation.calibration import (
    BINS,
    Binning,
    bin_scores,
    cross_fit_scores,
    fit_temperature,
    measure_calibration,
    temper_scores,
)


def draw(n: int, k: int, seed: int, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (n, k) and labels; those sharper than what labels were drawn from boast."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, k))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(k, p=row) for row in shares])
    sharp = shares**sharpness
    return (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("count", "quantile")])
def test_bins_are_those_of_scikit_learn(binning: Binning, strategy: str) -> None:
    scores, labels = draw(700, 4, seed=1)
    tops, right = scores.max(axis=1).astype(np.float64), scores.argmax(axis=1) == labels
    bins = bin_scores(tops, right, binning)
    true, mean = calibration_curve(right, tops, n_bins=BINS, strategy=strategy)
    np.testing.assert_allclose(bins["accuracy"], true)
    np.testing.assert_allclose(bins["mean_score"], mean)
    assert bins["n"].sum() == len(labels)
    assert (bins["accuracy_low"] <= bins["accuracy"]).all()


def test_the_error_is_the_gap_weighted_by_photos() -> None:
    scores = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    labels = np.array([0] * 8 + [1] * 2 + [0] * 3 + [1] * 7)
    one = measure_calibration(scores, labels)
    assert one.error.value == pytest.approx(0.5 * 0.1 + 0.5 * 0.3)
    assert one.brier.value == pytest.approx(
        np.mean(((scores - np.eye(2)[labels]) ** 2).sum(axis=1))
    )
    assert one.loss.value == pytest.approx(log_loss(labels, scores))
    assert one.error.low <= one.error.value <= one.error.high


def test_scores_that_mean_what_they_say_are_told_from_those_that_do_not() -> None:
    honest = measure_calibration(*draw(3000, 5, seed=2))
    boasting = measure_calibration(*draw(3000, 5, seed=2, sharpness=2.5))
    assert honest.error.value <= honest.error_by_chance
    assert boasting.error.value > 2 * boasting.error_by_chance
    assert boasting.mean_score > boasting.accuracy


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_what_was_done(sharpness: float) -> None:
    fit = fit_temperature(*draw(4000, 6, seed=3, sharpness=sharpness))
    assert fit.temperature == pytest.approx(sharpness, rel=0.08)
    assert not fit.at_edge


def test_the_temperature_is_the_exact_optimum() -> None:
    scores, labels = draw(300, 4, seed=4, sharpness=1.7)
    fit = fit_temperature(scores, labels)

    def loss(temperature: float) -> float:
        logs = np.log(scores.astype(np.float64)) / temperature
        own = logs[np.arange(len(labels)), labels]
        return float((np.log(np.exp(logs).sum(axis=1)) - own).mean())

    best = loss(fit.temperature)
    for factor in (0.9, 0.999, 1.001, 1.1):
        assert loss(fit.temperature * factor) > best
    # Whatever temperature scores come at, the same scores come out.
    again = fit_temperature(temper_scores(scores, 3.0), labels)
    assert 3.0 * again.temperature == pytest.approx(fit.temperature, rel=1e-4)


def test_what_has_no_optimum_is_said() -> None:
    right = np.array([[0.7, 0.3]] * 20)
    assert fit_temperature(right, np.zeros(20, int)).at_edge
    wrong = fit_temperature(right, np.ones(20, int))
    assert wrong.at_edge
    assert wrong.temperature == pytest.approx(20)
    alike = fit_temperature(np.full((20, 4), 0.25), np.arange(20) % 4)
    assert alike.at_edge


def test_what_cannot_be_measured_is_refused_or_nan() -> None:
    empty = measure_calibration(np.empty((0, 3)), np.empty(0, int))
    assert empty.n == 0
    assert math.isnan(empty.error.value)
    assert math.isnan(empty.loss.low)
    assert empty.bins.empty
    with pytest.raises(ValueError, match="not a finite number"):
        measure_calibration(np.array([[np.nan, 1.0]]), np.array([0]))
    with pytest.raises(ValueError, match="are not"):
        measure_calibration(np.ones((2, 2)), np.array([0]))
    with pytest.raises(ValueError, match="no photos"):
        fit_temperature(np.empty((0, 3)), np.empty(0, int))


@pytest.mark.parametrize("binning", ["width", "count"])
def test_degenerate_sets_have_numbers(binning: Binning) -> None:
    one_class = measure_calibration(np.ones((7, 1)), np.zeros(7, int), binning)
    assert (one_class.error.value, one_class.brier.value) == (0, 0)
    assert one_class.loss.value == pytest.approx(0, abs=1e-6)  # clipped as the loss on Metrics is
    ties = measure_calibration(np.full((9, 3), 1 / 3), np.arange(9) % 3, binning)
    assert ties.error.value == pytest.approx(0, abs=1e-7)
    assert len(ties.bins) == 1
    one_photo = measure_calibration(np.array([[0.2, 0.8]]), np.array([0]), binning)
    assert one_photo.error.value == pytest.approx(0.8)
    zero = measure_calibration(np.array([[0.0, 1.0]]), np.array([0]), binning)
    assert 10 < zero.loss.value < 100  # large, but finite; clipped as the loss on Metrics is


@given(st.integers(0, 1000), st.floats(0.2, 5))
def test_tempering_keeps_the_answer_and_the_sum(seed: int, temperature: float) -> None:
    scores, _ = draw(20, 5, seed)
    tempered = temper_scores(scores, temperature)
    assert (tempered.argmax(axis=1) == scores.argmax(axis=1)).all()
    np.testing.assert_allclose(tempered.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(temper_scores(tempered, 1 / temperature), scores, atol=1e-5)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_order_of_photos_and_names_of_classes_do_not_matter(seed: int) -> None:
    scores, labels = draw(60, 4, seed, sharpness=2)
    rng = np.random.default_rng(seed)
    photos, classes = rng.permutation(60), rng.permutation(4)
    places = np.argsort(classes)
    one = measure_calibration(scores, labels)
    other = measure_calibration(scores[photos][:, classes], places[labels[photos]])
    assert other.error.value == pytest.approx(one.error.value)
    assert other.loss.value == pytest.approx(one.loss.value)
    assert other.brier.value == pytest.approx(one.brier.value)
    fits = fit_temperature(scores, labels), fit_temperature(scores[photos], labels[photos])
    assert fits[0].temperature == pytest.approx(fits[1].temperature, rel=1e-6)


def test_cross_fitting_never_looks_at_the_photo_itself() -> None:
    scores, labels = draw(200, 4, seed=5, sharpness=2)
    before = cross_fit_scores(scores, labels)
    changed = labels.copy()
    changed[17] = (changed[17] + 1) % 4
    after = cross_fit_scores(scores, changed)
    np.testing.assert_array_equal(after[17], before[17])
    assert (after != before).any()
    np.testing.assert_array_equal(cross_fit_scores(scores, labels), before)


@pytest.mark.parametrize("n", [40, 200, 2000])
def test_the_interval_of_the_calibration_error_holds_it(n: int) -> None:
    rng = np.random.default_rng(n)
    for sharpness in (1.0, 3.0):
        tops = rng.uniform(0.5, 1, n)
        right = rng.random(n) < tops ** (1 / sharpness)
        scores = np.stack([tops, 1 - tops], axis=1)
        found = measure_calibration(scores, np.where(right, 0, 1))
        assert 0 <= found.error.low <= found.error.value <= found.error.high
