"""Promotion, rollback and the challenger; several promotions at once."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from core.errors import PetalscopeError, PromotionRefused, VersionDamaged, VersionMissing
from core.registry.events import EventKind, ModelEvent, list_champions, list_events
from core.registry.evidence import evidence_from_facts
from core.registry.promoting import promote, roll_back, set_challenger
from core.registry.store import ModelVersion, find_version, read_aliases
from core.workspace import Workspace
from tests.registered import change_byte, change_row, register_versions, show_evidence, version_file


@pytest.fixture
def versions(trained_copy: Workspace) -> list[ModelVersion]:
    return register_versions(trained_copy, 4)


def test_the_first_champion_needs_a_reason_only(
    trained_copy: Workspace, versions: list[ModelVersion]
) -> None:
    for reason in ("", "  \n"):
        with pytest.raises(PromotionRefused, match="reason"):
            promote(trained_copy, 1, reason=reason, override=True)
    event = promote(trained_copy, 1, reason=" to begin with ", who="Ada")
    assert (event.kind, event.version, event.former) == ("promoted", 1, None)
    assert (event.reason, event.who, event.facts) == ("to begin with", "Ada", {"override": False})
    assert list_events(trained_copy)[0] == event
    assert find_version(trained_copy, "champion") == versions[0]
    with pytest.raises(PromotionRefused, match="already"):
        promote(trained_copy, 1, reason="again", override=True)
    with pytest.raises(VersionMissing):
        promote(trained_copy, 9, reason="who?")


def test_a_later_one_needs_a_gain_that_is_real_or_an_override(
    trained_copy: Workspace, versions: list[ModelVersion]
) -> None:
    first, second, third, _ = versions
    promote(trained_copy, 1, reason="first")
    with pytest.raises(PromotionRefused, match="not compared"):
        promote(trained_copy, 2, reason="better, I think")
    small = show_evidence(first, second, gained=6, lost=5)
    loss = show_evidence(first, second, gained=5, lost=40)
    assert loss.p_value < 0.05
    for evidence in (small, loss):
        with pytest.raises(PromotionRefused, match="not significantly better"):
            promote(trained_copy, 2, reason="better, I think", evidence=evidence)
    assert read_aliases(trained_copy) == {"champion": 1}
    assert len([e for e in list_events(trained_copy) if e.kind == "promoted"]) == 1
    gain = show_evidence(first, second)
    event = promote(trained_copy, 2, reason="better", evidence=gain)
    assert event.former == 1
    assert evidence_from_facts(list_events(trained_copy)[0].facts) == gain
    event = promote(trained_copy, 3, reason="its rule is stricter", override=True)
    assert event.facts == {"override": True}
    assert find_version(trained_copy, "champion") == third


def test_evidence_of_other_models_does_not_count(
    trained_copy: Workspace, versions: list[ModelVersion]
) -> None:
    first, second, third, _ = versions
    promote(trained_copy, 1, reason="first")
    for evidence in (show_evidence(third, second), show_evidence(first, third)):
        for override in (False, True):
            with pytest.raises(PromotionRefused, match="evidence compares"):
                promote(trained_copy, 2, reason="so", evidence=evidence, override=override)
    with pytest.raises(PromotionRefused, match="has changed in the meantime"):
        promote(trained_copy, 2, reason="so", override=True, instead_of=3)


@pytest.mark.usefixtures("versions")
def test_the_challenger_is_one_until_it_answers(trained_copy: Workspace) -> None:
    promote(trained_copy, 1, reason="first")
    with pytest.raises(PromotionRefused, match="champion"):
        set_challenger(trained_copy, 1)
    set_challenger(trained_copy, 2, reason="retrained")
    set_challenger(trained_copy, 2)  # nothing new
    set_challenger(trained_copy, 3, who="Ada")
    told = [e for e in list_events(trained_copy) if e.kind == "challenger"]
    assert [(event.version, event.former) for event in told] == [(3, 2), (2, None)]
    assert read_aliases(trained_copy) == {"champion": 1, "challenger": 3}
    promote(trained_copy, 3, reason="it is better", override=True)
    assert read_aliases(trained_copy) == {"champion": 3}


def test_rollback_goes_back_step_by_step(
    trained_copy: Workspace, versions: list[ModelVersion]
) -> None:
    with pytest.raises(PromotionRefused, match="no champion"):
        roll_back(trained_copy, reason="oops")
    promote(trained_copy, 1, reason="first")
    with pytest.raises(PromotionRefused, match="first champion"):
        roll_back(trained_copy, reason="oops")
    for number in (2, 3):
        promote(trained_copy, number, reason="next", override=True)
    set_challenger(trained_copy, 2)
    assert roll_back(trained_copy, reason="wrong answers", who="Ada") == versions[1]
    assert read_aliases(trained_copy) == {"champion": 2}  # no longer the challenger
    event = list_events(trained_copy)[0]
    assert (event.kind, event.version, event.former) == ("rolled_back", 2, 3)
    assert (event.who, event.reason) == ("Ada", "wrong answers")
    promote(trained_copy, 4, reason="another", override=True)
    assert roll_back(trained_copy, reason="no").number == 2
    assert roll_back(trained_copy, reason="no").number == 1
    with pytest.raises(PromotionRefused):
        roll_back(trained_copy, reason="no")


def test_rollback_passes_over_a_damaged_version(
    trained_copy: Workspace, versions: list[ModelVersion]
) -> None:
    for version in versions[:3]:
        promote(trained_copy, version.number, reason="next", override=True)
    change_row(trained_copy, versions[1], "digest", "0" * 64)
    assert roll_back(trained_copy, reason="wrong answers").number == 1
    assert list_events(trained_copy)[0].facts == {"skipped": [2]}
    promote(trained_copy, 3, reason="again", override=True)
    change_byte(version_file(trained_copy, versions[0], "head"))
    with pytest.raises(VersionDamaged):
        roll_back(trained_copy, reason="wrong answers")
    assert read_aliases(trained_copy)["champion"] == 3


@pytest.mark.parametrize(
    ("apart", "first"), [("threads", True), ("threads", False), ("processes", False)]
)
def test_one_of_several_promotions_at_once_wins(
    trained_copy: Workspace, versions: list[ModelVersion], apart: str, first: bool
) -> None:
    former = None if first else 1
    if not first:
        promote(trained_copy, 1, reason="first")
    evidence = [show_evidence(versions[0], versions[number]) for number in (1, 2, 3)]
    given = [(one.challenger, None if first else one) for one in evidence for _ in range(2)]
    deeds = [(trained_copy, *one) for one in given]
    if apart == "threads":
        with ThreadPoolExecutor(len(deeds)) as pool:
            answers = list(pool.map(_try, deeds))
    else:
        spawned = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(3, spawned, initializer=sys.path.append, initargs=("",)) as pool:
            answers = list(pool.map(_try, deeds))
    winners = [number for number in answers if number is not None]
    assert len(winners) == 1
    assert read_aliases(trained_copy) == {"champion": winners[0]}
    promoted = [event for event in list_events(trained_copy) if event.kind == "promoted"]
    assert (promoted[0].version, promoted[0].former) == (winners[0], former)
    assert len(promoted) == (1 if first else 2)


def _try(deed: tuple[Workspace, int, object]) -> int | None:
    """Return the number that became champion; None when it was refused."""
    workspace, number, evidence = deed
    try:
        promote(workspace, number, reason="at once", evidence=evidence)  # type: ignore[arg-type]
    except PetalscopeError:
        return None
    return number


def test_champions_stand_behind_one_another() -> None:
    def line(*deeds: tuple[EventKind, int]) -> list[int]:
        return list_champions([ModelEvent(*deed) for deed in deeds])

    assert line() == []
    assert line(("promoted", 1), ("promoted", 2), ("promoted", 1)) == [1, 2, 1]
    assert line(("promoted", 1), ("promoted", 2), ("rolled_back", 1)) == [1]
    assert line(("promoted", 1), ("promoted", 2), ("promoted", 3), ("deleted", 2)) == [1, 3]
    assert line(("rolled_back", 4)) == []
