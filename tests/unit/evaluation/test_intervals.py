"""Intervals: published values, their edges, and how they cover the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm

from core.evaluation.intervals import (
    estimate_quantile,
    f1_interval,
    logit_interval,
    mean_interval,
    wilson_interval,
)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_equals_scipy_but_for_rare_events(case: tuple[int, int]) -> None:
    successes, n = case
    level = 2 * norm.cdf(norm.ppf(0.975) + 10 / (n + 20)) - 1
    expected = binomtest(successes, n).proportion_ci(level, method="wilson")
    low, high = wilson_interval(successes, n)
    rare = 2 if n <= 50 else 3  # at so few hits or misses the end may be further out
    assert low <= expected.low + 1e-12 and high >= expected.high - 1e-12
    if not 0 < successes <= rare:
        assert low == pytest.approx(expected.low, abs=1e-12)
    if not 0 < n - successes <= rare:
        assert high == pytest.approx(expected.high, abs=1e-12)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize("confidence", [0.90, 0.99])
def test_confidence_is_taken(confidence: float) -> None:
    expected = binomtest(30, 40).proportion_ci(confidence, method="wilson")
    low, high = wilson_interval(30, 40, confidence)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_no_photos_have_no_interval() -> None:
    assert all(math.isnan(end) for end in wilson_interval(0, 0))


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (1, 0)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        wilson_interval(successes, n)


@pytest.mark.parametrize("n", [*range(1, 60), 75, 100, 200, 500])
def test_covers_the_truth_about_95_times_in_100(n: int) -> None:
    low, high = np.array([wilson_interval(hits, n) for hits in range(n + 1)]).T[:, :, None]
    shares = np.linspace(0.005, 0.995, 199)
    held = (low - 1e-12 <= shares) & (shares <= high + 1e-12)
    covered = (binom.pmf(np.arange(n + 1)[:, None], n, shares) * held).sum(axis=0)
    assert covered.min() >= 0.93
    assert covered.mean() <= (0.98 if n >= 10 else 1)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_f1_lies_in_its_interval(hits: int, missed: int, taken: int) -> None:
    low, high = f1_interval(hits, hits + missed + taken)
    if hits + missed + taken == 0:
        assert math.isnan(low) and math.isnan(high)
        return
    f1 = 2 * hits / (2 * hits + missed + taken)
    assert 0 <= low <= f1 + 1e-12 and f1 - 1e-12 <= high <= 1


def test_f1_is_covered_about_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([0.1, 0.03, 0.04, 0.83])  # hit, missed, taken for it, neither
    truth = 2 * 0.1 / (2 * 0.1 + 0.07)
    covered = 0
    for hits, missed, taken, _ in rng.multinomial(400, shares, size=1000):
        low, high = f1_interval(int(hits), int(hits + missed + taken))
        covered += low <= truth <= high
    assert 930 <= covered <= 975


def test_log_odds_keep_within_bounds() -> None:
    low, high = logit_interval(0.99, 0.01)
    assert 0.9 < low < 0.99 < high < 1
    assert all(math.isnan(end) for end in logit_interval(1.0, 0.1))
    assert all(math.isnan(end) for end in logit_interval(0.5, 0.0))


def test_a_mean_loss_has_an_interval_on_a_logarithmic_scale_from_100_photos_on() -> None:
    losses = np.random.default_rng(0).exponential(1.0, 400)
    found = mean_interval(losses)
    assert found.low * found.high == pytest.approx(found.value**2)
    assert np.log(found.high / found.value) == pytest.approx(1.96 / 20, rel=0.1)
    few = mean_interval(losses[:99])
    assert few.value == pytest.approx(losses[:99].mean()) and math.isnan(few.low)
    assert "100 photos" in few.reason


def test_the_interval_of_a_quantile_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth = np.exp(1.6448536269514722)  # of the log-normal
    held = 0
    for _ in range(400):
        found = estimate_quantile(rng.lognormal(size=120), 0.95)
        held += found.low <= truth <= (np.inf if np.isnan(found.high) else found.high)
    assert 0.93 <= held / 400 <= 1


def test_few_values_bound_a_quantile_on_one_side_or_none() -> None:
    ten = estimate_quantile(np.arange(10.0), 0.95)
    assert np.isnan(ten.high) and ten.low == 7
    assert np.isnan(estimate_quantile(np.array([3.0]), 0.5).low)
    none = estimate_quantile(np.array([]), 0.95)
    assert none.n == 0 and np.isnan(none.value)
