"""Leakage: photos that are in two splits, and what a run's metrics are without them.

A photo learned by heart counts as recognised where its twin is judged. Pure: tables and arrays in,
tables and metrics out. `pairs` are those of data.duplicates.find_pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.metrics import Evaluation, evaluate_scores


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The metrics of some photos, and of the same less those that leak."""

    leaking: np.ndarray
    """(m,) int64, the photos left out."""
    with_all: Evaluation
    without: Evaluation


def list_leaking_photos(pairs: pd.DataFrame, splits: np.ndarray, split: str) -> np.ndarray:
    """Return the photos of a split that have a twin in train, (m,) int64 ascending.

    For “train” there are none: what is trained on does not leak into itself.
    """
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
    """Return the metrics of photos with and without those that leak.

    Args:
        scores: (n, k) of all photos of the dataset.
        photos: (m,) photo numbers that are judged, those of a split.
    """
    left_out = np.intersect1d(photos, leaking)
    rest = np.setdiff1d(photos, leaking)
    return Comparison(
        leaking=left_out,
        with_all=evaluate_scores(scores[photos], labels[photos], classes),
        without=evaluate_scores(scores[rest], labels[rest], classes),
    )
