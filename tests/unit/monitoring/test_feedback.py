"""Feedback and its review on each database: states, refusals, changes of mind, two reviewers."""

import threading

import pytest
from sqlalchemy import update

from core.errors import FeedbackRefused
from core.monitoring.feedback import (
    count_feedback,
    give_feedback,
    list_feedback,
    restore_reviews,
    review_feedback,
)
from core.monitoring.kept_photos import find_kept
from core.monitoring.log import log_predictions, read_predictions
from core.monitoring.tables import feedback_table
from core.runs.database import write_database
from core.workspace import Workspace
from data.sources.names import find_meant_class, match_class
from tests.predictions import make_prediction, read_feedback
from tests.registered import register_versions

PHOTO = b"the bytes of a photo"


@pytest.fixture
def asked(workspace: Workspace) -> Workspace:
    """A log of six answers, each of them “daisy”."""
    log_predictions(workspace, [make_prediction(n, PHOTO + b"%d" % n) for n in range(6)])
    return workspace


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
        ("nobody's", {"class_name": "rose"}, "not in the log"),
        ("prediction-0", {"class_name": "rose", "photo": b"another"}, "not the photo"),
        ("prediction-0", {"class_name": "  "}, "name cannot be used"),
        ("prediction-0", {"class_name": "x" * 101}, "name cannot be used"),
        ("prediction-0", {"class_name": "ro\u202ese"}, "name cannot be used"),
        ("prediction-0", {"class_name": "rose", "note": "x" * 501}, "500 are allowed"),
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


def test_an_undo_leaves_what_another_reviewer_decided(asked: Workspace) -> None:
    numbers = [tell(asked, n) for n in range(3)]
    former = [(one.number, one.state, one.final_class) for one in read_feedback(asked, numbers)]
    review_feedback(asked, numbers[:1], "relabel", class_name="tulip", reviewer="him")
    assert review_feedback(asked, numbers, "discard", reviewer="her", expected="waiting") == 2
    assert restore_reviews(asked, former, "her", "discard") == 2
    left = [(one.state, one.final_class) for one in read_feedback(asked, numbers)]
    assert left == [("relabelled", "tulip"), ("waiting", None), ("waiting", None)]


def test_another_spelling_of_the_answer_is_right(asked: Workspace) -> None:
    row = make_prediction(7, PHOTO, top="oxeye daisy")
    log_predictions(asked, [row])
    told = give_feedback(asked, row["id"], class_name="Oxeye_Daisy")
    assert told.was_right and told.class_name == "oxeye daisy"
    review_feedback(asked, [told.number], "relabel", class_name="Oxeye-Daisy")
    assert read_predictions(asked)["was_right"].dropna().all()


def test_names_are_judged_by_the_classes_of_the_version(trained_copy: Workspace) -> None:
    (version,) = register_versions(trained_copy, 1)
    rows = [
        make_prediction(n, top=top, version=version.number)
        for n, top in enumerate(("rose", "Rose"))
    ]
    log_predictions(trained_copy, rows)
    told = [give_feedback(trained_copy, row["id"], class_name="ROSE") for row in rows]
    assert [one.was_right for one in told] == [True, False]  # “Rose” would be a class of its own
    assert read_predictions(trained_copy)["was_right"].tolist() == [True, False]
    assert give_feedback(trained_copy, rows[1]["id"], class_name="rose").was_right is False
    assert read_predictions(trained_copy)["was_right"].tolist() == [True, False]


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


def test_a_class_is_matched_in_whatever_spelling() -> None:
    classes = ("tulip", "Oxeye daisy")
    assert match_class("Tulip", classes) == "tulip"
    assert match_class("oxeye_daisy", classes) == "Oxeye daisy"
    assert match_class("sunflower", classes) == "sunflower"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tulip", "tulips"),
        ("Roses", "rose"),
        ("oxeye daisies", "Oxeye daisy"),
        ("sunflwer", "sunflower"),
        ("aster", None),
        ("nose", None),
        ("lily", None),
    ],
)
def test_a_name_that_is_nearly_a_class_is_asked_about(name: str, meant: str | None) -> None:
    classes = ("rose", "tulips", "Oxeye daisy", "sunflower")
    assert match_class(name, classes) in (name, meant)
    assert find_meant_class(name, classes) == meant
    assert find_meant_class(name, ()) is None


@pytest.fixture
def one_photo(workspace: Workspace) -> tuple[Workspace, list[int]]:
    """Three answers on one photo, of which people say rose, rose and tulip; one on another."""
    answers = (("daisy", "rose"), ("aster", "rose"), ("daisy", "tulip"))
    rows = [make_prediction(n, PHOTO, version=n, top=top) for n, (top, _) in enumerate(answers)]
    log_predictions(workspace, [*rows, make_prediction(3, b"another")])
    said = [tell(workspace, n, name) for n, (_, name) in enumerate(answers)]
    return workspace, [*said, tell(workspace, 3)]


def read_states(workspace: Workspace, numbers: list[int]) -> list[tuple[str, str | None]]:
    return [(one.state, one.final_class) for one in read_feedback(workspace, numbers)]


def test_a_photo_is_decided_on_once(one_photo: tuple[Workspace, list[int]]) -> None:
    workspace, numbers = one_photo
    assert count_feedback(workspace)["waiting"] == 4
    assert count_feedback(workspace, by_photo=True)["waiting"] == 2
    assert review_feedback(workspace, numbers[:1], "accept", expected="waiting") == 1
    assert read_states(workspace, numbers) == [("accepted", "rose")] * 3 + [("waiting", None)]
    right = read_predictions(workspace)["was_right"].tolist()[:3]
    assert right == [False, False, False], "what is right of the photo is right of each answer"
    assert review_feedback(workspace, numbers[1:2], "relabel", class_name="daisy") == 1
    assert read_states(workspace, numbers)[:3] == [("relabelled", "daisy")] * 3
    assert read_predictions(workspace)["was_right"].tolist()[:3] == [True, False, True]
    review_feedback(workspace, numbers[2:3], "reopen")
    assert read_states(workspace, numbers) == [("waiting", None)] * 4
    with write_database(workspace) as connection:  # gathered, after two kinds of review
        for number, state in zip(numbers, ("accepted", "relabelled", "accepted"), strict=False):
            row = feedback_table.c.number == number
            connection.execute(
                update(feedback_table).where(row).values(state=state, dataset="d" * 16)
            )
    assert count_feedback(workspace)["used"] == 3
    assert count_feedback(workspace, by_photo=True)["used"] == 1
    of_photo = list_feedback(workspace, photos=[read_feedback(workspace, numbers)[0].photo])
    assert sorted(one.number for one in of_photo) == sorted(numbers[:3])


def test_several_on_one_photo_keep_their_own_class(one_photo: tuple[Workspace, list[int]]) -> None:
    workspace, numbers = one_photo
    assert review_feedback(workspace, numbers, "accept") == 4
    assert [final for _, final in read_states(workspace, numbers)] == [
        "rose",
        "rose",
        "tulip",
        "rose",
    ]
    again = tell(workspace, 1, "tulip")
    review_feedback(workspace, [again], "discard")
    assert read_states(workspace, numbers)[0] == ("accepted", "rose"), "what was decided stays"
