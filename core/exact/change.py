"""The outputs of an exact head after edits of labels and training photos, without a refit.

Outputs are linear in the labels, and a few more or fewer photos change (A + λI)⁻¹ by a small matrix
(Woodbury); the photos may be new ones. λ, temperature and standardisation do not change.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Taught:
    """An exact head with new photos added to its training photos."""

    head: ExactHead
    rows: np.ndarray
    """(z, r) float64: the new photos in the eigenvectors."""
    beyond: np.ndarray
    """(z, d + 1): the part outside of the span of the dataset's photos; 0 if r is d + 1."""
    apart: np.ndarray
    """(z, k′) float64: residuals under the new head, times the weight."""
    left_out: np.ndarray
    """(z, k′) float64: outputs for each new photo by the head taught with the others."""

    def answer_photos(self, photos: np.ndarray) -> np.ndarray:
        """Return the outputs for photos of the dataset, by number, (v, k′)."""
        weighed = (self.head.rows[photos] * self.head.weights) @ self.rows.T
        outputs = _widen(self.head.outputs[photos], self.apart.shape[1])
        return np.asarray(outputs + weighed @ self.apart)

    def answer(self, features: np.ndarray) -> np.ndarray:
        """Return the outputs (b, k′) for features (b, d) of new photos."""
        rows, beyond = _split_spanned(self.head, features)
        weighed = (rows * self.head.weights) @ self.rows.T
        weighed += beyond @ self.beyond.T / self.head.ridge
        outputs = _widen(rows @ self.head.coefficients, self.apart.shape[1])
        return np.asarray(outputs + weighed @ self.apart)


def teach_photos(
    head: ExactHead, features: np.ndarray, label: int, n_classes: int, weight: float = 1.0
) -> Taught:
    """Return the head with new photos added; it equals a refit.

    Outside of the span of the dataset's photos (if they are fewer than features), (A + λI)⁻¹ is
    1/λ.

    Args:
        features: (z, d) float.
        label: Their class, which may be a new one after the head's classes.
        weight: Training photos that each new photo counts as.
    """
    rows, beyond = _split_spanned(head, features)
    targets = one_hot(np.full(len(rows), label), n_classes)
    inner = (rows / (head.eigenvalues + head.ridge)) @ rows.T + beyond @ beyond.T / head.ridge
    inverse = scipy.linalg.inv(inner + np.eye(len(rows)) / weight)
    apart = inverse @ (targets - _widen(rows @ head.coefficients, n_classes))
    left_out = targets - apart / np.diag(inverse)[:, None]
    return Taught(head=head, rows=rows, beyond=beyond, apart=apart, left_out=left_out)


def _split_spanned(head: ExactHead, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features in the eigenvectors (b, r), and the part outside of their span (b, d + 1)."""
    x = head.standard.apply(features).astype(np.float64)
    rows = x @ head.basis
    full = head.basis.shape[0] == head.basis.shape[1]
    return rows, np.zeros_like(x) if full else x - rows @ head.basis.T


def _widen(outputs: np.ndarray, width: int) -> np.ndarray:
    """Return the outputs (b, k) with columns of 0 for new classes."""
    return np.pad(outputs, ((0, 0), (0, width - outputs.shape[1])))
