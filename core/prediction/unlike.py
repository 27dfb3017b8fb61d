"""The distance of a photo from the training photos of a model, in the space of features.

Mahalanobis's distance to the nearest class mean, with one covariance for all classes, whose 64
widest directions have a variance each and all others share one; 1 is typical of training photos.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import scipy

UNLIKE_VERSION = 1
"""Raise it when the distance changes: older limits are void then."""

_DIRECTIONS = 64
_FOLDS = 5
_BLOCK = 2048
_FEW = 8
"""Rows up to which BLAS is not used: its threads, woken after OpenVINO's, take 50 ms."""


@dataclass(frozen=True, kw_only=True, eq=False)
class UnlikeModel:
    """The distribution of the training photos."""

    means: np.ndarray
    """(c, d) float32, of classes with training photos."""
    directions: np.ndarray
    """(d, r) float32, orthonormal columns, the widest within classes."""
    variances: np.ndarray
    """(r,) float32, along them."""
    rest: np.ndarray
    """() float32, the variance along all other directions."""

    def measure(self, features: np.ndarray) -> np.ndarray:
        """Return the distance of each photo, (n,) float32, about 1 for training photos."""
        distances = np.empty(len(features), dtype=np.float32)
        for start in range(0, len(features), _BLOCK):
            rows = slice(start, start + _BLOCK)
            distances[rows] = self._measure_rows(np.asarray(features[rows], dtype=np.float32))
        return distances

    @cached_property
    def _centred(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the centre of the means, the means relative to it, and these along directions."""
        # Relative to the centre the numbers are small, so that float32 is exact enough.
        middle = self.means.mean(axis=0)
        means = self.means - middle
        return middle, means, means @ self.directions

    def _measure_rows(self, rows: np.ndarray) -> np.ndarray:
        middle, means, along_means = self._centred
        rows = rows - middle
        along = _multiply(rows, self.directions)
        within = _square_distances(along, along_means)
        widths = 1 / np.sqrt(self.variances)
        scaled = _square_distances(along * widths, along_means * widths)
        outside = np.maximum(_square_distances(rows, means) - within, 0) / float(self.rest)
        squares = np.maximum(scaled + outside, 0).min(axis=1) / rows.shape[1]
        return np.asarray(np.sqrt(squares), dtype=np.float32)


def fit_unlike(features: np.ndarray, labels: np.ndarray) -> UnlikeModel:
    """Fit the model to the features (n, d) of training photos.

    Source:
        K. Lee et al. (2018), arXiv:1807.03888, for the distance; M. E. Tipping and C. M. Bishop
        (1999), J. R. Stat. Soc. B 61, 611-622, for the covariance.
    """
    classes, groups = np.unique(labels, return_inverse=True)
    n, d = features.shape
    sums = np.zeros((len(classes), d))
    np.add.at(sums, groups, features)
    means = sums / np.bincount(groups)[:, None]
    apart, total = np.empty((n, d), dtype=np.float32), 0.0
    for rows in (slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)):
        apart[rows] = features[rows] - means[groups[rows]]
        total += float(np.square(apart[rows], dtype=np.float64).sum()) / n
    size = min(n, d)
    # At most half of the directions that the photos span, so that the rest has a variance.
    kept = max(1, min(_DIRECTIONS, (n - len(classes)) // 2, d))
    # The smaller of the two products has the same eigenvalues.
    product = (apart @ apart.T if n < d else apart.T @ apart).astype(np.float64) / n
    values, vectors = scipy.linalg.eigh(product, subset_by_index=(size - kept, size - 1))
    directions = apart.T @ vectors if n < d else vectors
    directions = directions / np.maximum(np.linalg.norm(directions, axis=0), 1e-12)
    # A floor: without any variance, the smallest move would be infinitely far.
    floor = max(1e-6 * total / d, 1e-12)
    # With all directions kept, only rounding errors lie outside of them.
    rest = max((total - values.sum()) / (d - kept), floor) if kept < d else np.inf
    return UnlikeModel(
        means=means.astype(np.float32),
        directions=directions.astype(np.float32),
        variances=np.maximum(values, floor).astype(np.float32),
        rest=np.asarray(rest, dtype=np.float32),
    )


def measure_left_out(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the distance of each photo (2 at least) by a model fitted without it, (n,) float32.

    Consecutive photos, often of one series, are left out together: a fifth of each class at a time.
    """
    classes, groups, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    rank = pd.Series(groups).groupby(groups).cumcount().to_numpy()
    # Classes begin with different fifths: else all classes of one photo would be left out at once.
    fifth = (rank * _FOLDS // sizes[groups] + np.arange(len(classes))[groups]) % _FOLDS
    distances = np.empty(len(labels), dtype=np.float32)
    for out in (fifth == number for number in np.unique(fifth)):
        distances[out] = fit_unlike(features[~out], labels[~out]).measure(features[out])
    return distances


def _square_distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distance of each row to each of the others, (n, m) float32."""
    products = _multiply(some, others.T)
    return np.asarray(
        np.square(some).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2 * products
    )


def _multiply(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the matrix product of (n, d) and (d, m); few rows without BLAS."""
    if len(some) <= _FEW:
        return np.asarray(np.einsum("nd,dm->nm", some, others))
    return np.asarray(some @ others)
