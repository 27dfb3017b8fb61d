"""Label suspects: photos that a cross-validated head assigns to another class.

Out-of-fold scores of a ridge head on standardised features, then cleanlab's confident learning.
With wrong labels planted in three datasets, ridge with penalty 0.3 found more than logistic
regression on 64 or 256 principal directions, in a fifth of the time.

Labels that a person confirmed are one JSON line each, only ever appended; the last line for a photo
(by digest) and its class counts, in all versions of a dataset.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import scipy

from core.exact.head import one_hot, split_rows
from core.runs.run_files import append_line, read_lines
from core.workspace import Workspace
from data.dataset import Dataset

FOLDS = 5
PENALTY = 0.3
_TEMPERATURES = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)
_LEAST_PHOTOS = 3  # of a class, for suspects among them
_CONTRADICTED, _CERTAIN = 0.05, 0.9
"""Scores of the given and of the suggested class from which a label is a suspect in any case."""
FILE = "confirmed.jsonl"


def deal_folds(labels: np.ndarray, groups: np.ndarray, folds: int, seed: int = 0) -> np.ndarray:
    """Return the fold of each row, (n,) int: stratified, and each group in one fold.

    Args:
        groups: (n,) int; rows of equal value are a group.
    """
    rng = np.random.default_rng(seed)
    _, first, group_of_row = np.unique(groups, return_index=True, return_inverse=True)
    fold_of_group = np.zeros(len(first), dtype=np.int64)
    dealt = 0
    for label in np.unique(labels[first]):
        members = rng.permutation(np.flatnonzero(labels[first] == label))
        # The next class continues where this one ended, so that the folds are equally large.
        fold_of_group[members] = (dealt + np.arange(len(members))) % folds
        dealt += len(members)
    return fold_of_group[group_of_row]


def score_out_of_fold(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, n_classes: int
) -> np.ndarray:
    """Return the scores of ridge heads, (n, k) float64, each trained without the fold it scores.

    One temperature, with the least loss, makes them probabilities.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    squared = sum(
        ((features[block] - mean) ** 2).sum(axis=0) for block in split_rows(len(features))
    )
    spread = np.sqrt(squared / len(features)) + 1e-6

    def standardise(rows: np.ndarray) -> np.ndarray:
        return np.asarray((features[rows] - mean) / spread, dtype=np.float32)

    squares, products, counts = _sum_by_fold(standardise, len(mean), labels, folds, n_classes)
    raw = np.zeros((len(labels), n_classes))
    for fold in range(len(squares)):
        train = [other for other in range(len(squares)) if other != fold]
        n = max(counts[train].sum(), 1)
        share = counts[train].sum(axis=0) / n
        # If all photos are copies of each other, there is one fold and nothing to learn from.
        covariance = sum((squares[other] for other in train), np.zeros_like(squares[fold])) / n
        covariance[np.diag_indices(len(covariance))] += PENALTY
        head = np.linalg.solve(covariance, products[train].sum(axis=0) / n)
        rows = np.flatnonzero(folds == fold)
        for block in split_rows(len(rows)):
            raw[rows[block]] = standardise(rows[block]) @ head + share
    return _soften(raw, labels)


def find_suspects(scores: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return given_score, suggested (class name), suggested_score, label_score and suspect.

    One row a photo. `label_score` is the score of the given class. Confident learning estimates
    the number of wrong labels; the photos with the lowest label scores are suspects, unless the
    head agrees with the label or the class has fewer than 3 photos. Where classes are so easy that
    all other scores are near 1, its thresholds pass over the one wrong label: a clear contradiction
    is a suspect, too. On flower_photos with planted errors this marked no other photo.

    Args:
        scores: (n, k) out-of-fold.
    """
    from cleanlab.filter import find_label_issues

    present, compact = np.unique(labels, return_inverse=True)
    suspect = np.zeros(len(labels), dtype=bool)
    if len(present) > 1:
        shares = scores[:, present] / scores[:, present].sum(axis=1, keepdims=True)
        suspect = np.asarray(
            find_label_issues(compact, shares, filter_by="low_self_confidence", n_jobs=1)
        )
    suggested = scores.argmax(axis=1)
    enough = np.bincount(labels, minlength=len(classes))[labels] >= _LEAST_PHOTOS
    given = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    suspect |= (given < _CONTRADICTED) & (scores.max(axis=1) > _CERTAIN)
    return pd.DataFrame(
        {
            "given_score": given,
            "suggested": np.array(classes, dtype=object)[suggested],
            "suggested_score": scores.max(axis=1),
            "label_score": given,
            "suspect": suspect & enough & (suggested != labels),
        }
    )


def _sum_by_fold(
    read: Callable[[np.ndarray], np.ndarray],
    size: int,
    labels: np.ndarray,
    folds: np.ndarray,
    n_classes: int,
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return X'X (d, d), X'T (d, k) and the photos of each class (k) of each fold."""
    n_folds = int(folds.max()) + 1
    squares = [np.zeros((size, size)) for _ in range(n_folds)]
    products = np.zeros((n_folds, size, n_classes))
    counts = np.zeros((n_folds, n_classes))
    for fold in range(n_folds):
        rows = np.flatnonzero(folds == fold)
        counts[fold] = np.bincount(labels[rows], minlength=n_classes)
        for block in split_rows(len(rows)):
            values = read(rows[block])
            squares[fold] += values.T @ values
            products[fold] += values.T @ one_hot(labels[rows[block]], n_classes, np.float32)
    return squares, products, counts


def _soften(raw: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the softmax of raw scores at the temperature with the least cross-entropy."""

    def lose(temperature: float) -> float:
        scores = (
            (scipy.special.softmax(temperature * raw[rows], axis=1), rows)
            for rows in split_rows(len(raw))
        )
        own = (np.take_along_axis(some, labels[rows, None], axis=1) for some, rows in scores)
        return -float(sum(np.log(one + 1e-12).sum() for one in own))

    best = min(_TEMPERATURES, key=lose)
    for rows in split_rows(len(raw)):
        raw[rows] = scipy.special.softmax(best * raw[rows], axis=1)
    return raw


def read_confirmed(workspace: Workspace) -> frozenset[tuple[str, str]]:
    """Return digest and class of all photos with a confirmed label."""
    lines, _ = read_lines(workspace.analyses / FILE)
    right = {(str(one.get("sha256")), str(one.get("class"))): one.get("right") for one in lines}
    return frozenset(key for key, is_right in right.items() if is_right)


def confirm_labels(
    workspace: Workspace, dataset: Dataset, photos: Sequence[int], *, right: bool = True
) -> None:
    """Store that the labels of photos are correct, or with right=False in doubt again."""
    workspace.analyses.mkdir(parents=True, exist_ok=True)
    for row in dataset.manifest.iloc[list(photos)][["sha256", "class"]].to_dict("records"):
        append_line(workspace.analyses / FILE, row | {"right": right})
