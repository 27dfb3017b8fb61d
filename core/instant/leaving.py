"""Which class each photo is taken for by the exact head that has not learned from it.

Only the answers are kept, so memory stays bounded however many photos there are: where they are
many, X is never whole in memory but made again block by block from the features.
"""

import numpy as np
from scipy import linalg

from core.instant.head import (
    BLOCK,
    LEAST_FREE,
    Standard,
    accumulate_gram,
    find_ridge,
    fit_head,
    measure_standard,
    one_hot,
    project_rows,
    split_rows,
)

_MOST_IN_MEMORY = 2 * BLOCK


class _Rotated:
    """Rows of X in the eigenvectors, made when they are asked for."""

    def __init__(self, features: np.ndarray, standard: Standard, basis: np.ndarray) -> None:
        self.dtype, self.shape = features.dtype, (len(features), basis.shape[1])
        self._features, self._standard, self._basis = features, standard, basis

    def __getitem__(self, photos: np.ndarray) -> np.ndarray:
        return np.asarray(self._standard.apply(self._features[photos]) @ self._basis)


def answer_left_out(
    features: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    n_classes: int,
    most: int = _MOST_IN_MEMORY,
) -> np.ndarray:
    """Return the class that the head without it takes each training photo for, (m,) int.

    λ is that of the least leave-one-out error.

    Args:
        features: (n, d); may be memory-mapped.
        labels: (n,) int; of training photos they are asked alone.
        train: (m,) int photo numbers.
        most: Photos whose rows are held in memory at once.
    """
    if len(train) <= max(most, features.shape[1] + 1):
        head = fit_head(features[train], labels[train], np.arange(len(train)), n_classes)
        return np.asarray(head.left_out.argmax(axis=1))
    standard = measure_standard(features, train)
    gram = accumulate_gram(features, train, standard)
    eigenvalues, basis = linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    rows = _Rotated(features, standard, basis.astype(features.dtype))
    eigenvalues = np.maximum(eigenvalues, 0)
    curve = find_ridge(rows, eigenvalues, labels, train, n_classes)
    weights = (1 / (eigenvalues + curve.best)).astype(rows.dtype)
    kernel = weights[:, None] * project_rows(rows, labels, train, n_classes)
    answers = np.empty(len(train), np.int64)
    for block in split_rows(len(train)):
        photos = train[block]
        x, targets = rows[photos], one_hot(labels[photos], n_classes, rows.dtype)
        free = np.maximum(1 - x**2 @ weights, LEAST_FREE)[:, None]
        answers[block] = (targets - (targets - x @ kernel) / free).argmax(axis=1)
    return answers
