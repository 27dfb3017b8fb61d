"""Events and evidence in words."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import get_args

from core.registry.events import (
    EventKind,
    ModelEvent,
    describe_event,
    title_event,
)
from core.registry.evidence import Evidence, describe_evidence, evidence_from_facts

KINDS = get_args(EventKind)
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
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


def make_event(kind: EventKind, hour: float = 0, **given: object) -> ModelEvent:
    values: dict[str, object] = {
        "number": 1,
        "time": START + timedelta(hours=hour),
        "version": None,
        "former": None,
        "who": "",
        "reason": "",
        **given,
    }
    return ModelEvent(kind=kind, **values)  # type: ignore[arg-type]


def test_evidence_says_both_accuracies_with_n_and_interval() -> None:
    assert describe_evidence(EVIDENCE) == (
        "84.4 % right against 79.3 %, on the same 551 test photos: +5.1 points, 95 % interval "
        "+2.4 points to +7.6 points; 40 gained, 12 lost, p = 0.00012."
    )
    assert evidence_from_facts({"evidence": dataclasses.asdict(EVIDENCE)}) == EVIDENCE
    older = dataclasses.asdict(EVIDENCE) | {"low": 0.02, "high": 0.08}
    del older["turn"]
    assert evidence_from_facts({"evidence": older}) == EVIDENCE
    assert evidence_from_facts({"evidence": {"n": 3}}) is None
    assert evidence_from_facts({}) is None


def test_every_kind_of_event_has_words() -> None:
    titles = {kind: title_event(make_event(kind, version=2, former=1)) for kind in KINDS}
    assert len(set(titles.values())) == len(KINDS)
    assert titles["promoted"] == "v2 answers, instead of v1"
    assert titles["rolled_back"] == "Rolled back from v1: v2 answers again"
    assert titles["refused"] == "v2 was refused: v1 answers instead"
    for kind in KINDS:  # none of them needs a version
        assert "None" not in title_event(make_event(kind))
    kept = make_event("challenger", former=3, facts={"kept": 1})
    assert title_event(kept) == "v1 goes on: v3 challenges nobody any more"


def test_a_promotion_says_why_and_on_what_it_rests() -> None:
    facts = {"evidence": dataclasses.asdict(EVIDENCE), "override": False}
    event = make_event(
        "promoted", version=2, former=1, who="Ada", reason="better on roses", facts=facts
    )
    words = describe_event(event)
    assert words.startswith("v2 answers, instead of v1. 84.4 % right")
    assert words.endswith("“better on roses” (Ada)")
    assert "Without proof" not in words
    forced = make_event("promoted", version=2, former=1, facts={"override": True})
    assert "Without proof of a gain." in describe_event(forced)
