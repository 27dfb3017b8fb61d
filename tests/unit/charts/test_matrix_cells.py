"""How cells look: more is stronger, numbers can be read, a difference is centred on 0."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from core.charts.matrix_cells import (
    Value,
    describe_cells,
    describe_changes,
    describe_legends,
    find_tops,
    format_change,
)
from core.charts.theme import DARK, LIGHT, contrast
from core.evaluation.confusion import judge_difference, subtract_matrices, to_long
from core.ui.confusion.charts import draw_difference, list_changes

CLASSES = tuple(f"class {number}" for number in range(20))


@pytest.fixture
def matrix() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.poisson(1.5, (20, 20)) + np.diag(rng.poisson(30, 20))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("value", get_args(Value))
def test_more_stands_out_more_and_is_legible(matrix: np.ndarray, value: Value, dark: bool) -> None:
    paper = (DARK if dark else LIGHT).paper
    cells = to_long(matrix, CLASSES)
    described = describe_cells(cells, value, False, dark, find_tops(cells, value))
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
    errors, hits = describe_legends(
        value, {"error": 7 if value == "count" else 0.7, "hit": 1}, False
    )
    assert errors.words == (low, high)
    assert errors.colours[0] == LIGHT.errors[0] and errors.colours[-1] == LIGHT.errors[-1]
    assert hits.colours[-1] == LIGHT.hits[-1]


def changes(after: np.ndarray, before: np.ndarray, value: Value = "count") -> pd.DataFrame:
    difference = subtract_matrices(after, before, value)
    return list_changes(difference, judge_difference(difference), CLASSES[: len(after)])


def test_better_and_worse_have_one_scale_centred_on_nothing() -> None:
    before = np.array([[5, 3], [0, 8]])
    after = np.array([[7, 1], [1, 7]])
    described, (better, worse) = describe_changes(changes(after, before), "count", False, False)
    assert described["kind"].tolist() == ["better", "better", "worse", "worse"]
    assert described["text"].tolist() == ["+2", "−2", "+1", "−1"]
    assert better.words == worse.words == ("0", "2")
    assert described["fill"].iloc[0] == described["fill"].iloc[1] == LIGHT.right
    weak = describe_changes(changes(before, after), "count", False, False)[0]
    assert weak["kind"].tolist() == ["worse", "worse", "better", "better"]  # the other way round
    assert weak["fill"].iloc[0] == LIGHT.wrong


def test_shares_change_by_points_and_none_is_no_change() -> None:
    cells = changes(np.array([[1, 1], [0, 2]]), np.array([[0, 2], [0, 2]]), "column share")
    described, (better, _) = describe_changes(cells, "column share", False, False)
    assert described["text"].tolist() == ["·", "−17 %", "·", "+17 %"]
    assert described["kind"].tolist() == ["none", "better", "none", "better"]
    assert better.words == ("0 %", "17 % points")


def test_a_hidden_diagonal_says_nothing_and_sets_no_scale() -> None:
    after, before = np.array([[90, 1], [0, 5]]), np.array([[5, 3], [0, 5]])
    described, (better, _) = describe_changes(changes(after, before), "count", True, False)
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
    cells = changes(matrix, matrix.T, value)
    chart = draw_difference(cells, CLASSES, "Run 2 against run 1", value, dark=dark).to_dict()
    sent = next(one for one in chart["datasets"].values() if "true" in one[0])
    assert len(sent) == int((cells["change"].fillna(0) != 0).sum())
    same = draw_difference(changes(matrix, matrix), CLASSES, "The same").to_dict()
    assert same["title"]["text"] == "The same"
