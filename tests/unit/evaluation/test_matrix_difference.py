"""Differences of matrices: antisymmetric, and every photo that moved is found in both cells."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.confusion import (
    Value,
    count_confusions,
    find_moved,
    judge_difference,
    list_largest_changes,
    subtract_matrices,
)


@st.composite
def two_answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Labels and two runs' predictions of 0 to 50 photos."""
    k, n = draw(st.integers(1, 6)), draw(st.integers(0, 50))
    numbers = st.lists(st.integers(0, k - 1), min_size=n, max_size=n)
    return (*(np.array(draw(numbers), np.int64) for _ in range(3)), k)


@pytest.mark.parametrize("value", get_args(Value))
@given(case=two_answers())
def test_the_other_way_round_it_is_the_opposite(value: Value, case) -> None:  # type: ignore[no-untyped-def]
    labels, before, after, k = case
    a, b = count_confusions(labels, before, k), count_confusions(labels, after, k)
    difference = subtract_matrices(b, a, value)
    np.testing.assert_array_equal(difference, -subtract_matrices(a, b, value))
    np.testing.assert_array_equal(np.nan_to_num(subtract_matrices(a, a, value)), 0)
    np.testing.assert_array_equal(judge_difference(-difference), -judge_difference(difference))


@given(two_answers())
def test_rows_of_a_difference_sum_to_nothing(case) -> None:  # type: ignore[no-untyped-def]
    labels, before, after, k = case
    change = subtract_matrices(
        count_confusions(labels, after, k), count_confusions(labels, before, k)
    )
    np.testing.assert_array_equal(change.sum(axis=1), 0)  # a photo's class is the same in both
    gained = int(((after == labels) & (before != labels)).sum())
    lost = int(((before == labels) & (after != labels)).sum())
    assert np.trace(change) == gained - lost


@given(two_answers())
def test_who_came_and_left_makes_the_difference(case) -> None:  # type: ignore[no-untyped-def]
    labels, before, after, k = case
    change = count_confusions(labels, after, k) - count_confusions(labels, before, k)
    for true, predicted in np.ndindex(k, k):
        came, left = find_moved(labels, before, after, true, predicted)
        assert len(came) - len(left) == change[true, predicted]
        assert set(labels[came]) | set(labels[left]) <= {true}
        assert not set(came) & set(left)
    for number in range(k):
        came, left = find_moved(labels, before, after, None, number)
        assert len(came) - len(left) == change[:, number].sum()
        row = find_moved(labels, before, after, number, None)
        for one, other in zip(row, find_moved(labels, before, after, number, number), strict=True):
            np.testing.assert_array_equal(one, other)


def test_more_is_better_on_the_diagonal_and_worse_beside_it() -> None:
    difference = np.array([[2.0, -1.0], [3.0, -4.0]])
    np.testing.assert_array_equal(judge_difference(difference), [[2, 1], [-3, -4]])
    assert difference[0, 1] == -1  # what was handed in stays


def test_changes_are_listed_by_size() -> None:
    before = np.array([[5, 1], [2, 2]])
    after = np.array([[3, 3], [1, 3]])
    changes = list_largest_changes(after, before)
    assert changes.to_numpy().tolist() == [
        [0, 0, 5, 3, -2],
        [0, 1, 1, 3, 2],
        [1, 0, 2, 1, -1],
        [1, 1, 2, 3, 1],
    ]
    assert list_largest_changes(before, before).empty


def test_matrices_of_other_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="do not match"):
        subtract_matrices(np.zeros((2, 2), int), np.zeros((3, 3), int))


def test_a_column_that_one_run_never_predicts_has_no_share() -> None:
    difference = subtract_matrices(
        np.array([[1, 1], [0, 2]]), np.array([[0, 2], [0, 2]]), "column share"
    )
    assert np.isnan(difference[:, 0]).all()
    np.testing.assert_allclose(difference[:, 1], [1 / 3 - 1 / 2, 2 / 3 - 1 / 2])
