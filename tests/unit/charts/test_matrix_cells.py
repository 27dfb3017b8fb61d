"""How cells look: more is stronger, numbers can be read, a difference is centred on 0."""

from typing import get_args

import numpy as np
import pytest

from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import (
    Change,
    DrawnMatrix,
    Look,
    describe_change,
    describe_matrix,
    format_change,
)
from core.charts.theme import DARK, LIGHT, contrast
from core.evaluation.confusion import Value

CLASSES = tuple(f"class {number}" for number in range(20))


@pytest.fixture
def matrix() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.poisson(1.5, (20, 20)) + np.diag(rng.poisson(30, 20))


def look(k: int, value: Value = "count", **options: bool) -> Look:
    return Look(rows=np.arange(k), columns=np.arange(k), value=value, **options)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("value", get_args(Value))
def test_more_stands_out_more_and_is_legible(matrix: np.ndarray, value: Value, dark: bool) -> None:
    paper = (DARK if dark else LIGHT).paper
    described = describe_matrix(matrix, CLASSES, look(20, value, dark=dark)).cells
    for kind in ("hit", "error"):
        field = value.replace(" ", "_")
        some = described[described["kind"] == kind].sort_values(field, kind="stable")
        stands_out = [contrast(fill, paper) for fill in some["fill"]]
        assert np.all(np.diff(stands_out) >= 0)
    assert all(
        contrast(ink, fill) >= 3.5
        for ink, fill in zip(described["ink"], described["fill"], strict=True)
    )


@pytest.mark.parametrize(
    ("value", "low", "high"), [("count", "0", "7"), ("row share", "0 %", "70 %")]
)
def test_legends_name_both_ends(value: Value, low: str, high: str) -> None:
    errors, hits = describe_matrix(np.array([[3, 7], [0, 1]]), CLASSES[:2], look(2, value)).legends
    assert errors.words == (low, high)
    assert errors.colours[0] == LIGHT.errors[0] and errors.colours[-1] == LIGHT.errors[-1]
    assert hits.colours[-1] == LIGHT.hits[-1]


def test_a_cell_says_its_shares_and_an_empty_class_has_none() -> None:
    cells = describe_matrix(np.array([[3, 1], [0, 0]]), ("rose", "oak"), look(2)).cells
    said = dict(
        zip(zip(cells["true"], cells["predicted"], strict=True), cells["said"], strict=True)
    )
    assert said["rose", "oak"] == (
        "true rose, predicted oak: 1 photo\n25 % of rose · 100 % of all predicted oak"
    )
    assert "– of oak" in said["oak", "oak"]
    assert cells["empty"].tolist() == [False, False, True, True]


def test_of_many_classes_only_what_is_not_empty_is_described(matrix: np.ndarray) -> None:
    places = describe_matrix(matrix, CLASSES, look(20)).cells["place"]
    assert places.tolist() == np.flatnonzero(matrix).tolist()


def changes(after: np.ndarray, before: np.ndarray, seen: Look) -> DrawnMatrix:
    return describe_change(Change(after=after, before=before, classes=CLASSES[: len(after)]), seen)


def test_better_and_worse_have_one_scale_centred_on_nothing() -> None:
    before = np.array([[5, 3], [0, 8]])
    after = np.array([[7, 1], [1, 7]])
    drawn = changes(after, before, look(2))
    described, (better, worse) = drawn.cells, drawn.legends
    assert described["kind"].tolist() == ["better", "better", "worse", "worse"]
    assert described["text"].tolist() == ["+2", "−2", "+1", "−1"]
    assert better.words == worse.words == ("0", "2")
    assert described["fill"].iloc[0] == described["fill"].iloc[1] == LIGHT.right
    weak = changes(before, after, look(2)).cells
    assert weak["kind"].tolist() == ["worse", "worse", "better", "better"]  # the other way round
    assert weak["fill"].iloc[0] == LIGHT.wrong


def test_shares_change_by_points_and_none_is_no_change() -> None:
    after, before = np.array([[1, 1], [0, 2]]), np.array([[0, 2], [0, 2]])
    drawn = changes(after, before, look(2, "column share"))
    described, better = drawn.cells, drawn.legends[0]
    assert described["text"].tolist() == ["·", "−17 %", "·", "+17 %"]
    assert described["kind"].tolist() == ["none", "better", "none", "better"]
    assert better.words == ("0 %", "17 % points")


def test_a_hidden_diagonal_says_nothing_and_sets_no_scale() -> None:
    after, before = np.array([[90, 1], [0, 5]]), np.array([[5, 3], [0, 5]])
    drawn = changes(after, before, look(2, hide_diagonal=True))
    described, better = drawn.cells, drawn.legends[0]
    assert described["kind"].tolist() == ["none", "better", "none", "none"]
    assert described["text"].tolist() == ["", "−2", "·", ""]
    assert better.high == 2


@pytest.mark.parametrize(
    ("change", "value", "words"),
    [(3, "count", "+3"), (-1204, "count", "−1,204"), (-0.004, "row share", "−<1 %")],
)
def test_changes_in_words(change: float, value: Value, words: str) -> None:
    assert format_change(change, value) == words


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("value", get_args(Value))
def test_a_difference_is_a_valid_chart(matrix: np.ndarray, value: Value, dark: bool) -> None:
    drawn = changes(matrix, matrix.T, look(20, value, dark=dark))
    chart = draw_matrix(drawn).to_dict()
    sent = next(one for one in chart["datasets"].values() if "true" in one[0])
    assert len(sent) == int((~drawn.cells["empty"]).sum())
    assert all(one["text"] != "·" for one in sent)
    same = Change(after=matrix, before=matrix, classes=CLASSES, title="The same")
    chart = draw_matrix(describe_change(same, look(20))).to_dict()
    assert chart["title"]["text"] == "The same"
