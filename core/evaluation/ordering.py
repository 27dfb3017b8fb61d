"""In which order classes stand in a confusion matrix, and which of them look alike to a run.

Matrices are (k, k) counts, rows true, columns predicted; an order is a permutation (k,) int64 of
the class numbers. The same matrix and names always give the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.evaluation.confusion import share

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
    """Returns the class numbers in the order of rows and columns, (k,) int64.

    Args:
        matrix: (k, k) counts.
        classes: Names; they break all ties.
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
    arranged: np.ndarray = by_name[np.argsort(first[by_name], kind="stable")]
    return arranged


def list_most_confused(matrix: np.ndarray, top: int) -> np.ndarray:
    """Returns the classes with the most errors, (m,) int64, the most first, at most `top`.

    An error counts for both: for the class it was and for the class it was taken for. Classes
    without any are left out.
    """
    errors = matrix - np.diag(np.diag(matrix))
    of_class = errors.sum(axis=1) + errors.sum(axis=0)
    ordered = np.argsort(-of_class, kind="stable")
    confused: np.ndarray = ordered[of_class[ordered] > 0][:top]
    return confused


def find_look_alikes(matrix: np.ndarray) -> list[LookAlikes]:
    """Returns the groups of two or more classes that are taken for each other, the worst first.

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
    """Returns the leaves of the tree, then the classes that are confused with none."""
    from scipy.cluster.hierarchy import leaves_list

    confused = np.sort(list_most_confused(matrix, len(matrix)))
    if len(confused) < 2:
        return np.arange(len(matrix))
    order = confused[leaves_list(_link_classes(matrix[np.ix_(confused, confused)]))]
    # A tree may be read from either end: the end with the lower class number comes first.
    order = order if order[0] < order[-1] else order[::-1]
    return np.concatenate([order, np.setdiff1d(np.arange(len(matrix)), confused)])


def _link_classes(matrix: np.ndarray) -> np.ndarray:
    """Returns the tree of the classes, (k - 1, 4), its leaves in the best order.

    Two classes are as near as the mean of the two shares of photos taken for each other is large.

    Source:
        Z. Bar-Joseph, D. K. Gifford, T. S. Jaakkola (2001), Fast optimal leaf ordering for
        hierarchical clustering, Bioinformatics 17, S22-S29.
    """
    from scipy.cluster.hierarchy import linkage

    rows = np.nan_to_num(share(matrix, "row"))
    distances = 1 - (rows + rows.T) / 2
    pairs = distances[np.triu_indices(len(matrix), 1)]
    return np.asarray(linkage(pairs, "average", optimal_ordering=True))
