"""Confusion matrices: counts, shares, pairs, the order of classes, and the difference of two runs.

Rows are true, columns predicted classes. Labels and predictions are (n,) int, indices into the
classes; a matrix is (k, k) int64; an order is a permutation (k,) int64 of the class numbers, the
same for the same matrix and names. A difference is after - before, of two runs that answered the
same photos under the same classes (`core.runs.common_photos` checks that).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Value = Literal["count", "row share", "column share"]
"""What a cell shows: photos, or their share of the true or of the predicted class."""


def count_confusions(labels: np.ndarray, predictions: np.ndarray, n_classes: int) -> np.ndarray:
    """Return (k, k) int64: how many photos of the row's class were taken for the column's."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape} and predictions {predictions.shape} do not match")
    for numbers in (labels, predictions):
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < n_classes):
            raise ValueError(f"a class number lies outside 0 to {n_classes - 1}")
    cells = labels.astype(np.int64) * n_classes + predictions
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def share(matrix: np.ndarray, of: Literal["row", "column"]) -> np.ndarray:
    """Return (k, k) float64: counts as shares of their row or column; NaN where that is empty."""
    totals = matrix.sum(axis=1, keepdims=True) if of == "row" else matrix.sum(axis=0, keepdims=True)
    return divide(matrix, totals)


def divide(counts: np.ndarray, totals: np.ndarray, instead: float = np.nan) -> np.ndarray:
    """Return counts over totals, of one shape once broadcast; `instead` where a total is 0."""
    counts, totals = np.broadcast_arrays(counts, totals)
    quotients = np.full(counts.shape, instead)
    np.divide(counts, totals, out=quotients, where=totals > 0)
    return quotients


def measure(matrix: np.ndarray, value: Value) -> np.ndarray:
    """Return (k, k) float64: what the cells show; NaN where there is no share."""
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
    """Return one line per cell, row by row: true, predicted, count, row_share, column_share.

    Its index is the cell's place: row × number of columns + column, of those that are wanted.

    Args:
        rows: Class numbers of the rows wanted, in their order; default: all.
        columns: The same for the columns. Shares are of the whole row and column all the same.
        filled: Whether only cells with photos are wanted: of 3,000 classes a few in 9,000,000.
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

    Sorted by count, then by row share, then by name; pairs that were never confused are left out.
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
    """Return the indices (m,) int64 of the photos of a cell, a row or a column.

    Wrong answers come before right ones, and among each the surest first.

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
    """Return (k, k) float64: what each cell has more (+) or less (−); NaN without a share."""
    if after.shape != before.shape:
        raise ValueError(f"matrices of {after.shape} and {before.shape} do not match")
    return np.asarray(measure(after, value) - measure(before, value))


def judge_difference(difference: np.ndarray) -> np.ndarray:
    """Return (k, k) float64: the difference with the sign of its worth, + better, − worse.

    More on the diagonal is better, more beside it is worse.
    """
    worth = -difference
    np.fill_diagonal(worth, np.diag(difference))
    return worth


def list_largest_changes(after: np.ndarray, before: np.ndarray) -> pd.DataFrame:
    """Return the cells that changed: class numbers true, predicted, and before, after, change.

    The largest change first, whatever its sign; then row by row.
    """
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
    """Return the photos that came into a cell and those that left it, (m,) int64 each.

    Args:
        true: Class of the row, None for a whole column.
        predicted: Class of the column, None for a whole row: there it is the right answer that
            is come to or left, since a photo's class is the same in both runs.
    """
    of_row = labels == true if true is not None else np.ones(len(labels), dtype=bool)
    column = true if predicted is None else predicted
    came = of_row & (after == column) & (before != column)
    left = of_row & (before == column) & (after != column)
    return np.flatnonzero(came), np.flatnonzero(left)


Order = Literal["name", "support", "accuracy", "confusion"]

_ALIKE_FROM = 0.03
"""Mean share of photos taken for each other from which classes count as a group."""


@dataclass(frozen=True)
class LookAlikes:
    """Classes that a run takes for each other."""

    classes: tuple[int, ...]
    """Class numbers, nearest side by side."""
    confused: int
    """Photos of one of them that are taken for another of them."""


def order_classes(matrix: np.ndarray, classes: Sequence[str], by: Order) -> np.ndarray:
    """Return the class numbers in the order of rows and columns, (k,) int64.

    Args:
        by: "name"; "support", most photos first; "accuracy" of the class (its recall), worst
            first, classes without photos last; "confusion", look-alikes side by side, classes
            that are confused with none last.
    """
    if by == "confusion":
        return _order_look_alikes(matrix)
    numbers = range(len(classes))
    by_name = np.array(sorted(numbers, key=lambda one: (classes[one].casefold(), classes[one])))
    recalls = np.diag(share(matrix, "row"))
    first = {
        "name": np.zeros(len(classes)),
        "support": -matrix.sum(axis=1),
        "accuracy": np.where(np.isnan(recalls), 2.0, recalls),
    }[by]
    return np.asarray(by_name[np.argsort(first[by_name], kind="stable")])


def list_most_confused(matrix: np.ndarray, top: int) -> np.ndarray:
    """Return the classes with the most errors, (m,) int64, the most first, at most `top`.

    An error counts for both: for the class it was and for the class it was taken for. Classes
    without any are left out.
    """
    errors = matrix - np.diag(np.diag(matrix))
    of_class = errors.sum(axis=1) + errors.sum(axis=0)
    ordered = np.argsort(-of_class, kind="stable")
    return np.asarray(ordered[of_class[ordered] > 0][:top])


def find_look_alikes(matrix: np.ndarray) -> list[LookAlikes]:
    """Return the groups of two or more classes that are taken for each other, the worst first.

    The tree of `order_classes(…, by="confusion")` is cut where the classes of two branches take on
    average less than 3 % of their photos for each other.
    """
    from scipy.cluster.hierarchy import fcluster  # loaded when first wanted

    order, confused = _order_look_alikes(matrix), np.sort(list_most_confused(matrix, len(matrix)))
    if len(confused) < 2:
        return []
    tree = _link_classes(matrix[np.ix_(confused, confused)])
    numbers = np.zeros(len(matrix), dtype=np.int64)  # 0: of no group
    numbers[confused] = fcluster(tree, 1 - _ALIKE_FROM, "distance")
    groups = []
    for number in dict.fromkeys(numbers[order].tolist()):
        members = order[numbers[order] == number]
        inside = matrix[np.ix_(members, members)]
        errors = int(inside.sum() - np.trace(inside))
        if number and len(members) > 1 and errors:
            groups.append(LookAlikes(tuple(members.tolist()), errors))
    return sorted(groups, key=lambda group: -group.confused)


def _order_look_alikes(matrix: np.ndarray) -> np.ndarray:
    """Return the leaves of the tree, then the classes that are confused with none."""
    from scipy.cluster.hierarchy import leaves_list

    confused = np.sort(list_most_confused(matrix, len(matrix)))
    if len(confused) < 2:
        return np.arange(len(matrix))
    order = confused[leaves_list(_link_classes(matrix[np.ix_(confused, confused)]))]
    # A tree may be read from either end: the end with the lower class number comes first.
    order = order if order[0] < order[-1] else order[::-1]
    return np.concatenate([order, np.setdiff1d(np.arange(len(matrix)), confused)])


def _link_classes(matrix: np.ndarray) -> np.ndarray:
    """Return the tree of the classes, (k - 1, 4), the leaves of up to 300 in the best order.

    Two classes are as near as the mean of the two shares of photos taken for each other is large.

    Source:
        Z. Bar-Joseph, D. K. Gifford, T. S. Jaakkola (2001), Fast optimal leaf ordering for
        hierarchical clustering, Bioinformatics 17, S22-S29.
    """
    from scipy.cluster.hierarchy import linkage

    rows = np.nan_to_num(share(matrix, "row"))
    distances = 1 - (rows + rows.T) / 2
    pairs = distances[np.triu_indices(len(matrix), 1)]
    # The best order of 3,000 takes minutes, in which a page server answers nobody.
    return np.asarray(linkage(pairs, "average", optimal_ordering=len(matrix) <= 300))
