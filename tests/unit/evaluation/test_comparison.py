"""Comparisons of two runs: counts by hand, tests against SciPy's and against simulations."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest

from core.evaluation.comparison import (
    adjust_holm,
    bound_unseen,
    compare_predictions,
    count_needed_gains,
    difference_interval,
    exact_mcnemar,
    find_holm_factors,
    photos_to_tell,
)

CLASSES = ("daisy", "rose", "tulip")


def test_gained_lost_and_per_class_are_counted() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    a = np.array([0, 1, 0, 1, 1, 0])
    b = np.array([0, 0, 1, 1, 1, 2])
    compared = compare_predictions(labels, a, b, CLASSES)
    found = (compared.both_right, compared.gained, compared.lost, compared.both_wrong)
    assert found == (3, 1, 1, 1)
    assert compared.n == 6
    assert compared.accuracy_a == compared.accuracy_b == pytest.approx(4 / 6)
    assert compared.difference == 0
    assert compared.judge() == "open"
    table = compared.per_class
    assert table["class"].tolist() == ["daisy", "rose"]  # tulip has no photo
    assert table[["support", "gained", "lost"]].to_numpy().tolist() == [[3, 1, 1], [3, 0, 0]]
    assert table["difference"].tolist() == [0, 0]


@pytest.mark.parametrize(("a", "b", "verdict"), [(60, 90, "better"), (90, 60, "worse")])
def test_a_clear_difference_is_significant(a: int, b: int, verdict: str) -> None:
    labels, place = np.zeros(100, dtype=np.int64), np.arange(100)
    compared = compare_predictions(labels, np.int64(place >= a), np.int64(place >= b), CLASSES)
    assert compared.judge() == verdict


def test_per_class_differences_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(3)
    labels, a, b = rng.integers(0, 3, (3, 500))
    compared = compare_predictions(labels, a, b, CLASSES)
    table = compared.per_class
    assert table["support"].sum() == 500
    weighted = (table["difference"] * table["support"]).sum() / 500
    assert weighted == pytest.approx(compared.difference)
    pd.testing.assert_series_equal(
        table["recall_b"] - table["recall_a"], table["difference"], check_names=False
    )


def test_equal_answers_are_the_same_and_have_no_interval() -> None:
    labels = np.array([0, 1, 2])
    compared = compare_predictions(labels, labels, labels, CLASSES)
    assert compared.judge() == "same"
    assert compared.p_value == 1
    assert all(math.isnan(end) for end in compared.interval)
    assert compared.photos_needed is None


def test_without_photos_nothing_is_claimed() -> None:
    none = np.array([], dtype=np.int64)
    compared = compare_predictions(none, none, none, CLASSES)
    assert compared.n == 0
    assert math.isnan(compared.difference)
    assert compared.judge() == "same"
    assert compared.per_class.empty


def test_arrays_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="differ"):
        compare_predictions(np.array([0]), np.array([0, 1]), np.array([0]), CLASSES)


@pytest.mark.parametrize(
    ("gained", "lost"), [(0, 0), (1, 0), (5, 5), (3, 14), (14, 3), (60, 41), (900, 1100)]
)
def test_mcnemar_is_the_exact_binomial_test(gained: int, lost: int) -> None:
    trials = gained + lost
    expected = binomtest(gained, trials, 0.5).pvalue if trials else 1.0
    assert exact_mcnemar(gained, lost) == pytest.approx(expected, rel=1e-9)


def test_the_interval_is_about_that_of_resampled_photos() -> None:
    gained, lost, n = 31, 12, 551
    photos = np.repeat([1, -1, 0], [gained, lost, n - gained - lost])
    rng = np.random.default_rng(9)
    means = [rng.choice(photos, n).mean() for _ in range(20_000)]
    low, high = difference_interval(gained, lost, n)
    expected = np.percentile(means, [2.5, 97.5])
    assert (low, high) == pytest.approx(tuple(expected), abs=0.004)
    assert difference_interval(lost, gained, n) == pytest.approx((-high, -low))


@pytest.mark.parametrize("level", [0.05, 0.01])
def test_the_interval_holds_0_where_the_test_tells_nothing_apart(level: float) -> None:
    for gained, lost in itertools.product(range(14), repeat=2):
        if gained == lost == 0:
            continue
        low, high = difference_interval(gained, lost, 40, level=level)
        assert -1 <= low <= (gained - lost) / 40 <= high <= 1
        assert (low > 0 or high < 0) == (exact_mcnemar(gained, lost) < level)


@pytest.mark.parametrize(
    ("n", "shares"), [(20, (0.3, 0.1)), (75, (0.1, 0.02)), (551, (0.06, 0.04)), (551, (0.05, 0))]
)
def test_the_interval_covers_the_truth(n: int, shares: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    trials = rng.multinomial(n, [*shares, 1 - sum(shares)], size=300)
    told = [(int(g), int(l)) for g, l, _ in trials if g + l]  # noqa: E741
    ends = [difference_interval(*one, n) for one in told]
    held = np.mean([low <= shares[0] - shares[1] <= high for low, high in ends])
    assert held >= 0.93


def test_the_number_of_photos_needed_has_the_power_it_promises() -> None:
    needed = photos_to_tell(60, 40, 1000)  # 6 % gained, 4 % lost
    assert needed is not None
    rng = np.random.default_rng(5)
    trials = rng.multinomial(needed, [0.06, 0.04, 0.90], size=1500)
    found = np.mean([exact_mcnemar(int(g), int(l)) < 0.05 for g, l, _ in trials])  # noqa: E741
    assert 0.75 <= found <= 0.84  # the exact test is a little careful
    assert photos_to_tell(40, 60, 1000) == needed
    assert photos_to_tell(7, 7, 100) is None


def test_holm_adjusts_the_smallest_most_and_keeps_the_order() -> None:
    assert adjust_holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert adjust_holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert adjust_holm([]).tolist() == []


@pytest.mark.parametrize("lost", (0, 1, 2, 5, 20, 100))
def test_the_needed_gain_is_significant_and_one_less_is_not(lost: int) -> None:
    gained = count_needed_gains(lost)
    assert binomtest(gained, gained + lost).pvalue < 0.05
    assert binomtest(gained - 1, gained - 1 + lost).pvalue >= 0.05


def test_the_bound_of_an_unseen_share() -> None:
    for n in (1, 10, 551):
        assert binom.pmf(0, n, bound_unseen(n)) == pytest.approx(0.025)


def test_adjusted_intervals_agree_with_adjusted_tests_and_hold_together() -> None:
    rng, n, missed = np.random.default_rng(0), 200, 0
    truths = np.array([0.0, 0.0, 0.05, 0.12])
    for _ in range(150):
        lost = rng.binomial(n, 0.05, 4)
        gained = rng.binomial(n - lost, (0.05 + truths) / 0.95)
        p_values = [exact_mcnemar(int(a), int(b)) for a, b in zip(gained, lost, strict=True)]
        adjusted, factors = adjust_holm(p_values), find_holm_factors(p_values)
        rows = zip(gained, lost, factors, strict=True)
        ends = np.array(
            [difference_interval(int(a), int(b), n, level=0.05 / factor) for a, b, factor in rows]
        )
        assert np.array_equal((ends > 0).all(axis=1) | (ends < 0).all(axis=1), adjusted < 0.05)
        missed += bool(((ends[:, 0] > truths) | (ends[:, 1] < truths)).any())
    assert missed <= 14  # 5 % of 150, and three standard errors


def test_an_interval_is_adjusted_where_p_is_1() -> None:
    # p = 1 was capped at 1, so that its factor of 3 was lost.
    assert find_holm_factors([1.0, 0.9, 0.8]).tolist() == [3, 3, 3]
    assert find_holm_factors([0.02, 0.001, 0.03]).tolist() == [2, 3, 1]  # by Holm's steps alone
    low, high = difference_interval(10, 10, 100)
    wide = compare_predictions(*make_changes(10, 10, 100), CLASSES)
    assert replace(wide, factor=3).interval[0] < low < high < replace(wide, factor=3).interval[1]


def make_changes(gained: int, lost: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels and two predictions of n photos with these changes."""
    place = np.arange(n)
    return np.zeros(n, np.int64), np.int64(place < gained), np.int64(place >= n - lost)
