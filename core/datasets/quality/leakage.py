"""Leakage: photos with a copy in the training photos, and the metrics of a run without them.

A memorised training photo inflates the score of its copy. Pure. `pairs`: see
data.duplicates.find_pairs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.evaluation.metrics import Evaluation, evaluate_scores


class Comparison(NamedTuple):
    """The metrics with and without leaking photos."""

    leaking: np.ndarray
    """(m,) int64."""
    with_all: Evaluation
    without: Evaluation


def list_leaking_photos(pairs: pd.DataFrame, splits: np.ndarray, split: str) -> np.ndarray:
    """Return the photos of a split with a copy in train, (m,) int64 ascending; empty for train."""
    if split == "train" or pairs.empty:
        return np.empty(0, dtype=np.int64)
    a, b = pairs["a"].to_numpy(dtype=np.int64), pairs["b"].to_numpy(dtype=np.int64)
    ends = [
        one[(splits[one] == split) & (splits[other] == "train")] for one, other in ((a, b), (b, a))
    ]
    return np.unique(np.concatenate(ends))


def evaluate_without(
    scores: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    photos: np.ndarray,
    leaking: np.ndarray,
) -> Comparison:
    """Return the metrics of photos with and without leaking ones.

    Args:
        scores: (n, k) of all photos of the dataset.
        photos: (m,) photo numbers of a split.
    """
    left_out = np.intersect1d(photos, leaking)
    rest = np.setdiff1d(photos, leaking)
    return Comparison(
        leaking=left_out,
        with_all=evaluate_scores(scores[photos], labels[photos], classes),
        without=evaluate_scores(scores[rest], labels[rest], classes),
    )
