"""Which part of a matrix is drawn first."""

import numpy as np

from core.ui.confusion.scope import choose_part, list_parts


def test_of_very_many_classes_the_most_confused_pairs_are_drawn_first() -> None:
    k = 400
    matrix = np.eye(k, dtype=np.int64)
    matrix[np.arange(100), np.arange(100)] = 0
    matrix[np.arange(100), np.arange(300, 400)] = 1  # one photo a class: all as confused
    matrix[3, 390] = 5
    names = [f"class {number:03d}" for number in range(k)]
    parts = list_parts(matrix, names)
    drawn = parts[choose_part(parts, k)].classes
    assert {3, 390} <= set(drawn.tolist()) and len(drawn) <= 40
    part = matrix[np.ix_(drawn, drawn)]
    assert part.sum() - part.trace() >= 20  # the errors are in it, not only their classes
    assert choose_part(list_parts(np.eye(k, dtype=np.int64), names), k) == "all"
    assert choose_part(list_parts(matrix[:300, :300], names[:300]), 300) == "all"
