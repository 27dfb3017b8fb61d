"""The table of answers: its columns, what the models agree on, a CSV no spreadsheet runs."""

import csv
import io

import pytest

from core.errors import PhotoUnreadable
from core.prediction.answers import AnsweredPhoto, ShortAnswer, tabulate_answers, write_answers
from core.prediction.deciding import Kind

BAD = PhotoUnreadable("=This is no photo.", "Take another.")


def answer(name: str = "rose", kind: Kind = "answer", score: float = 0.75) -> ShortAnswer:
    return ShortAnswer(kind=kind, top=((name, score), ("tulip", 1 - score)), sentence="…")


def photo(name: str, *answers: ShortAnswer) -> AnsweredPhoto:
    return AnsweredPhoto(name=name, sha256="ab" * 32, answers=answers)


@pytest.mark.parametrize(
    ("other", "agrees"),
    [
        (answer("rose", score=0.4), True),
        (answer("daisy"), False),
        (answer("rose", "unsure"), False),
    ],
)
def test_models_agree_when_they_say_the_same(other: ShortAnswer, agrees: bool) -> None:
    assert photo("a.jpg", answer(), other).agrees is agrees


def test_models_that_do_not_know_agree_whatever_they_think_of_most() -> None:
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
