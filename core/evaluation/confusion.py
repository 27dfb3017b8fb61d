"""Confusion matrices: rows true, columns predicted. Counts, shares, pairs, and the photos behind.

Labels and predictions are (n,) int, indices into the classes; a matrix is (k, k) int64.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

Value = Literal["count", "row share", "column share"]
"""What a cell shows: photos, or their share of the true or of the predicted class."""


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


def measure(matrix: np.ndarray, value: Value) -> np.ndarray:
    """Returns (k, k) float64: what the cells show; NaN where there is no share."""
    if value == "count":
        return matrix.astype(np.float64)
    return share(matrix, "row" if value == "row share" else "column")


def to_long(
    matrix: np.ndarray,
    classes: Sequence[str],
    rows: np.ndarray | None = None,
    columns: np.ndarray | None = None,
) -> pd.DataFrame:
    """Returns one line per cell, row by row: true, predicted, count, row_share, column_share.

    Args:
        matrix: (k, k) counts.
        classes: Names of all k classes.
        rows: Class numbers of the rows wanted, in their order; default: all.
        columns: The same for the columns. Shares are of the whole row and column all the same.
    """
    names = np.array(classes, dtype=object)
    rows = np.arange(len(names)) if rows is None else np.asarray(rows)
    columns = np.arange(len(names)) if columns is None else np.asarray(columns)
    cells = np.ix_(rows, columns)
    return pd.DataFrame(
        {
            "true": np.repeat(names[rows], len(columns)),
            "predicted": np.tile(names[columns], len(rows)),
            "count": matrix[cells].ravel(),
            "row_share": share(matrix, "row")[cells].ravel(),
            "column_share": share(matrix, "column")[cells].ravel(),
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


def list_confusions_of(matrix: np.ndarray, classes: Sequence[str], number: int) -> pd.DataFrame:
    """Returns one class' errors in both directions: true, predicted, count, row_share, support.

    Those of its photos that are taken for others, and photos of others that are taken for it.
    """
    pairs = most_confused_pairs(matrix, classes, top=matrix.size)
    name = classes[number]
    return pairs[(pairs["true"] == name) | (pairs["predicted"] == name)].reset_index(drop=True)


def photos_in_cell(
    labels: np.ndarray,
    predictions: np.ndarray,
    scores: np.ndarray,
    true: int | None,
    predicted: int | None,
) -> np.ndarray:
    """Returns the indices (m,) int64 of the photos of a cell, a row or a column.

    Wrong answers come before right ones, and among each the surest first.

    Args:
        labels: (n,) int.
        predictions: (n,) int.
        scores: (n, k) float.
        true: Class number of the row; None for a whole column.
        predicted: Class number of the column; None for a whole row.
    """
    inside = np.ones(len(labels), dtype=bool)
    if true is not None:
        inside &= labels == true
    if predicted is not None:
        inside &= predictions == predicted
    photos = np.flatnonzero(inside)
    right = labels[photos] == predictions[photos]
    return photos[np.lexsort((-scores[photos, predictions[photos]], right))]
