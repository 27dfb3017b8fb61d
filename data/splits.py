"""Drawing of train, validation and test: stratified by class, seeded, copies in one split.

Rows of one group (the digest of a photo's bytes) share a split, also across classes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import scipy

SPLITS = ("train", "validation", "test")
FRACTIONS = (0.70, 0.15, 0.15)


def join_groups(manifest: pd.DataFrame) -> np.ndarray:
    """Return a value for each photo, (n,): equal for copies, and in one group of its source."""
    if "group" not in manifest or not manifest["group"].any():
        return np.asarray(manifest["sha256"])
    named = manifest["group"].where(manifest["group"] != "", manifest["sha256"])
    rows = pd.Series(np.arange(len(manifest)), index=manifest.index)
    firsts = [rows.groupby(column).transform("first") for column in (manifest["sha256"], named)]
    pairs = pd.DataFrame({"a": np.tile(rows, 2), "b": np.concatenate(firsts)})
    return number_groups(pairs, len(manifest))


def number_groups(pairs: pd.DataFrame, photos: int) -> np.ndarray:
    """Return the group of each photo, (n,) int: pairs connect photos to groups.

    Args:
        pairs: Columns a and b, as `data.duplicates.find_pairs` returns them.
    """
    ends = (pairs["a"].to_numpy(), pairs["b"].to_numpy())
    joined = np.ones(len(pairs), dtype=np.int8)
    graph = scipy.sparse.coo_array((joined, ends), shape=(photos, photos))
    return np.asarray(scipy.sparse.csgraph.connected_components(graph, directed=False)[1])


def draw_splits(
    labels: np.ndarray, groups: np.ndarray, *, seed: int, fractions: Sequence[float] = FRACTIONS
) -> np.ndarray:
    """Return the split of each row, (n,) str; the same for the same seed and rows.

    Each class is divided by the fractions as exactly as whole photos allow. A class with few photos
    serves training first, then validation (from 2 photos), then test (from 3).

    Args:
        labels: (n,) int class numbers.
        groups: (n,) values; rows of equal value share a split.
        fractions: Shares of train, validation and test; a share of 0 leaves that split empty.
    """
    drawn = np.zeros(len(labels), dtype=np.int64)
    for groups_of_class in _shuffle_groups(labels, groups, seed):
        sizes = np.array([len(rows) for rows in groups_of_class])
        for rows, split in zip(groups_of_class, _deal_groups(sizes, fractions), strict=True):
            drawn[rows] = split
    return np.array(SPLITS)[drawn]


def draw_validation(
    labels: np.ndarray, groups: np.ndarray, splits: np.ndarray, *, seed: int
) -> np.ndarray:
    """Return the splits (n,) str with a share of the training photos moved to validation.

    Args:
        splits: (n,) str, the given splits; the others as in `draw_splits`.
    """
    rows = np.flatnonzero(splits == "train")
    drawn = np.array(splits, dtype=np.array(SPLITS).dtype)
    fractions = (1 - FRACTIONS[1], FRACTIONS[1], 0.0)
    drawn[rows] = draw_splits(labels[rows], groups[rows], seed=seed, fractions=fractions)
    return drawn


def _shuffle_groups(labels: np.ndarray, groups: np.ndarray, seed: int) -> Iterator[list[list[int]]]:
    """Yield the shuffled groups of each class; the first row of a group decides its class."""
    rng = np.random.default_rng(seed)
    rows: dict[object, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        rows.setdefault(group, []).append(row)
    rows_of_group = list(rows.values())
    class_of_group = np.asarray(labels)[[first for first, *_ in rows_of_group]]
    for label in np.unique(class_of_group):
        members = rng.permutation(np.flatnonzero(class_of_group == label))
        yield [rows_of_group[group] for group in members]


def _deal_groups(sizes: np.ndarray, fractions: Sequence[float]) -> np.ndarray:
    """Return the split number of each group of one class, (g,) int.

    Large groups come first and go to the split that lacks most; the last ones go to empty splits.
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
    """Return the numbers of photos of a class for train, validation and test."""
    _, for_validation, for_test = fractions
    validation = test = 0
    if for_validation > 0 and groups >= 2:
        validation = min(max(round(photos * for_validation), 1), photos - 1)
    if for_test > 0 and groups >= 2 + (for_validation > 0):
        test = min(max(round(photos * for_test), 1), photos - validation - 1)
    return [photos - validation - test, validation, test]
