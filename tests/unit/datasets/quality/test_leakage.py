"""A run's metrics without them leave out the right photos."""

import numpy as np
import pandas as pd
import pytest

from core.datasets.quality.leakage import evaluate_without, list_leaking_photos

PAIRS = pd.DataFrame({"a": [0, 1, 2, 3], "b": [4, 5, 3, 5], "kind": "exact"})
SPLITS = np.array(["train", "validation", "train", "train", "test", "test"])
LABELS = np.array([0, 1, 0, 0, 0, 1])


@pytest.mark.parametrize(
    ("split", "leaking"), [("train", []), ("validation", []), ("test", [4, 5])]
)
def test_only_a_twin_in_train_counts(split: str, leaking: list[int]) -> None:
    assert list_leaking_photos(PAIRS, SPLITS, split).tolist() == leaking
    assert list_leaking_photos(PAIRS.head(0), SPLITS, split).tolist() == []


def test_metrics_without_the_leaking_photos() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.6, 0.4]])
    photos = np.array([1, 3, 4, 5])
    compared = evaluate_without(scores, LABELS, ("a", "b"), photos, np.array([0, 4, 5]))
    assert compared.leaking.tolist() == [4, 5]
    assert (compared.with_all.n, compared.with_all.accuracy) == (4, 0.75)
    assert (compared.without.n, compared.without.accuracy) == (2, 1.0)
    nothing = evaluate_without(scores, LABELS, ("a", "b"), photos, np.array([], dtype=int))
    assert nothing.without.accuracy == nothing.with_all.accuracy == 0.75
    everything = evaluate_without(scores, LABELS, ("a", "b"), photos, photos)
    assert everything.without.n == 0 and np.isnan(everything.without.accuracy)
