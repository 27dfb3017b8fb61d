"""The exact head: ridge regression on cached features, in closed form (NumPy and SciPy only).

Features are standardised by the training photos and get a column for the bias; targets are one-hot.
In the eigenvectors of A = XᵀX, (A + λI)⁻¹ is a diagonal: a head with another λ, other labels or
other training photos takes a few products of small matrices and equals a refit with the same
standardisation. Arrays may be memory-mapped.

Source: A. E. Hoerl, R. W. Kennard (1970), Technometrics 12, 55-67; leave-one-out by leverages:
D. M. Allen (1974), Technometrics 16, 125-127.
"""

import errno
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy

BLOCK = 4096
"""Rows in memory at once."""
_MOST_IN_MEMORY = 2 * 2**30
"""Bytes of rows in memory; more rows are in a file."""
_GRID = np.logspace(-3.5, 2.5, 25)
"""Values of λ, in units of the mean eigenvalue."""
_LEAST_SPREAD = 1e-6
"""Standard deviation below which a feature is constant and stays as it is."""
LEAST_FREE = 1e-6
"""Lower limit of 1 − leverage."""


class Standard(NamedTuple):
    """Makes features rows of X: (x − mean) / scale, then a column for the bias."""

    mean: np.ndarray
    """(d,), of the training photos."""
    scale: np.ndarray
    """(d,); 1 where a feature is constant."""

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Return X (n, d + 1). The bias column is √d, so that λ hardly shrinks the bias."""
        rows = (features - self.mean) / self.scale
        bias = np.full((len(rows), 1), np.sqrt(rows.shape[1]), rows.dtype)
        return np.hstack([rows, bias])


class RidgeCurve(NamedTuple):
    """The leave-one-out error of training photos against λ."""

    ridges: np.ndarray
    """(g,), ascending."""
    errors: np.ndarray
    """(g,), mean squared distance from the one-hot target."""
    accuracies: np.ndarray
    """(g,), of training photos, each answered by the head fitted without it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExactHead:
    """The best linear head by squared error, with the arrays that answer questions about it."""

    rows: np.ndarray
    """(n, r): X of all photos of the dataset in the eigenvectors. These are orthonormal: products
    of rows equal the products of X."""
    eigenvalues: np.ndarray
    """(r,) float64, of the training photos; 0 in directions outside of their span."""
    basis: np.ndarray
    """(d + 1, r): the eigenvectors."""
    standard: Standard
    train: np.ndarray
    """(m,) int64, ascending: the photos it was fitted on."""
    labels: np.ndarray
    """(n,) int64, of all photos."""
    n_classes: int
    ridge: float
    """λ."""
    outputs: np.ndarray
    """(n, k): XW, of all photos."""
    leverages: np.ndarray
    """(m,) float64, 0..1: the share of its own output that each training photo makes."""
    temperature: float
    """Divides the outputs before the softmax; fitted on `left_out`."""
    curve: RidgeCurve

    @cached_property
    def weights(self) -> np.ndarray:
        """(r,): the diagonal of (A + λI)⁻¹."""
        return (1 / (self.eigenvalues + self.ridge)).astype(self.rows.dtype)

    @cached_property
    def left_out(self) -> np.ndarray:
        """(m, k): outputs for each training photo by the head fitted without it."""
        targets = one_hot(self.labels[self.train], self.n_classes, self.outputs.dtype)
        residuals = targets - self.outputs[self.train]
        free = np.maximum(1 - self.leverages, LEAST_FREE)
        return np.asarray(targets - residuals / free[:, None])

    def weigh(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return xᵀ(A + λI)⁻¹x′ for photos by number, (len(some), len(others)).

        It is the weight of a training photo's label (x′) in the output for a photo (x).
        """
        return np.asarray((self.rows[some] * self.weights) @ self.rows[others].T)

    def to_scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the softmax of the outputs at the head's temperature."""
        return np.asarray(scipy.special.softmax(outputs / self.temperature, axis=-1))

    def answer(self, features: np.ndarray) -> np.ndarray:
        """Return the outputs (b, k) for features (b, d) of new photos."""
        return np.asarray(self.to_rows(features) @ self.coefficients)

    def to_rows(self, features: np.ndarray) -> np.ndarray:
        """Return features (b, d) in the eigenvectors, (b, r)."""
        return np.asarray(self.standard.apply(features) @ self.basis)

    @cached_property
    def coefficients(self) -> np.ndarray:
        """(r, k): W in the eigenvectors."""
        products = _project_rows(self.rows, self.labels, self.train, self.n_classes)
        return np.asarray(self.weights[:, None] * products)

    @cached_property
    def kernel(self) -> tuple[np.ndarray, np.ndarray]:
        """The head for features that are not standardised: kernel (d, k) and bias (k,)."""
        full = self.basis.astype(np.float64) @ self.coefficients
        kernel = full[:-1] / self.standard.scale[:, None]
        bias = full[-1] * np.sqrt(len(kernel)) - self.standard.mean @ kernel
        return kernel, bias


def fit_head(
    features: np.ndarray, labels: np.ndarray, train: np.ndarray, n_classes: int
) -> ExactHead:
    """Return the exact head whose λ has the least leave-one-out error.

    Args:
        features: (n, d) of all photos, float32 or float64; the head is computed in the same type.
        train: (m,) int photo numbers, at least one.
        n_classes: Classes without a training photo get outputs of 0.
    """
    standard = _measure_standard(features, train)
    rows, eigenvalues, basis = _rotate(features, train, standard)
    curve = _measure_ridges(rows, eigenvalues, labels, train, n_classes)
    ridge = float(curve.ridges[curve.errors.argmin()])
    inverse = 1 / (eigenvalues + ridge)[:, None]
    head = ExactHead(
        rows=rows,
        eigenvalues=eigenvalues,
        basis=basis,
        standard=standard,
        train=np.asarray(train, np.int64),
        labels=np.asarray(labels, np.int64),
        n_classes=n_classes,
        ridge=ridge,
        outputs=np.empty((len(rows), n_classes), rows.dtype),
        leverages=_measure_leverages(rows, train, inverse)[:, 0],
        temperature=1.0,
        curve=curve,
    )
    for block in split_rows(len(rows)):
        head.outputs[block] = rows[block] @ head.coefficients
    temperature = _fit_temperature(head.left_out, head.labels[head.train])
    return replace(head, temperature=temperature)


def _measure_ridges(
    rows: np.ndarray, eigenvalues: np.ndarray, labels: np.ndarray, train: np.ndarray, n_classes: int
) -> RidgeCurve:
    """Return the leave-one-out error over the grid of λ, from one eigendecomposition."""
    ridges = _GRID * max(float(eigenvalues.mean()), _LEAST_SPREAD)
    inverse = 1 / (eigenvalues[:, None] + ridges)
    leverages = _measure_leverages(rows, train, inverse)
    products = _project_rows(rows, labels, train, n_classes)
    errors, right = np.zeros(len(ridges)), np.zeros(len(ridges))
    for block in split_rows(len(train)):
        photos = train[block]
        x, true = rows[photos], labels[photos]
        for place, weights in enumerate(inverse.T.astype(rows.dtype)):
            outputs = x @ (weights[:, None] * products)
            targets = one_hot(true, n_classes, outputs.dtype)
            free = np.maximum(1 - leverages[block, place], LEAST_FREE)[:, None]
            apart = (targets - outputs) / free
            errors[place] += float((apart.astype(np.float64) ** 2).sum())
            right[place] += float(((targets - apart).argmax(axis=1) == true).sum())
    return RidgeCurve(ridges=ridges, errors=errors / len(train), accuracies=right / len(train))


def _fit_temperature(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature with the least log loss of the softmax."""
    true = outputs[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        scaled = outputs / np.exp(log_temperature)
        logs = scipy.special.logsumexp(scaled, axis=1) - true / np.exp(log_temperature)
        return float(logs.mean())

    bounds = np.log(1e-3), np.log(10.0)
    found = scipy.optimize.minimize_scalar(loss, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def _measure_standard(features: np.ndarray, train: np.ndarray) -> Standard:
    """Return the mean and spread of the training photos' features, in their type."""
    total, squares = np.zeros((2, features.shape[1]))
    for block in split_rows(len(train)):
        values = np.asarray(features[train[block]], np.float64)
        total += values.sum(axis=0)
    mean = total / len(train)
    for block in split_rows(len(train)):
        squares += ((features[train[block]] - mean) ** 2).sum(axis=0)
    scale = np.sqrt(squares / len(train))
    scale[scale < _LEAST_SPREAD] = 1.0
    return Standard(mean=mean.astype(features.dtype), scale=scale.astype(features.dtype))


def one_hot(labels: np.ndarray, n_classes: int, kind: np.dtype | type = np.float64) -> np.ndarray:
    """Return (m, k): 1 in the column of each label."""
    return np.asarray(labels[:, None] == np.arange(n_classes), kind)


def split_rows(n: int) -> Iterator[slice]:
    """Yield slices that cover all rows."""
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


def _project_rows(
    rows: np.ndarray, labels: np.ndarray, train: np.ndarray, n_classes: int
) -> np.ndarray:
    """Return XᵀY of the training photos, (r, k)."""
    products = np.zeros((rows.shape[1], n_classes))
    for block in split_rows(len(train)):
        photos = train[block]
        products += rows[photos].T @ one_hot(labels[photos], n_classes, rows.dtype)
    return products.astype(rows.dtype)


def _measure_leverages(rows: np.ndarray, train: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Return xᵀ(A + λI)⁻¹x of the training photos, (m, g) float64, for `inverse` (r, g)."""
    leverages = np.empty((len(train), inverse.shape[1]))
    for block in split_rows(len(train)):
        leverages[block] = rows[train[block]] ** 2 @ inverse.astype(rows.dtype)
    return leverages


def _make_room(shape: tuple[int, int], features: np.ndarray) -> np.ndarray:
    """Return an array of the features' type; a large one is in a file beside the features."""
    size, file = math.prod(shape) * features.itemsize, getattr(features, "filename", None)
    if file is None or size <= _MOST_IN_MEMORY:
        return np.empty(shape, features.dtype)
    if shutil.disk_usage(folder := Path(file).parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    with tempfile.TemporaryFile(dir=folder) as room:  # deleted with the array
        return np.memmap(room, features.dtype, "w+", shape=shape)


def _rotate(
    features: np.ndarray, train: np.ndarray, standard: Standard
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows (n, r), eigenvalues (r,) and basis (d + 1, r); r is n where n < d + 1."""
    n, width = len(features), features.shape[1] + 1
    kind = features.dtype
    axes = None
    if n < width:  # fewer photos than features: their span is enough
        axes, triangle = scipy.linalg.qr(
            standard.apply(np.asarray(features)).T, mode="economic", check_finite=False
        )
        x = triangle.T.astype(np.float64)
        gram = x[train].T @ x[train]
    else:
        gram = np.zeros((width, width))
        for block in split_rows(len(train)):
            x = standard.apply(features[train[block]]).astype(np.float64)
            gram += x.T @ x
    _, basis = scipy.linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    if axes is not None:
        rows = np.ascontiguousarray(triangle.T @ basis).astype(kind)
        basis = (axes @ basis).astype(kind)
    else:
        basis = basis.astype(kind)
        rows = _make_room((n, width), features)
        for block in split_rows(n):
            rows[block] = standard.apply(features[block]) @ basis
    # The lengths of the rotated columns are more exact than eigenvalues in float32.
    eigenvalues = np.zeros(rows.shape[1])
    for block in split_rows(len(train)):
        eigenvalues += (rows[train[block]].astype(np.float64) ** 2).sum(axis=0)
    return rows, eigenvalues, basis
