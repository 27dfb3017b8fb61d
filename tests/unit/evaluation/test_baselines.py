"""Simple rules: as scikit-learn's neighbours, never their own neighbour, and colours by share."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from core.evaluation.baselines import (
    compare_baselines,
    describe_colours,
    describe_worth,
    find_strongest,
    predict_majority,
    predict_neighbours,
)
from core.evaluation.comparison import exact_mcnemar
from core.evaluation.intervals import wilson_interval


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_equal_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 90)
    rows = rng.normal(0, 1, (90, 8)) + 1.5 * np.eye(8)[labels]
    train, asked = np.arange(60), np.arange(60, 90)

    def weigh(distances: np.ndarray) -> np.ndarray:
        return 2.0 * k + 1 - distances  # votes first, then nearness

    theirs = KNeighborsClassifier(k, metric="cosine", weights=weigh)
    expected = theirs.fit(rows[train], labels[train]).predict(rows[asked])
    found = predict_neighbours(rows, labels, train, asked, k)
    np.testing.assert_array_equal(found, expected)


NEAR, EQUAL = [[1.0, 0.0], [0.8, 0.6], [0.9, 0.1]], [[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]]


@pytest.mark.parametrize(
    ("rows", "labels", "train", "asked", "k", "expected"),
    [
        # A photo is not its own neighbour.
        ([*NEAR[::2], [0.0, 1.0], [0.1, 0.9]], [0, 1, 2, 3], range(4), range(4), 1, [1, 0, 3, 2]),
        (NEAR, [0, 0, 1], [0, 1], [2], 5, [0]),  # fewer training photos than voters: all vote
        (EQUAL, [1, 0, 0], [0, 1], [2], 2, [1]),  # equal votes go to the nearer class
        (np.zeros((3, 4)), [1, 1, 0], [0, 1], [2], 1, [1]),  # nothing to go by
    ],
)
def test_neighbours_vote(rows, labels, train, asked, k: int, expected: list[int]) -> None:  # type: ignore[no-untyped-def]
    given = (np.array(one) for one in (rows, labels, train, asked))
    assert predict_neighbours(*given, k=k).tolist() == expected


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


CLASSES = ["a", "b", "c"]
LABELS = np.repeat([0, 1, 2], 40)


def answer(right: int) -> np.ndarray:
    """Return answers of which the first `right` are correct."""
    return np.where(np.arange(len(LABELS)) < right, LABELS, (LABELS + 1) % 3)


def test_each_baseline_is_compared_on_the_same_photos() -> None:
    baselines = {"features_1": answer(80), "majority": answer(40)}
    besides = compare_baselines(LABELS, answer(90), baselines, CLASSES)
    assert [one.name for one in besides] == ["majority", "features_1"]
    majority, features = besides
    assert majority.accuracy.value == pytest.approx(40 / 120)
    assert (majority.accuracy.low, majority.accuracy.high) == wilson_interval(40, 120)
    assert (features.compared.gained, features.compared.lost) == (10, 0)
    # Holm: the larger of two p-values stays, the smaller is doubled.
    assert features.p_value == exact_mcnemar(10, 0)
    assert majority.p_value == pytest.approx(2 * exact_mcnemar(50, 0))


@pytest.mark.parametrize(
    ("run", "colours", "features", "said"),
    [
        (
            100,
            50,
            80,
            ["The model beats the simple baselines.", "Training beats nearest neighbours"],
        ),
        (100, 50, 98, ["The model beats", "No significant gain over nearest"]),
        (50, 90, 100, ["A simple baseline beats", "Nearest neighbours on the same"]),
        (60, 60, 60, ["No difference from a simple baseline.", "No difference from nearest"]),
        (61, 60, 60, ["No significant gain over a simple", "No significant gain over nearest"]),
    ],
)
def test_verdicts(run: int, colours: int, features: int, said: list[str]) -> None:
    baselines = {
        "majority": answer(40),
        "colours_1": answer(colours),
        "features_5": answer(features),
    }
    found = describe_worth(compare_baselines(LABELS, answer(run), baselines, CLASSES))
    assert len(found) == len(said)
    for worth, beginning in zip(found, said, strict=True):
        assert worth.verdict.startswith(beginning)
        assert "n = 120" in worth.facts


def test_interval_p_value_and_verdict_agree() -> None:
    labels, run = np.zeros(5, np.int64), np.array([0, 0, 0, 1, 1])
    baselines = {name: np.ones(5, np.int64) for name in ("majority", "colours_1")}
    besides = compare_baselines(labels, run, baselines, CLASSES)
    low, high = besides[0].compared.interval
    assert low < 0 < high and besides[0].p_value == 0.5
    (worth,) = describe_worth(besides)
    assert worth.verdict.startswith("No significant gain")
    assert "3 gained, 0 lost, p = 0.5 (McNemar, adjusted for 2 baselines)" in worth.facts
    for gained in range(5, 12):
        for one in compare_baselines(
            LABELS,
            answer(60 + gained),
            {"majority": answer(40), "colours_1": answer(50), "features_1": answer(60)},
            CLASSES,
        ):
            assert (one.compared.interval[0] > 0) == (one.p_value < 0.05)


def test_without_features_there_is_one_verdict() -> None:
    besides = compare_baselines(LABELS, answer(90), {"majority": answer(40)}, CLASSES)
    assert find_strongest(besides, uses_network=True) is None
    assert len(describe_worth(besides)) == 1


def test_without_photos_there_is_no_verdict() -> None:
    none = np.empty(0, np.int64)
    assert describe_worth(compare_baselines(none, none, {"majority": none}, CLASSES)) == []
