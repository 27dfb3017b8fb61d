"""The smallest gain that can be shown, and what n photos without a difference leave open."""

import pytest
from scipy.stats import binom, binomtest

from core.evaluation.comparison import bound_unseen, count_needed_gains


@pytest.mark.parametrize("lost", (0, 1, 2, 5, 20, 100))
def test_the_least_gain_is_shown_and_one_less_is_not(lost: int) -> None:
    gained = count_needed_gains(lost)
    assert binomtest(gained, gained + lost).pvalue < 0.05
    assert binomtest(gained - 1, gained - 1 + lost).pvalue >= 0.05


def test_without_a_loss_it_takes_six() -> None:
    assert count_needed_gains(0) == 6


def test_what_never_happened_in_n_may_be_as_frequent_as_the_bound() -> None:
    for n in (1, 10, 551):
        assert binom.pmf(0, n, bound_unseen(n)) == pytest.approx(0.025)
