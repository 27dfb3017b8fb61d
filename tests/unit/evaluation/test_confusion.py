"""Confusion matrices: equal to scikit-learn, rows true, and every photo is found again."""

import time
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from core.evaluation.confusion import (
    Order,
    Value,
    count_confusions,
    find_look_alikes,
    find_moved,
    judge_difference,
    list_largest_changes,
    list_most_confused,
    measure,
    most_confused_pairs,
    order_classes,
    photos_in_cell,
    share,
    subtract_matrices,
    to_long,
)

CLASSES = ("daisy", "rose", "tulip")


@st.composite
def answers(draw: st.DrawFn, runs: int = 1) -> tuple:  # type: ignore[type-arg]
    """Labels, each run's predictions of 0 to 60 photos, and the number of classes.

    Classes may be absent or never predicted.
    """
    k, n = draw(st.integers(1, 9)), draw(st.integers(0, 60))
    numbers = st.lists(st.integers(0, k - 1), min_size=n, max_size=n)
    return (*(np.array(draw(numbers), np.int64) for _ in range(1 + runs)), k)


@given(answers())
def test_equals_scikit_learn(case: tuple[np.ndarray, np.ndarray, int]) -> None:
    labels, predictions, n_classes = case
    matrix = count_confusions(labels, predictions, n_classes)
    if len(labels) and n_classes > 1:
        expected = confusion_matrix(labels, predictions, labels=range(n_classes))
        np.testing.assert_array_equal(matrix, expected)
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(labels, minlength=n_classes))
    np.testing.assert_array_equal(matrix.sum(axis=0), np.bincount(predictions, minlength=n_classes))


@given(answers())
def test_cells_hold_each_photo_once_surest_first(case) -> None:  # type: ignore[no-untyped-def]
    labels, predictions, n_classes = case
    scores = np.random.default_rng(0).random((len(labels), n_classes)).round(1)  # with ties
    matrix = count_confusions(labels, predictions, n_classes)
    seen = []
    for true, predicted in np.ndindex(matrix.shape):
        photos = photos_in_cell(labels, predictions, scores, true, predicted)
        assert len(photos) == matrix[true, predicted]
        assert np.all(np.diff(scores[photos, predicted]) <= 0)
        seen.extend(photos.tolist())
    assert sorted(seen) == list(range(len(labels)))


@given(answers())
def test_rows_and_columns_hold_their_cells_wrong_ones_first(case) -> None:  # type: ignore[no-untyped-def]
    labels, predictions, n_classes = case
    scores = np.random.default_rng(1).random((len(labels), n_classes)).round(1)
    for number in range(n_classes):
        row = photos_in_cell(labels, predictions, scores, number, None)
        column = photos_in_cell(labels, predictions, scores, None, number)
        assert sorted(row) == np.flatnonzero(labels == number).tolist()
        assert sorted(column) == np.flatnonzero(predictions == number).tolist()
        for photos in (row, column):
            right = labels[photos] == predictions[photos]
            assert np.all(np.diff(right.astype(int)) >= 0)
            for kind in (photos[right], photos[~right]):
                assert np.all(np.diff(scores[kind, predictions[kind]]) <= 0)


@pytest.mark.parametrize(
    ("labels", "predictions"), [([0, 3], [0, 0]), ([0, 1], [-1, 0]), ([0], [0, 1]), ([[0]], [[0]])]
)
def test_numbers_that_are_no_classes_are_refused(labels: list, predictions: list) -> None:
    with pytest.raises(ValueError, match=r"lies outside|do not match"):
        count_confusions(np.array(labels), np.array(predictions), 3)


def test_shares_of_empty_rows_and_columns_are_nan() -> None:
    matrix = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 0]])
    rows, columns = share(matrix, "row"), share(matrix, "column")
    np.testing.assert_array_equal(rows, [[0.75, 0.25, 0], [np.nan] * 3, [1, 0, 0]])
    np.testing.assert_array_equal(columns, [[0.6, 1, np.nan], [0, 0, np.nan], [0.4, 0, np.nan]])


def test_pairs_are_the_errors_largest_first() -> None:
    matrix = np.array([[9, 2, 2], [0, 4, 0], [2, 0, 1]])
    pairs = most_confused_pairs(matrix, CLASSES)
    assert pairs[["true", "predicted", "count", "support"]].to_numpy().tolist() == [
        ["tulip", "daisy", 2, 3],  # 2 of 3 before 2 of 13
        ["daisy", "rose", 2, 13],
        ["daisy", "tulip", 2, 13],
    ]
    assert pairs["row_share"].tolist() == pytest.approx([2 / 3, 2 / 13, 2 / 13])
    assert len(most_confused_pairs(matrix, CLASSES, top=1)) == 1
    assert most_confused_pairs(np.diag([3, 0, 2]), CLASSES).empty


def test_a_part_of_the_matrix_keeps_the_shares_of_the_whole() -> None:
    matrix = np.array([[3, 1, 0], [0, 4, 0], [2, 0, 2]])
    part = to_long(matrix, CLASSES, np.array([2, 0]), np.array([1, 0]))
    assert part[["true", "predicted", "count"]].to_numpy().tolist() == [
        ["tulip", "rose", 0],
        ["tulip", "daisy", 2],
        ["daisy", "rose", 1],
        ["daisy", "daisy", 3],
    ]
    assert part["row_share"].tolist() == [0, 0.5, 0.25, 0.75]
    assert part["column_share"].tolist() == [0, 0.4, 0.2, 0.6]


@pytest.mark.parametrize("axis", [0, 1])
@given(case=answers())
def test_shares_sum_to_one_where_there_are_photos(axis: int, case) -> None:  # type: ignore[no-untyped-def]
    matrix = count_confusions(*case)
    shares = measure(matrix, "row share" if axis else "column share")
    totals = matrix.sum(axis=axis)
    np.testing.assert_allclose(shares.sum(axis=axis)[totals > 0], 1.0)
    assert np.isnan(shares.sum(axis=axis)[totals == 0]).all()
    np.testing.assert_array_equal(measure(matrix, "count"), matrix)


def test_of_a_large_matrix_only_filled_cells_are_listed() -> None:
    matrix = np.zeros((3000, 3000), dtype=np.int64)
    matrix[2, 2999], matrix[7, 7], matrix[2, 2] = 3, 1, 1
    names = [f"class {number}" for number in range(3000)]
    cells = to_long(matrix, names, filled=True)
    assert cells.index.tolist() == [2 * 3000 + 2, 2 * 3000 + 2999, 7 * 3000 + 7]
    assert cells["row_share"].tolist() == [0.25, 0.75, 1]
    part = to_long(matrix, names, np.array([7, 2]), np.array([2999, 2]), filled=True)
    assert part.index.tolist() == [2, 3]  # places of the part
    assert part["count"].tolist() == [3, 1]
    with_empty = to_long(matrix[:9, :9], names[:9])
    assert with_empty[with_empty["count"] > 0].equals(
        to_long(matrix[:9, :9], names[:9], filled=True)
    )
    begun = time.process_time()
    pairs = most_confused_pairs(matrix, names)
    assert time.process_time() - begun < 2  # it took 5 s, at each click
    assert pairs.iloc[0].tolist() == ["class 2", "class 2999", 3, 0.75, 4]


@pytest.mark.parametrize("value", get_args(Value))
@given(case=answers(runs=2))
def test_the_other_way_round_it_is_the_opposite(value: Value, case) -> None:  # type: ignore[no-untyped-def]
    labels, before, after, k = case
    a, b = count_confusions(labels, before, k), count_confusions(labels, after, k)
    difference = subtract_matrices(b, a, value)
    np.testing.assert_array_equal(difference, -subtract_matrices(a, b, value))
    np.testing.assert_array_equal(np.nan_to_num(subtract_matrices(a, a, value)), 0)
    np.testing.assert_array_equal(judge_difference(-difference), -judge_difference(difference))


@given(answers(runs=2))
def test_rows_of_a_difference_sum_to_nothing(case) -> None:  # type: ignore[no-untyped-def]
    labels, before, after, k = case
    change = subtract_matrices(
        count_confusions(labels, after, k), count_confusions(labels, before, k)
    )
    np.testing.assert_array_equal(change.sum(axis=1), 0)  # a photo's class is the same in both
    gained = int(((after == labels) & (before != labels)).sum())
    lost = int(((before == labels) & (after != labels)).sum())
    assert np.trace(change) == gained - lost


@given(answers(runs=2))
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


FLOWERS = ("rose", "Daisy", "tulip", "aster")


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray:
    """Count of 1 to 12 classes, with empty rows and columns."""
    k = draw(st.integers(1, 12))
    counts = st.lists(st.integers(0, 9) | st.just(0), min_size=k * k, max_size=k * k)
    return np.array(draw(counts), dtype=np.int64).reshape(k, k)


def name(k: int) -> tuple[str, ...]:
    return tuple(f"class {number:03d}" for number in range(k))


@pytest.mark.parametrize("by", get_args(Order))
@given(matrix=matrices())
def test_orders_are_permutations_and_repeat(by: Order, matrix: np.ndarray) -> None:
    classes = name(len(matrix))
    order = order_classes(matrix, classes, by)
    assert sorted(order.tolist()) == list(range(len(matrix)))
    np.testing.assert_array_equal(order_classes(matrix.copy(), classes, by), order)


@pytest.mark.parametrize("by", ["name", "support", "accuracy"])
@given(matrix=matrices(), random=st.randoms(use_true_random=False))
def test_renumbered_classes_stand_where_they_stood(by: Order, matrix: np.ndarray, random) -> None:  # type: ignore[no-untyped-def]
    classes = name(len(matrix))
    new = np.array(random.sample(range(len(matrix)), len(matrix)))
    renumbered = tuple(classes[one] for one in new)
    order = order_classes(matrix[np.ix_(new, new)], renumbered, by)
    assert [renumbered[one] for one in order] == [
        classes[one] for one in order_classes(matrix, classes, by)
    ]


def test_each_order_says_what_it_is() -> None:
    matrix = np.array([[8, 2, 0, 0], [0, 5, 0, 0], [5, 0, 5, 0], [0, 0, 0, 0]])
    names = {
        by: [FLOWERS[one] for one in order_classes(matrix, FLOWERS, by)] for by in get_args(Order)
    }
    assert names["name"] == ["aster", "Daisy", "rose", "tulip"]
    assert names["support"] == ["rose", "tulip", "Daisy", "aster"]
    assert names["accuracy"] == ["tulip", "rose", "Daisy", "aster"]  # no photo: last


def test_look_alikes_stand_side_by_side_and_are_a_group() -> None:
    matrix = np.diag([10] * 6)
    for one, other in ((0, 3), (3, 5), (1, 4)):
        matrix[one, other] = matrix[other, one] = 4
    order = order_classes(matrix, name(6), "confusion").tolist()
    places = {number: place for place, number in enumerate(order)}
    assert abs(places[1] - places[4]) == 1
    assert abs(places[0] - places[3]) == abs(places[3] - places[5]) == 1
    groups = find_look_alikes(matrix)
    assert [(set(group.classes), group.confused) for group in groups] == [
        ({0, 3, 5}, 16),
        ({1, 4}, 8),
    ]


def test_without_confusions_classes_stay_where_they_are() -> None:
    for k in (1, 2, 7, 102):
        matrix = 5 * np.eye(k, dtype=int)
        assert order_classes(matrix, name(k), "confusion").tolist() == list(range(k))
        assert find_look_alikes(matrix) == []


@given(matrices())
def test_groups_do_not_overlap_and_hold_confusions(matrix: np.ndarray) -> None:
    groups = find_look_alikes(matrix)
    members = [number for group in groups for number in group.classes]
    assert len(members) == len(set(members))
    for group in groups:
        inside = matrix[np.ix_(group.classes, group.classes)]
        assert group.confused == inside.sum() - np.trace(inside) > 0
        assert len(group.classes) >= 2
    confused = [group.confused for group in groups]
    assert confused == sorted(confused, reverse=True)


def test_most_confused_counts_errors_of_both_sides() -> None:
    matrix = np.array([[9, 1, 0, 0], [0, 9, 0, 0], [0, 3, 9, 0], [0, 0, 0, 9]])
    assert list_most_confused(matrix, 10).tolist() == [1, 2, 0]  # 4, 3 and 1; class 3 has none
    assert list_most_confused(matrix, 2).tolist() == [1, 2]
    assert list_most_confused(np.diag([3, 0]), 5).tolist() == []


def test_102_classes_are_ordered_at_once() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.poisson(0.2, (102, 102)) + np.diag(rng.poisson(50, 102))
    order_classes(matrix, name(102), "confusion")  # scipy is loaded
    spent = []
    for _ in range(5):
        begun = time.perf_counter()
        order_classes(matrix, name(102), "confusion")
        spent.append(time.perf_counter() - begun)
    assert min(spent) < 0.1
