"""Confusion matrices: counts, shares, pairs, the order of classes, and the difference of two runs.

Rows are true, columns predicted classes. Labels and predictions are (n,) int, class numbers; a
matrix is (k, k) int64; an order is a permutation (k,) int64 of the class numbers. A difference is
after - before, of two runs on the same photos and classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import scipy

from core.formats import name_key

Value = Literal["count", "row share", "column share"]
"""A cell shows photos, or their share of the true or of the predicted class."""


def count_confusions(labels: np.ndarray, predictions: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the confusion matrix (k, k) int64."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape} and predictions {predictions.shape} do not match")
    for numbers in (labels, predictions):
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < n_classes):
            raise ValueError(f"a class number lies outside 0 to {n_classes - 1}")
    cells = labels.astype(np.int64) * n_classes + predictions
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def share(matrix: np.ndarray, of: Literal["row", "column"]) -> np.ndarray:
    """Return (k, k) float64, shares of the row or column; NaN where it is empty."""
    totals = matrix.sum(axis=1, keepdims=True) if of == "row" else matrix.sum(axis=0, keepdims=True)
    return divide(matrix, totals)


def divide(counts: np.ndarray, totals: np.ndarray, instead: float = np.nan) -> np.ndarray:
    """Return counts / totals (broadcast); `instead` where a total is 0."""
    counts, totals = np.broadcast_arrays(counts, totals)
    quotients = np.full(counts.shape, instead)
    np.divide(counts, totals, out=quotients, where=totals > 0)
    return quotients


def measure(matrix: np.ndarray, value: Value) -> np.ndarray:
    """Return (k, k) float64, the values of the cells; NaN without a share."""
    if value == "count":
        return matrix.astype(np.float64)
    return share(matrix, "row" if value == "row share" else "column")


def to_long(
    matrix: np.ndarray,
    classes: Sequence[str],
    rows: np.ndarray | None = None,
    columns: np.ndarray | None = None,
    *,
    filled: bool = False,
) -> pd.DataFrame:
    """Return a row for each cell: true, predicted, count, row_share, column_share.

    The index is row × number of columns + column. Shares are of the whole row and column.

    Args:
        rows: Class numbers of the rows, in order; default: all.
        columns: Class numbers of the columns.
        filled: Whether to return only cells with photos.
    """
    names = np.array(classes, dtype=object)
    rows = np.arange(len(names)) if rows is None else np.asarray(rows)
    columns = np.arange(len(names)) if columns is None else np.asarray(columns)
    photos = matrix[np.ix_(rows, columns)].ravel()
    places = np.flatnonzero(photos) if filled else np.arange(photos.size)
    true, predicted = rows[places // len(columns)], columns[places % len(columns)]
    of_row, of_column = matrix.sum(axis=1)[true], matrix.sum(axis=0)[predicted]
    photos = photos[places]
    return pd.DataFrame(
        {
            "true": names[true],
            "predicted": names[predicted],
            "count": photos,
            "row_share": divide(photos, of_row),
            "column_share": divide(photos, of_column),
        },
        index=places,
    )


def most_confused_pairs(matrix: np.ndarray, classes: Sequence[str], top: int = 20) -> pd.DataFrame:
    """Return the largest errors: true, predicted, count, row_share, support (photos of `true`).

    Sorted by count, row share and name.
    """
    cells = to_long(matrix, classes, filled=True)
    cells["support"] = matrix.sum(axis=1)[cells.index // len(classes)]
    errors = cells[cells.index // len(classes) != cells.index % len(classes)]
    ordered = errors.sort_values(
        ["count", "row_share", "true", "predicted"], ascending=[False, False, True, True]
    )
    columns = ["true", "predicted", "count", "row_share", "support"]
    return ordered[columns].head(top).reset_index(drop=True)


def photos_in_cell(
    labels: np.ndarray,
    predictions: np.ndarray,
    scores: np.ndarray,
    true: int | None,
    predicted: int | None,
) -> np.ndarray:
    """Return the photos (m,) int64 of a cell, a row or a column: wrong first, then by confidence.

    Args:
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


def subtract_matrices(after: np.ndarray, before: np.ndarray, value: Value = "count") -> np.ndarray:
    """Return the difference of the cells, (k, k) float64; NaN without a share."""
    if after.shape != before.shape:
        raise ValueError(f"matrices of {after.shape} and {before.shape} do not match")
    return np.asarray(measure(after, value) - measure(before, value))


def judge_difference(difference: np.ndarray) -> np.ndarray:
    """Return the difference (k, k) with + for better and − for worse."""
    judged = -difference
    np.fill_diagonal(judged, np.diag(difference))
    return judged


def list_largest_changes(after: np.ndarray, before: np.ndarray) -> pd.DataFrame:
    """Return true, predicted, before, after, change of the changed cells, the largest first."""
    change = after - before
    true, predicted = np.nonzero(change)
    cells = pd.DataFrame({"true": true, "predicted": predicted})
    for name, numbers in (("before", before), ("after", after), ("change", change)):
        cells[name] = numbers[true, predicted]
    return cells.sort_values("change", key=lambda one: -one.abs(), kind="stable", ignore_index=True)


def find_moved(
    labels: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    true: int | None,
    predicted: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the photos that moved into a cell and out of it, (m,) int64 each.

    Args:
        true: Class of the row; None for a whole column.
        predicted: Class of the column; None for a whole row: photos that became correct or wrong.
    """
    of_row = labels == true if true is not None else np.ones(len(labels), dtype=bool)
    column = true if predicted is None else predicted
    came = of_row & (after == column) & (before != column)
    left = of_row & (before == column) & (after != column)
    return np.flatnonzero(came), np.flatnonzero(left)


Order = Literal["name", "support", "accuracy", "confusion"]

_ALIKE_FROM = 0.03
"""Mean share of confused photos from which classes form a group."""


@dataclass(frozen=True)
class LookAlikes:
    """A group of classes that a run confuses."""

    classes: tuple[int, ...]
    """Class numbers, the most similar side by side."""
    confused: int
    """Photos confused within the group."""


def order_classes(matrix: np.ndarray, classes: Sequence[str], by: Order) -> np.ndarray:
    """Return the class numbers in the order of rows and columns, (k,) int64.

    Args:
        by: "name"; "support", most photos first; "accuracy" (recall), worst first; "confusion",
            confused classes side by side, classes without confusions last.
    """
    if by == "confusion":
        return _order_look_alikes(matrix)[0]
    numbers = range(len(classes))
    by_name = np.array(sorted(numbers, key=lambda one: name_key(classes[one])))
    recalls = np.diag(share(matrix, "row"))
    first = {
        "name": np.zeros(len(classes)),
        "support": -matrix.sum(axis=1),
        "accuracy": np.where(np.isnan(recalls), 2.0, recalls),
    }[by]
    return np.asarray(by_name[np.argsort(first[by_name], kind="stable")])


def list_most_confused(matrix: np.ndarray, top: int) -> np.ndarray:
    """Return the classes with the most errors as true or predicted class, (m <= top,) int64."""
    errors = matrix - np.diag(np.diag(matrix))
    of_class = errors.sum(axis=1) + errors.sum(axis=0)
    ordered = np.argsort(-of_class, kind="stable")
    return np.asarray(ordered[of_class[ordered] > 0][:top])


def find_look_alikes(matrix: np.ndarray) -> list[LookAlikes]:
    """Return the groups of confused classes, the worst first.

    The tree of `order_classes(…, by="confusion")` is cut where two branches confuse less than 3 %
    of their photos on average.
    """
    order, confused, tree = _order_look_alikes(matrix)
    if tree is None:
        return []
    numbers = np.zeros(len(matrix), dtype=np.int64)  # 0: no group
    numbers[confused] = scipy.cluster.hierarchy.fcluster(tree, 1 - _ALIKE_FROM, "distance")
    groups = []
    for number in dict.fromkeys(numbers[order].tolist()):
        members = order[numbers[order] == number]
        inside = matrix[np.ix_(members, members)]
        errors = int(inside.sum() - np.trace(inside))
        if number and len(members) > 1 and errors:
            groups.append(LookAlikes(tuple(members.tolist()), errors))
    return sorted(groups, key=lambda group: -group.confused)


def _order_look_alikes(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the leaves of the tree, then the others; the confused classes; and their tree."""
    confused = np.sort(list_most_confused(matrix, len(matrix)))
    if len(confused) < 2:
        return np.arange(len(matrix)), confused, None
    tree = _link_classes(matrix[np.ix_(confused, confused)])
    order = confused[scipy.cluster.hierarchy.leaves_list(tree)]
    # Both directions are equally good: begin with the lower class number.
    order = order if order[0] < order[-1] else order[::-1]
    others = np.setdiff1d(np.arange(len(matrix)), confused)
    return np.concatenate([order, others]), confused, tree


def _link_classes(matrix: np.ndarray) -> np.ndarray:
    """Return the tree of the classes (k - 1, 4), with optimal leaf order up to 300 classes.

    The similarity of two classes is the mean share of photos confused between them.

    Source:
        Z. Bar-Joseph, D. K. Gifford, T. S. Jaakkola (2001), Fast optimal leaf ordering for
        hierarchical clustering, Bioinformatics 17, S22-S29.
    """
    rows = np.nan_to_num(share(matrix, "row"))
    distances = 1 - (rows + rows.T) / 2
    pairs = distances[np.triu_indices(len(matrix), 1)]
    # The optimal order of 3,000 classes takes minutes.
    optimal = len(matrix) <= 300
    return np.asarray(scipy.cluster.hierarchy.linkage(pairs, "average", optimal_ordering=optimal))
