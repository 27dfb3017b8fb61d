"""Answers to left-out photos: block by block they are those of the head that holds all rows."""

import numpy as np

from core.instant.head import fit_head
from core.instant.leaving import answer_left_out


def _draw(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, k, n)
    centres = rng.normal(size=(k, d))
    return (centres[labels] + 2 * rng.normal(size=(n, d))).astype(np.float32), labels


def test_block_by_block_answers_are_those_of_the_head_in_memory() -> None:
    features, labels = _draw(5_000, 20, 4)
    train = np.flatnonzero(np.arange(5_000) % 10)
    head = fit_head(features, labels, train, 4)
    expected = head.left_out.argmax(axis=1)
    assert 0.5 < (expected == labels[train]).mean() < 1
    for most in (10, 10_000):
        answers = answer_left_out(features, labels, train, 4, most=most)
        assert (answers == expected).mean() > 0.999  # float32: ties at most


def test_a_left_out_photo_is_answered_as_by_a_refit() -> None:
    features, labels = _draw(40, 6, 3)
    answers = answer_left_out(features, labels, np.arange(40), 3)
    ridge = fit_head(features, labels, np.arange(40), 3).ridge
    standard = fit_head(features, labels, np.arange(40), 3).standard
    x = standard.apply(features.astype(np.float64))
    targets = np.eye(3)[labels]
    for photo in range(40):
        others = np.arange(40) != photo
        solved = np.linalg.solve(
            x[others].T @ x[others] + ridge * np.eye(x.shape[1]), x[others].T @ targets[others]
        )
        assert answers[photo] == (x[photo] @ solved).argmax()
