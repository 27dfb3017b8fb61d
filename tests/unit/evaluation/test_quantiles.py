"""Quantiles: the interval holds the truth as often as it says, whatever the shape."""

import numpy as np

from core.evaluation.intervals import estimate_quantile


def test_the_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth = np.exp(1.6448536269514722)  # of the log-normal
    held = 0
    for _ in range(400):
        found = estimate_quantile(rng.lognormal(size=120), 0.95)
        held += found.low <= truth <= (np.inf if np.isnan(found.high) else found.high)
    assert 0.93 <= held / 400 <= 1


def test_few_values_bound_it_on_one_side_or_none() -> None:
    ten = estimate_quantile(np.arange(10.0), 0.95)
    assert np.isnan(ten.high) and ten.low == 7
    assert np.isnan(estimate_quantile(np.array([3.0]), 0.5).low)
    none = estimate_quantile(np.array([]), 0.95)
    assert none.n == 0 and np.isnan(none.value)
