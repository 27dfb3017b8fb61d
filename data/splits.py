"""Drawing of train, validation and test: stratified by class, seeded, exact copies kept together.

Rows of an equal group (the digest of a photo's bytes) always share a split, also when the group
spans classes; otherwise a photo learned by heart would count as one recognised.
"""

from collections.abc import Sequence

import numpy as np

SPLITS = ("train", "validation", "test")
FRACTIONS = (0.70, 0.15, 0.15)
FEWEST_GROUPS = 4
"""Groups of a class below which folds judge it far too badly (tests/bench/cross_validation.py)."""


def draw_splits(
    labels: np.ndarray, groups: np.ndarray, *, seed: int, fractions: Sequence[float] = FRACTIONS
) -> np.ndarray:
    """Return the split name of each row, (n,) str.

    Each class is divided by the fractions as exactly as whole photos allow. A class with few photos
    serves training first, then validation (from 2 photos), then test (from 3).

    Args:
        labels: (n,) int class numbers.
        groups: (n,) values; rows of equal value are kept on one side.
        seed: Same seed and same rows in the same order: same splits.
        fractions: Shares of train, validation and test; a share of 0 leaves that split empty.
    """
    rng = np.random.default_rng(seed)
    rows_of_group = _list_rows_by_group(groups)
    first_rows = np.array([rows[0] for rows in rows_of_group], dtype=np.int64)
    # A group that spans classes is divided with the class of its first row.
    class_of_group = np.asarray(labels)[first_rows]
    drawn = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(class_of_group):
        members = rng.permutation(np.flatnonzero(class_of_group == label))
        sizes = np.array([len(rows_of_group[group]) for group in members])
        for group, split in zip(members, _deal_groups(sizes, fractions), strict=True):
            drawn[rows_of_group[group]] = split
    return np.array(SPLITS)[drawn]


def draw_validation(
    labels: np.ndarray,
    groups: np.ndarray,
    splits: np.ndarray,
    *,
    seed: int,
    fraction: float = FRACTIONS[1],
) -> np.ndarray:
    """Return the splits (n,) str with a validation share drawn out of train; the rest stays.

    Args:
        labels: (n,) int class numbers.
        groups: (n,) values; rows of equal value within train are kept on one side.
        splits: (n,) str, the splits that were given.
        seed: Same seed, same rows: same splits.
        fraction: Share of the train photos of each class.
    """
    rows = np.flatnonzero(splits == "train")
    drawn = np.array(splits, dtype=np.array(SPLITS).dtype)
    drawn[rows] = draw_splits(
        labels[rows], groups[rows], seed=seed, fractions=(1 - fraction, fraction, 0.0)
    )
    return drawn


def draw_folds(labels: np.ndarray, groups: np.ndarray, *, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each row, (n,) int from 0; -1: it is in none, and always learnt from.

    Groups stay together, and each class is dealt over the folds as evenly as they allow. Rows of a
    class of fewer than 4 groups are in no fold: without one of them too little is learnt of it.

    Args:
        labels: (n,) int class numbers.
        groups: (n,) values; rows of equal value share a fold.
        folds: How many.
        seed: Same seed and same rows: same folds.
    """
    rng = np.random.default_rng(seed)
    rows_of_group = _list_rows_by_group(groups)
    class_of_group = np.asarray(labels)[[rows[0] for rows in rows_of_group]]
    drawn = np.full(len(labels), -1, dtype=np.int64)
    next_fold = 0  # where the class before ended: small classes do not all begin with the same
    for label in np.unique(class_of_group):
        members = rng.permutation(np.flatnonzero(class_of_group == label))
        if len(members) < FEWEST_GROUPS:
            continue
        largest_first = sorted(members.tolist(), key=lambda group: -len(rows_of_group[group]))
        for place, group in enumerate(largest_first):
            drawn[rows_of_group[group]] = (next_fold + place) % folds
        next_fold += len(members)
    return drawn


def _list_rows_by_group(groups: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each group, in the order in which the groups first appear."""
    rows: dict[object, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        rows.setdefault(group, []).append(row)
    return [np.array(numbers, dtype=np.int64) for numbers in rows.values()]


def _deal_groups(sizes: np.ndarray, fractions: Sequence[float]) -> np.ndarray:
    """Return the number of the split of each group of one class, (g,) int.

    Large groups first, each to the split that lacks most; the last groups go to splits that would
    otherwise stay empty.
    """
    lacking = _count_wanted(int(sizes.sum()), len(sizes), fractions)
    empty = [split for split in range(len(SPLITS)) if lacking[split] > 0]
    dealt = np.zeros(len(sizes), dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    for position, group in enumerate(order):
        choices = empty if len(order) - position <= len(empty) else range(len(SPLITS))
        split = max(choices, key=lambda choice: lacking[choice])
        lacking[split] -= int(sizes[group])
        dealt[group] = split
        if split in empty:
            empty.remove(split)
    return dealt


def _count_wanted(photos: int, groups: int, fractions: Sequence[float]) -> list[int]:
    """Return how many photos of a class train, validation and test should have."""
    _, for_validation, for_test = fractions
    validation = test = 0
    if for_validation > 0 and groups >= 2:
        validation = min(max(round(photos * for_validation), 1), photos - 1)
    if for_test > 0 and groups >= 2 + (for_validation > 0):
        test = min(max(round(photos * for_test), 1), photos - validation - 1)
    return [photos - validation - test, validation, test]
