"""The difference of two runs' confusion matrices on the same photos, and the photos behind it.

"Before" is the run compared with, "after" the run looked at; a difference is after − before. Both
answered the same photos under the same classes: `core.runs.common_photos` sees to that.
"""

import numpy as np
import pandas as pd

from core.evaluation.confusion import Value, measure


def subtract_matrices(after: np.ndarray, before: np.ndarray, value: Value = "count") -> np.ndarray:
    """Returns (k, k) float64: what each cell has more (+) or less (−); NaN without a share.

    Args:
        after: (k, k) counts.
        before: (k, k) counts of the same photos.
        value: Whether counts, shares of the row or shares of the column are subtracted.
    """
    if after.shape != before.shape:
        raise ValueError(f"matrices of {after.shape} and {before.shape} do not match")
    difference: np.ndarray = measure(after, value) - measure(before, value)
    return difference


def judge_difference(difference: np.ndarray) -> np.ndarray:
    """Returns (k, k) float64: the difference with the sign of its worth, + better, − worse.

    More on the diagonal is better, more beside it is worse.
    """
    worth = -difference
    np.fill_diagonal(worth, np.diag(difference))
    return worth


def list_largest_changes(after: np.ndarray, before: np.ndarray) -> pd.DataFrame:
    """Returns the cells that changed: class numbers true, predicted, and before, after, change.

    The largest change first, whatever its sign; then row by row.
    """
    change = after - before
    true, predicted = np.nonzero(change)
    cells = pd.DataFrame(
        {
            "true": true,
            "predicted": predicted,
            "before": before[true, predicted],
            "after": after[true, predicted],
            "change": change[true, predicted],
        }
    )
    order = np.argsort(-np.abs(cells["change"].to_numpy()), kind="stable")
    return cells.iloc[order].reset_index(drop=True)


def find_moved(
    labels: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    true: int | None,
    predicted: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the photos that came into a cell and those that left it, (m,) int64 each.

    Args:
        labels: (n,) int.
        before: (n,) int predictions.
        after: (n,) int predictions.
        true: Class of the row, None for a whole column.
        predicted: Class of the column, None for a whole row: there it is the right answer that
            is come to or left, since a photo's class is the same in both runs.
    """
    of_row = labels == true if true is not None else np.ones(len(labels), dtype=bool)
    column = true if predicted is None else predicted
    came = of_row & (after == column) & (before != column)
    left = of_row & (before == column) & (after != column)
    return np.flatnonzero(came), np.flatnonzero(left)
