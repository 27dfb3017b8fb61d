"""What heads that left photos out say of them, with intervals that keep their promise."""

import numpy as np
import pytest

from core.evaluation.cross_validation import judge_folds, replace_recalls
from core.evaluation.metrics import evaluate_scores
from tests.bench.cross_validation import simulate


def test_the_pooled_share_and_the_recalls_are_counted() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2])
    answers = np.array([[0, 0, 0, 1, 1, 1, 0, -1], [0, 0, 0, 0, 1, 1, 0, -1]])
    found = judge_folds(answers, labels, np.arange(8), ("rose", "tulip", "oak"), folds=5)
    assert found.accuracy.value == pytest.approx(11 / 14)
    assert (found.accuracy.n, found.left_out, found.repeats) == (7, 1, 2)
    assert found.per_class["recall"].tolist()[:2] == pytest.approx([7 / 8, 2 / 3])
    assert found.per_class["support"].tolist() == [4, 3, 0]
    assert np.isnan(found.per_class["recall_low"].iloc[2])
    assert found.accuracy.low < 11 / 14 < found.accuracy.high
    assert "1 photo could not be judged so" in found.method and "10 heads" in found.method


def test_copies_count_once_in_the_interval() -> None:
    labels, answers = np.zeros(40, dtype=int), np.arange(40)[None] % 4 // 3
    apart = judge_folds(answers, labels, np.arange(40), ("rose", "tulip"), folds=5).accuracy
    twins = judge_folds(answers, labels, np.arange(40) // 2, ("rose", "tulip"), folds=5).accuracy
    assert apart.value == twins.value and apart.high - apart.low < twins.high - twins.low


def test_all_right_is_not_certain() -> None:
    labels = np.repeat([0, 1], 6)
    found = judge_folds(labels[None], labels, np.arange(12), ("rose", "tulip"), folds=5)
    assert found.accuracy.high == 1.0 and 0.5 < found.accuracy.low < 0.8


def test_no_photo_has_no_figure() -> None:
    found = judge_folds(np.array([[-1]]), np.array([0]), np.array([0]), ("rose",), folds=5)
    assert np.isnan(found.accuracy.value) and found.accuracy.n == 0
    assert found.figure == "No cross-validated accuracy" and found.method.startswith("1 photo")


def test_a_recall_of_one_photo_gives_way_to_the_cross_validated_one() -> None:
    names, labels = ("rose", "tulip"), np.array([0, *[1] * 5])  # validation
    table = evaluate_scores(np.eye(2)[[1, 1, 1, 1, 1, 0]], labels, names).per_class
    all_labels = np.repeat([0, 1], 10)
    answers = np.where(np.arange(20) % 5 == 0, 1 - all_labels, all_labels)
    found = judge_folds(answers[None], all_labels, np.arange(20), names, folds=5)
    shown = replace_recalls(table, found)
    assert table["recall"].tolist() == [0.0, 0.8] and shown["recall"].tolist() == [0.8, 0.8]
    assert shown["recall_n"].tolist() == [10, 0]  # five photos tell something themselves
    assert shown["recall_low"].iloc[0] == found.per_class["recall_low"].iloc[0]
    assert shown["f1"].equals(table["f1"]) and replace_recalls(table, None)["recall_n"].sum() == 0
    assert found.say_recall(0, 1).startswith("cross-validated recall 80 % (")
    assert "n = 10" in found.say_recall(0, 1) and found.say_recall(1, 5) == ""


@pytest.mark.parametrize(("classes", "photos", "copies"), [(2, 8, 1), (5, 8, 2)])
def test_the_interval_covers_what_it_promises(classes: int, photos: int, copies: int) -> None:
    found = simulate(classes, photos, apart=0.3, copies=copies, sets=100)
    assert found.covered["ours"] >= 0.9  # 0.93 and more over many sets; 100 stray by 0.03
