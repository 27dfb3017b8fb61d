"""Orders of classes: always a permutation, always the same, and look-alikes side by side."""

import time
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.confusion import Order, find_look_alikes, list_most_confused, order_classes

CLASSES = ("rose", "Daisy", "tulip", "aster")


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
        by: [CLASSES[one] for one in order_classes(matrix, CLASSES, by)] for by in get_args(Order)
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
