"""What a meeting proves, in words: honest about chance, and about how often it was asked."""

import dataclasses

import pytest
from scipy.stats import binomtest

from core.evaluation.comparison import exact_mcnemar
from core.registry.evidence import Evidence, explain_evidence, explain_level, judge_evidence


def show(gained: int, lost: int, n: int, right: int) -> Evidence:
    """Return evidence of a champion that is right on so many."""
    return Evidence(
        champion=1,
        challenger=2,
        n=n,
        accuracy_champion=right / n,
        accuracy_challenger=(right + gained - lost) / n,
        gained=gained,
        lost=lost,
        p_value=exact_mcnemar(gained, lost),
        low=-0.1,
        high=0.1,
        split="test",
        dataset_id="0" * 16,
    )


def test_what_evidence_proves_in_words() -> None:
    assert judge_evidence(show(30, 5, 200, 120)) == "The challenger is better"
    assert judge_evidence(show(5, 30, 200, 120)) == "The challenger is worse"
    assert judge_evidence(show(0, 0, 200, 120)) == "Both answer alike"
    open_one = show(9, 5, 200, 120)
    assert judge_evidence(open_one) == "Not told apart"
    assert "with 5 lost it takes 15 gained" in explain_evidence(open_one)
    assert exact_mcnemar(15, 5) < 0.05 <= exact_mcnemar(14, 5)


def test_a_champion_that_is_hardly_wrong_cannot_be_beaten_on_these_photos() -> None:
    best = show(4, 0, 51, 47)
    assert judge_evidence(best) == "These photos cannot tell"
    assert "wrong on 4 of 51 test photos" in explain_evidence(best)
    assert "that takes 6 photos" in explain_evidence(best)


def test_what_a_first_challenger_proves_a_later_one_does_not() -> None:
    first = show(16, 5, 200, 120)
    later = dataclasses.replace(first, turn=4)
    assert first.p_value == pytest.approx(0.027, abs=0.001)
    assert judge_evidence(first) == "The challenger is better" and explain_level(first) == ""
    assert judge_evidence(later) == "Not told apart" and not later.is_significant_gain
    assert "with 5 lost it takes 21 gained" in explain_evidence(later)
    assert binomtest(21, 26).pvalue < later.level <= binomtest(20, 25).pvalue
    words = explain_level(later)
    assert "judged 3 other challengers before" in words and "p < 0.0038 counts" in words
