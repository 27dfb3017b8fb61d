"""Events and evidence in words: honest about chance and repeated comparisons."""

import dataclasses
from typing import get_args

from core.evaluation.comparison import exact_mcnemar
from core.registry.events import EventKind, ModelEvent, describe_event, title_event
from core.registry.evidence import (
    Evidence,
    count_tries,
    describe_evidence,
    evidence_from_facts,
    explain_evidence,
    judge_evidence,
)

KINDS = get_args(EventKind)
EVIDENCE = Evidence(
    champion=1,
    challenger=2,
    n=551,
    accuracy_champion=437 / 551,
    accuracy_challenger=465 / 551,
    gained=40,
    lost=12,
    p_value=0.00012,
    split="test",
    dataset_id="15ec4e559f5560da",
)


def test_evidence_says_both_accuracies_with_n_and_interval() -> None:
    assert describe_evidence(EVIDENCE) == (
        "Accuracy 84.4 % against 79.3 % on the same 551 test photos: +5.1 points, 95 % interval "
        "+2.4 points to +7.6 points; 40 gained, 12 lost, p = 0.00012."
    )
    assert evidence_from_facts({"evidence": dataclasses.asdict(EVIDENCE)}) == EVIDENCE
    older = dataclasses.asdict(EVIDENCE) | {"low": 0.02, "high": 0.08}
    del older["turn"]
    assert evidence_from_facts({"evidence": older}) == EVIDENCE
    assert evidence_from_facts({"evidence": {"n": 3}}) is None
    assert evidence_from_facts({}) is None


def test_every_kind_of_event_has_words() -> None:
    titles = {kind: title_event(ModelEvent(kind, version=2, former=1)) for kind in KINDS}
    assert len(set(titles.values())) == len(KINDS)
    assert titles["promoted"] == "v2 became the champion instead of v1"
    assert titles["rolled_back"] == "Rolled back from v1: v2 answers again"
    assert titles["refused"] == "v2 was refused: v1 answers"
    for kind in KINDS:  # none of them needs a version
        assert "None" not in title_event(ModelEvent(kind))
    kept = ModelEvent("challenger", former=3, facts={"kept": 1})
    assert title_event(kept) == "v1 stays champion: v3 is no longer the challenger"


def test_a_promotion_says_why_and_on_what_it_rests() -> None:
    facts = {"evidence": dataclasses.asdict(EVIDENCE), "override": False}
    event = ModelEvent(
        "promoted", version=2, former=1, who="Ada", reason="better on roses", facts=facts
    )
    words = describe_event(event)
    assert words.startswith("v2 became the champion instead of v1. Accuracy 84.4 %")
    assert words.endswith("“better on roses” (Ada)")
    assert "Without proof" not in words
    forced = ModelEvent("promoted", version=2, former=1, facts={"override": True})
    assert "Without proof of a gain." in describe_event(forced)


def show(gained: int, lost: int, n: int, right: int) -> Evidence:
    """Return evidence on n photos, of which the champion gets `right` right."""
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
    assert judge_evidence(show(0, 0, 200, 120)) == "Both are right on the same photos"
    open_one = show(9, 5, 200, 120)
    assert judge_evidence(open_one) == "Inconclusive"
    assert "5 lost, a significant gain needs at least 15 gained" in explain_evidence(open_one)
    assert exact_mcnemar(15, 5) < 0.05 <= exact_mcnemar(14, 5)


def test_a_champion_that_is_hardly_wrong_cannot_be_beaten_on_these_photos() -> None:
    best = show(4, 0, 51, 47)
    assert judge_evidence(best) == "Too few photos"
    assert "wrong on 4 of 51 test photos" in explain_evidence(best)
    assert "a significant gain needs 6 gained photos" in explain_evidence(best)


def test_a_later_challenger_is_judged_alike_and_the_tries_are_counted() -> None:
    first = show(16, 5, 200, 120)
    later = dataclasses.replace(first, turn=4)
    assert judge_evidence(first) == judge_evidence(later) == "The challenger is better"
    assert later.is_significant_gain and count_tries(first) == ""
    assert count_tries(later).startswith("This is the 4th challenger compared on these photos;")
