"""Two samples, one of them weighted: distances, how often chance gives them, and the weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from core.evaluation.drift import (
    distance_p_values,
    effective_number,
    measure_distances,
    weigh_groups,
    weighted_median,
)

values = st.lists(st.integers(-5, 5), min_size=1, max_size=20)


@given(values, values)
def test_without_weights_it_is_the_distance_of_kolmogorov_and_smirnov(
    some: list[int], others: list[int]
) -> None:
    reference, current = (np.array(numbers, dtype=float)[:, None] for numbers in (some, others))
    (found,) = measure_distances(reference, np.ones(len(some)), current)
    gaps = [abs((reference <= at).mean() - (current <= at).mean()) for at in range(-5, 6)]
    assert found == pytest.approx(max(gaps))


def test_a_weight_of_two_is_as_good_as_a_copy() -> None:
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=(20, 3)), rng.normal(size=(15, 3))
    twice = np.concatenate([reference, reference[:5]])
    weights = np.where(np.arange(20) < 5, 2.0, 1.0)
    np.testing.assert_allclose(
        measure_distances(reference, weights, current),
        measure_distances(twice, np.ones(25), current),
    )


def test_p_values_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    reference, current = rng.normal(size=300), rng.normal(0.15, size=200)
    exact = ks_2samp(reference, current, method="exact")
    (found,) = distance_p_values(np.array([exact.statistic]), 300, 200)
    assert found == pytest.approx(exact.pvalue, rel=0.1)


def test_the_weighted_reference_has_the_mix_of_now() -> None:
    reference = np.array([0, 0, 0, 1, 2])
    current = np.array([0, 1, 1, 1, 7, -1])
    weights = weigh_groups(reference, current)
    np.testing.assert_allclose(weights, [1 / 3, 1 / 3, 1 / 3, 3, 0])
    assert weights.sum() == 4  # the two of unknown groups count for nothing
    assert effective_number(np.ones(9)) == 9
    assert effective_number(np.array([1.0, 0, 0])) == 1
    assert effective_number(np.zeros(3)) == 0


def test_the_median_takes_the_weights() -> None:
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.ones(3)) == 2
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([9.0, 1, 1])) == 3
    assert np.isnan(weighted_median(np.array([1.0]), np.zeros(1)))
