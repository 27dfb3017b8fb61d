"""Typical photos: the middle of a class, whatever the length of its features."""

import numpy as np

from core.evaluation.mistakes import find_typical


def test_the_middle_comes_first_and_the_odd_one_last() -> None:
    angles = np.deg2rad([0.0, 20.0, 10.0, 170.0])
    features = np.column_stack([np.cos(angles), np.sin(angles)])
    lengths = np.array([[1.0], [30.0], [0.1], [5.0]])  # lengths say nothing
    assert find_typical(features * lengths, 4).tolist() == [1, 2, 0, 3]
    assert find_typical(features * lengths, 2).tolist() == [1, 2]


def test_none_one_and_nothing_at_all() -> None:
    assert find_typical(np.empty((0, 8)), 6).tolist() == []
    assert find_typical(np.ones((1, 8)), 6).tolist() == [0]
    assert find_typical(np.zeros((2, 8)), 6).tolist() == [0, 1]
