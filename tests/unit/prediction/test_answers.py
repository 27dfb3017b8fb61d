"""Answers in words, as sure as the scores and never certain; and as a table and CSV."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PhotoUnreadable
from core.prediction.answers import (
    AnsweredPhoto,
    phrase_decision,
    phrase_reason,
    tabulate_answers,
    write_answers,
)
from core.prediction.deciding import Decision, Kind


@pytest.mark.parametrize(
    ("top", "words"),
    [
        (
            [("tulip", 0.92), ("rose", 0.06), ("daisy", 0.02)],
            "Most likely a tulip (92 %); possibly a rose (6 %).",
        ),
        ([("oxeye daisy", 0.97), ("rose", 0.03)], "Most likely an oxeye daisy (97 %)."),
        ([("tulip", 1.0), ("rose", 0.0)], "Most likely a tulip (more than 99 %)."),
        (
            [("tulips", 0.6), ("roses", 0.3), ("daisy", 0.1)],
            "Probably tulips (60 %), but it may be roses (30 %) or a daisy (10 %).",
        ),
        (
            [("iris", 0.31), ("cyclamen", 0.28), ("watercress", 0.2), ("rose", 0.15)],
            "I am not sure. It looks most like an iris (31 %), a cyclamen (28 %) "
            "or a watercress (20 %).",
        ),
        ([("rose", 0.04)], "I am not sure. It looks most like a rose (4 %)."),
    ],
)
def test_words_fit_the_scores(top: list[tuple[str, float]], words: str) -> None:
    assert phrase_decision(Decision(kind="answer", top=top)) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("colt's foot", "a colt's foot"),
        ("black-eyed susan", "a black-eyed susan"),
        ("pink_primrose", "a pink_primrose"),
        ("eucalyptus", "a eucalyptus"),
        ("canterbury bells", "canterbury bells"),
        ("hibiscus", "a hibiscus"),
        ("Rosa canina", "Rosa canina"),
        ("class 7", "class 7"),
        ("バラ", "バラ"),
        ("-", "-"),
    ],
)
def test_articles_only_where_they_read_well(name: str, words: str) -> None:
    said = phrase_decision(Decision(kind="answer", top=[(name, 0.9)]))
    assert said == f"Most likely {words} (90 %)."


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_never_certain_and_always_the_best_first(scores: list[float]) -> None:
    top = [(f"class {n}", score) for n, score in enumerate(sorted(scores, reverse=True))]
    words = phrase_decision(Decision(kind="answer", top=top))
    assert "(100 %)" not in words
    assert "class 0 (" in words
    assert words.startswith("I am not sure") == (top[0][1] < 0.5)


def decide_as(kind: Kind, *top: tuple[str, float]) -> Decision:
    return Decision(kind=kind, top=list(top), threshold=0.79, distance=2.0, limit=1.5)


@pytest.mark.parametrize(
    ("decision", "words", "reason"),
    [
        (decide_as("answer", ("tulip", 0.92), ("rose", 0.06)), "Most likely a tulip (92 %)", ""),
        (
            decide_as("answer", ("tulip", 0.4), ("rose", 0.3)),  # its rule lets it say so
            "Perhaps a tulip (40 %), but it may be a rose (30 %).",
            "",
        ),
        (
            decide_as("unsure", ("tulip", 0.7), ("rose", 0.2), ("daisy", 0.01)),
            "I don't know. It looks most like a tulip (70 %) or a rose (20 %).",
            "The model answers only at a score of at least 79 %.",
        ),
        (
            decide_as("unlike", ("roses", 0.93), ("tulips", 0.05)),
            "I don't know this: it is unlike all the photos I was trained on.",
            "Closest known class: roses (93 %), not reliable.",
        ),
    ],
)
def test_a_decision_is_said_in_plain_words(decision: Decision, words: str, reason: str) -> None:
    assert phrase_decision(decision).startswith(words)
    assert reason in phrase_reason(decision)
    assert bool(phrase_reason(decision)) == (decision.kind != "answer")


BAD = PhotoUnreadable("=This is no photo.", "Take another.")


def answer(name: str = "rose", kind: Kind = "answer", score: float = 0.75) -> Decision:
    return Decision(kind=kind, top=[(name, score), ("tulip", 1 - score)])


def photo(name: str, *answers: Decision) -> AnsweredPhoto:
    return AnsweredPhoto(name=name, sha256="ab" * 32, answers=answers)


def test_models_agree_when_their_answers_are_equal() -> None:
    assert photo("a.jpg", answer(), answer("rose", score=0.4)).agrees
    assert not photo("a.jpg", answer(), answer("daisy")).agrees
    assert not photo("a.jpg", answer(), answer("rose", "unsure")).agrees
    assert photo("a.jpg", answer("rose", "unlike"), answer("daisy", "unlike")).agrees


def test_a_row_for_each_photo_also_for_bad_ones() -> None:
    refused = AnsweredPhoto(name="bad.jpg", refusal=BAD)
    photos = [photo("a.jpg", answer()), refused, photo("c.jpg", answer("daisy", "unsure"))]
    table = tabulate_answers(photos, ["v1"])
    assert table["photo"].tolist() == ["a.jpg", "bad.jpg", "c.jpg"]
    assert table["answer"].fillna("").tolist() == ["rose", "", ""]
    assert table["class_1"].fillna("").tolist() == ["rose", "", "daisy"]
    assert table["score_2"].tolist()[0] == pytest.approx(0.25)
    assert table["problem"].fillna("").tolist() == ["", BAD.problem, ""]
    assert "agree" not in table
    assert list(table.columns) == list(tabulate_answers([refused], ["v1"]).columns)


def test_two_models_stand_side_by_side() -> None:
    photos = [photo("a.jpg", answer(), answer("daisy")), photo("b.jpg", answer(), answer())]
    table = tabulate_answers(photos, ["v2", "Run 7"])
    assert table["agree"].tolist() == ["no", "yes"]
    assert table["v2 answer"].tolist() == ["rose", "rose"]
    assert table["Run 7 answer"].tolist() == ["daisy", "rose"]


def test_no_cell_of_the_csv_is_a_formula() -> None:
    named = photo("=cmd|'/c calc'!A0.jpg", answer("@rose"), answer("+tulip"))
    content = write_answers([named, AnsweredPhoto(name="-1.jpg", refusal=BAD)], ["=v1", "v2"])
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == 3
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'@rose" in cells
    assert "0.7500" in cells
