"""Confusion matrices: rows true, columns predicted. Counts, shares, pairs, and the photos behind.

Labels and predictions are (n,) int, indices into the classes; a matrix is (k, k) int64.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd


def count_confusions(labels: np.ndarray, predictions: np.ndarray, n_classes: int) -> np.ndarray:
    """Returns (k, k) int64: how many photos of the row's class were taken for the column's."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape} and predictions {predictions.shape} do not match")
    for numbers in (labels, predictions):
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < n_classes):
            raise ValueError(f"a class number lies outside 0 to {n_classes - 1}")
    cells = labels.astype(np.int64) * n_classes + predictions
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def share(matrix: np.ndarray, of: Literal["row", "column"]) -> np.ndarray:
    """Returns (k, k) float64: counts as shares of their row or column; NaN where that is empty."""
    totals = matrix.sum(axis=1, keepdims=True) if of == "row" else matrix.sum(axis=0, keepdims=True)
    shares = np.full(matrix.shape, np.nan)
    np.divide(matrix, totals, out=shares, where=totals > 0)
    return shares


def to_long(matrix: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Returns one row per cell, row by row: true, predicted, count, row_share, column_share."""
    names = np.array(classes, dtype=object)
    return pd.DataFrame(
        {
            "true": np.repeat(names, len(names)),
            "predicted": np.tile(names, len(names)),
            "count": matrix.ravel(),
            "row_share": share(matrix, "row").ravel(),
            "column_share": share(matrix, "column").ravel(),
        }
    )


def most_confused_pairs(matrix: np.ndarray, classes: Sequence[str], top: int = 20) -> pd.DataFrame:
    """Returns the largest errors: true, predicted, count, row_share, support (photos of `true`).

    Sorted by count, then by row share, then by name; pairs that were never confused are left out.
    """
    cells = to_long(matrix, classes)
    cells["support"] = np.repeat(matrix.sum(axis=1), len(classes))
    errors = cells[(cells["true"] != cells["predicted"]) & (cells["count"] > 0)]
    ordered = errors.sort_values(
        ["count", "row_share", "true", "predicted"], ascending=[False, False, True, True]
    )
    columns = ["true", "predicted", "count", "row_share", "support"]
    return ordered[columns].head(top).reset_index(drop=True)


def photos_in_cell(
    labels: np.ndarray, predictions: np.ndarray, scores: np.ndarray, true: int, predicted: int
) -> np.ndarray:
    """Returns the indices (m,) int64 of a cell's photos, the surest prediction first.

    Args:
        labels: (n,) int.
        predictions: (n,) int.
        scores: (n, k) float.
        true: Class number of the row.
        predicted: Class number of the column.
    """
    photos = np.flatnonzero((labels == true) & (predictions == predicted))
    return photos[np.argsort(-scores[photos, predicted], kind="stable")]
