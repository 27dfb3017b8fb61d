"""Simple rules: as scikit-learn's neighbours, never their own neighbour, and colours by share."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from core.evaluation.baselines import describe_colours, predict_majority, predict_neighbours


def described_photos(n: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    return rng.normal(0, 1, (n, 8)) + 1.5 * np.eye(8)[labels], labels


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_equal_scikit_learn(k: int) -> None:
    rows, labels = described_photos()
    train, asked = np.arange(60), np.arange(60, 90)

    def weigh(distances: np.ndarray) -> np.ndarray:
        return 2.0 * k + 1 - distances  # votes first, then nearness

    theirs = KNeighborsClassifier(k, metric="cosine", weights=weigh)
    expected = theirs.fit(rows[train], labels[train]).predict(rows[asked])
    found = predict_neighbours(rows, labels, train, asked, k)
    np.testing.assert_array_equal(found, expected)


def test_a_training_photo_is_not_its_own_neighbour() -> None:
    rows = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    labels = np.array([0, 1, 2, 3])
    everything = np.arange(4)
    found = predict_neighbours(rows, labels, everything, everything, k=1)
    assert found.tolist() == [1, 0, 3, 2]


def test_fewer_training_photos_than_voters_all_vote() -> None:
    rows, labels = np.array([[1.0, 0.0], [0.8, 0.6], [0.9, 0.1]]), np.array([0, 0, 1])
    found = predict_neighbours(rows, labels, np.array([0, 1]), np.array([2]), k=5)
    assert found.tolist() == [0]


def test_equal_votes_go_to_the_nearer_class() -> None:
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]])
    found = predict_neighbours(rows, np.array([1, 0, 0]), np.array([0, 1]), np.array([2]), k=2)
    assert found.tolist() == [1]


def test_nothing_to_go_by_is_answered_all_the_same() -> None:
    rows = np.zeros((3, 4))
    found = predict_neighbours(rows, np.array([1, 1, 0]), np.array([0, 1]), np.array([2]), k=1)
    assert found.tolist() == [1]


def test_the_largest_class_is_that_of_the_training_photos() -> None:
    labels = np.array([0, 1, 1, 2, 2, 2])
    train, asked = np.array([0, 1, 2]), np.array([3, 4, 5])
    assert predict_majority(labels, train, asked).tolist() == [1, 1, 1]


def test_colours_are_shares_of_a_photo() -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    half = red.copy()
    half[0] = (0, 0, 255)
    rows = describe_colours(np.stack([red, half]), levels=2)
    np.testing.assert_allclose((rows**2).sum(axis=1), 1.0, rtol=1e-6)
    assert np.sort(rows[0])[-1] == 1.0
    assert rows[0] @ rows[1] == pytest.approx(np.sqrt(0.5))
