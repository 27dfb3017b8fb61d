"""What one property alone knows of the class: a reader of 20 bins, and how it is judged."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from core.evaluation.slices import Property

_BINS = 20
_DRAWS = 999
_DEALT_UP_TO = 500


def read_class(
    of: Property,
    labels: np.ndarray,
    learnt: np.ndarray,
    judged: np.ndarray,
    classes: Sequence[str],
) -> np.ndarray:
    """Returns the share of each class among training photos of the same bin, (m, k) float64.

    Shares are drawn a little towards those of all training photos, so that a bin of few photos
    says little.
    """
    known, asked = of.values[learnt], of.values[judged]
    if of.is_number:
        edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
        places, asked_places = (np.searchsorted(edges, v, side="right") for v in (known, asked))
        n_bins = len(edges) + 1
    else:
        kinds = np.unique(known)
        places = np.searchsorted(kinds, known)
        found = np.minimum(np.searchsorted(kinds, asked), len(kinds) - 1)
        asked_places = np.where(kinds[found] == asked, found, len(kinds))  # a kind never seen
        n_bins = len(kinds) + 1
    k = len(classes)
    counts = np.bincount(places * k + labels[learnt], minlength=n_bins * k).reshape(n_bins, k)
    prior = np.bincount(labels[learnt], minlength=k) / len(learnt)
    shares = (counts + prior) / (counts.sum(axis=1, keepdims=True) + 1)
    return np.asarray(shares[asked_places])


def measure_area(of_class: np.ndarray, of_others: np.ndarray) -> tuple[float, float]:
    """Returns the area under ROC, ties counted half, and its standard error.

    Source:
        J. A. Hanley and B. J. McNeil (1982), Radiology 143, 29-36.
    """
    ordered = np.sort(of_others)
    below = np.searchsorted(ordered, of_class, side="left")
    up_to = np.searchsorted(ordered, of_class, side="right")
    n, m = len(of_class), len(of_others)
    area = float((below + up_to).sum() / (2 * n * m))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    square = area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)
    return area, float(np.sqrt(max(0.0, square) / (n * m)))


def measure_knowing(answers: np.ndarray, truth: np.ndarray, seed: int = 0) -> float:
    """Returns how often labels dealt anew over the photos are met as often, or more.

    Of many photos by the normal distribution with the exact mean and variance of the hits.

    Source:
        W. Hoeffding (1951), Ann. Math. Statist. 22, 558-566, for the variance.
    """
    hits, n = int((answers == truth).sum()), len(truth)
    if n > _DEALT_UP_TO:
        k = int(max(answers.max(), truth.max())) + 1
        a, b = (np.bincount(of, minlength=k) for of in (answers, truth))
        mean = float(a @ b) / n
        apart = np.eye(k) - b[:, None] / n - a[None, :] / n + mean / n
        variance = float((a[:, None] * b[None, :] * apart**2).sum()) / (n - 1)
        above = (hits - 0.5 - mean) / math.sqrt(variance) if variance > 0 else -math.inf
        return 1 - NormalDist().cdf(above)
    rng = np.random.default_rng(seed)
    dealt = truth.copy()
    as_many = 0
    for _ in range(_DRAWS):
        rng.shuffle(dealt)
        as_many += int((answers == dealt).sum()) >= hits
    return (1 + as_many) / (1 + _DRAWS)
