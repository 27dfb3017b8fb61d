"""The smallest gain that can be shown, and what repeated comparisons do."""

import pytest
from scipy.stats import binom, binomtest

from core.evaluation.comparison import bound_unseen, count_needed_gains, level_of_turn


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


@pytest.mark.parametrize("level", (0.015, 0.0004))
def test_a_stricter_level_takes_more(level: float) -> None:
    gained = count_needed_gains(3, level)
    assert gained > count_needed_gains(3)
    assert binomtest(gained, gained + 3).pvalue < level <= binomtest(gained - 1, gained + 2).pvalue
    assert binom.pmf(0, 551, bound_unseen(551, level)) == pytest.approx(level / 2)


def test_however_many_challengers_come_a_false_gain_stays_improbable() -> None:
    levels = [level_of_turn(turn) for turn in range(1, 100_000)]
    assert levels[0] == 0.05 and sorted(levels, reverse=True) == levels
    assert 0.044 < sum(levels) / 2 < 0.05
    assert sum([0.05] * 12) / 2 > 0.25, "what a year of retraining would come to at 0.05 each"
