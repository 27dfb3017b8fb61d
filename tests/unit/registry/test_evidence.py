"""What a meeting proves, in words: honest about chance, and about how often it was asked."""

import dataclasses

from core.evaluation.comparison import exact_mcnemar
from core.registry.evidence import Evidence, count_tries, explain_evidence, judge_evidence


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


def test_a_later_challenger_is_judged_alike_and_the_tries_are_counted() -> None:
    first = show(16, 5, 200, 120)
    later = dataclasses.replace(first, turn=4)
    assert judge_evidence(first) == judge_evidence(later) == "The challenger is better"
    assert later.is_significant_gain and count_tries(first) == ""
    assert count_tries(later).startswith("This is the 4th challenger compared on these photos;")
