"""Wilson's interval: published values, its edges, and how it covers the truth."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from core.evaluation.intervals import wilson_interval


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_equals_scipy(case: tuple[int, int]) -> None:
    successes, n = case
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(successes, n)
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize("confidence", [0.90, 0.95, 0.99])
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


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_covers_the_truth_about_95_times_in_100(share: float) -> None:
    n = 60
    covered = [wilson_interval(k, n)[0] <= share <= wilson_interval(k, n)[1] for k in range(n + 1)]
    assert 0.92 <= sum(binom.pmf(range(n + 1), n, share) * covered) <= 0.98
