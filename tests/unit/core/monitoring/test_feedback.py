"""Feedback and its review on each database: states, refusals, changes of mind, two reviewers."""

import threading

import pytest

from core.errors import FeedbackRefused
from core.monitoring.feedback import (
    count_feedback,
    give_feedback,
    list_feedback,
    match_class,
    read_feedback,
    restore_reviews,
    review_feedback,
)
from core.monitoring.kept_photos import find_kept
from core.monitoring.log import log_predictions, read_predictions
from core.workspace import Workspace
from tests.predictions import ask_and_tell, make_prediction

PHOTO = b"the bytes of a photo"


@pytest.fixture
def asked(on_each_database: Workspace) -> Workspace:
    """A log of six answers, each of them “daisy”."""
    log_predictions(on_each_database, [make_prediction(n, PHOTO + b"%d" % n) for n in range(6)])
    return on_each_database


def tell(workspace: Workspace, number: int, class_name: str = "rose") -> int:
    return give_feedback(workspace, f"prediction-{number}", class_name=class_name).number


def test_what_a_person_says_waits_with_all_that_a_reviewer_needs(asked: Workspace) -> None:
    told = give_feedback(
        asked,
        "prediction-1",
        class_name="  rosé  garden ",
        photo=PHOTO + b"1",
        who="me",
        note="seen\nin *May*\x00",
    )
    assert (told.class_name, told.note, told.who) == ("rosé garden", "seen in *May*", "me")
    assert (told.state, told.was_right, told.is_open) == ("waiting", False, True)
    assert (told.top, told.source, told.run_id) == ("daisy", "page", "0123456789abcdef")
    assert find_kept(asked, [told.photo])
    right = give_feedback(asked, "prediction-2", class_name="daisy")
    assert right.was_right and not find_kept(asked, [right.photo])
    assert [one.number for one in list_feedback(asked)] == [right.number, told.number]
    assert list_feedback(asked, state="waiting", limit=1) == [right]


def test_what_cannot_be_told_is_refused_and_leaves_nothing(asked: Workspace) -> None:
    for id, facts, problem in (
        ("nobody's", {"class_name": "rose"}, "no such prediction"),
        ("prediction-0", {"class_name": "rose", "photo": b"another"}, "not the photo"),
        ("prediction-0", {"class_name": "  "}, "name cannot be used"),
        ("prediction-0", {"class_name": "x" * 101}, "name cannot be used"),
        ("prediction-0", {"class_name": "ro\u202ese"}, "name cannot be used"),
        ("prediction-0", {"class_name": "rose", "note": "x" * 501}, "500 are kept"),
    ):
        with pytest.raises(FeedbackRefused, match=problem):
            give_feedback(asked, id, **facts)  # type: ignore[arg-type]
    assert list_feedback(asked) == [] and not asked.kept_photos.exists()


def test_a_change_of_mind_replaces_what_waits_but_not_what_was_reviewed(asked: Workspace) -> None:
    first, second = tell(asked, 0), tell(asked, 0, "tulip")
    assert first == second
    assert [one.class_name for one in list_feedback(asked)] == ["tulip"]
    review_feedback(asked, [first], "accept")
    third = tell(asked, 0, "rose")
    assert third != first and count_feedback(asked)["waiting"] == 1


def test_a_review_accepts_relabels_discards_and_is_taken_back(asked: Workspace) -> None:
    numbers = [tell(asked, n) for n in range(4)]
    assert review_feedback(asked, numbers[:1], "accept", reviewer="her") == 1
    assert review_feedback(asked, numbers[1:3], "relabel", class_name="tulip") == 2
    assert review_feedback(asked, numbers[3:], "discard") == 1
    states = {"waiting": 0, "accepted": 1, "relabelled": 2, "discarded": 1, "used": 0}
    assert count_feedback(asked) == states
    found = read_feedback(asked, numbers)
    assert [one.final_class for one in found] == ["rose", "tulip", "tulip", None]
    assert found[0].reviewer == "her" and found[0].reviewed is not None
    review_feedback(asked, numbers[:2], "reopen")
    again = read_feedback(asked, numbers[:2])
    assert [(one.state, one.final_class, one.reviewed) for one in again] == [
        ("waiting", None, None)
    ] * 2
    former = [(one.number, one.state, one.final_class) for one in found]
    assert restore_reviews(asked, former, "him") == 4
    assert count_feedback(asked) == states
    assert [one.final_class for one in read_feedback(asked, numbers)] == [
        one.final_class for one in found
    ]


def test_an_undo_leaves_what_another_reviewer_decided(asked: Workspace) -> None:
    numbers = [tell(asked, n) for n in range(3)]
    former = [(one.number, one.state, one.final_class) for one in read_feedback(asked, numbers)]
    review_feedback(asked, numbers[:1], "relabel", class_name="tulip", reviewer="him")
    assert review_feedback(asked, numbers, "discard", reviewer="her", expected="waiting") == 2
    assert restore_reviews(asked, former, "her", action="discard") == 2
    left = [(one.state, one.final_class) for one in read_feedback(asked, numbers)]
    assert left == [("relabelled", "tulip"), ("waiting", None), ("waiting", None)]


def test_another_spelling_of_the_answer_is_right(asked: Workspace) -> None:
    row = make_prediction(7, PHOTO, top="oxeye daisy")
    log_predictions(asked, [row])
    told = give_feedback(asked, row.id, class_name="Oxeye_Daisy")
    assert told.was_right and told.class_name == "oxeye daisy"
    review_feedback(asked, [told.number], "relabel", class_name="Oxeye-Daisy")
    assert read_predictions(asked)["was_right"].dropna().all()


@pytest.mark.parametrize("name", [None, "", "  "])
def test_to_relabel_needs_a_class(asked: Workspace, name: str | None) -> None:
    number = tell(asked, 0)
    with pytest.raises(FeedbackRefused):
        review_feedback(asked, [number], "relabel", class_name=name)
    assert count_feedback(asked)["waiting"] == 1


def test_of_two_reviewers_one_decides(asked: Workspace) -> None:
    numbers = [tell(asked, n) for n in range(6)]
    done: dict[str, int] = {}

    def decide(action: str) -> None:
        done[action] = sum(
            review_feedback(asked, [number], action, expected="waiting")  # type: ignore[arg-type]
            for number in numbers
        )

    threads = [threading.Thread(target=decide, args=[name]) for name in ("accept", "discard")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done.values()) == 6
    counts = count_feedback(asked)
    assert (counts["accepted"], counts["discarded"]) == (done["accept"], done["discard"])


def test_photos_come_along_with_what_is_told(on_each_database: Workspace) -> None:
    told = ask_and_tell(on_each_database, 7, PHOTO, "rose", version=2, source="api", kind="unlike")
    assert (told.version, told.source, told.kind) == (2, "api", "unlike")
    assert find_kept(on_each_database, [told.photo]) == {told.photo}
    assert read_feedback(on_each_database, [told.number, 999]) == [told]


def test_a_class_is_matched_in_whatever_spelling() -> None:
    classes = ("tulip", "Oxeye daisy")
    assert match_class("Tulip", classes) == "tulip"
    assert match_class("oxeye_daisy", classes) == "Oxeye daisy"
    assert match_class("sunflower", classes) == "sunflower"
