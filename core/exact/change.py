"""The outputs of an exact head after edits of labels and training photos, without a refit.

Outputs are linear in the labels, and a few more or fewer photos change (A + λI)⁻¹ by a small matrix
(Woodbury). λ, temperature and standardisation do not change.
"""

from typing import NamedTuple

import numpy as np
import scipy

from core.exact.head import ExactHead, one_hot, split_rows


class Change(NamedTuple):
    """The photos after the edits."""

    labels: np.ndarray
    """(n,) int, index into the head's classes, which new classes follow."""
    train: np.ndarray
    """(m′,) int, ascending: the training photos."""
    n_classes: int
    """With the new ones."""


def _change_weights(head: ExactHead, change: Change) -> np.ndarray:
    """Return the change of the head's coefficients, (r, k′).

    Relabelled photos add their rows times the change of their targets. Photos that leave (-1) or
    enter (1) the training photos add (A + λI)⁻¹Xᵀ(D⁻¹ + H)⁻¹(Y - XW): D is the diagonal of -1 and
    1, H = X(A + λI)⁻¹Xᵀ of these photos, W the earlier head with the new labels.
    """
    width = change.n_classes
    staying = np.intersect1d(head.train, change.train)
    relabelled = staying[head.labels[staying] != change.labels[staying]]
    turn = np.zeros((len(head.weights), width))
    if len(relabelled):
        targets = one_hot(change.labels[relabelled], width)
        targets -= one_hot(head.labels[relabelled], width)
        turn += head.rows[relabelled].T @ targets
    leaving = np.setdiff1d(head.train, change.train)
    entering = np.setdiff1d(change.train, head.train)
    if len(leaving) or len(entering):
        weights = 1 / (head.eigenvalues + head.ridge)
        moving = np.concatenate([leaving, entering])
        rows = head.rows[moving].astype(np.float64)
        outputs = _widen(head.outputs[moving], width) + (rows * weights) @ turn
        true = np.concatenate([head.labels[leaving], change.labels[entering]])
        signs = np.repeat([-1.0, 1.0], [len(leaving), len(entering)])
        inner = (rows * weights) @ rows.T + np.diag(signs)
        apart = scipy.linalg.solve(inner, one_hot(true, width) - outputs, assume_a="sym")
        turn += rows.T @ apart
    return turn * (1 / (head.eigenvalues + head.ridge))[:, None]


def answer_changed(head: ExactHead, change: Change, photos: np.ndarray) -> np.ndarray:
    """Return the outputs (v, k′) for photos (v,) after the change."""
    turn = _change_weights(head, change).astype(head.rows.dtype)
    outputs = _widen(head.outputs[photos], change.n_classes).astype(head.rows.dtype)
    for block in split_rows(len(photos)):
        outputs[block] += head.rows[photos[block]] @ turn
    return outputs


def _widen(outputs: np.ndarray, width: int) -> np.ndarray:
    """Return the outputs (b, k) with columns of 0 for new classes."""
    return np.pad(outputs, ((0, 0), (0, width - outputs.shape[1])))
