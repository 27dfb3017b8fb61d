"""Lists of classes that hold the right one as often as promised (conformal prediction sets).

A class is listed while its score of strangeness is at most a limit: a quantile of the strangeness
of the right classes of validation photos. The best class is always listed. The promise is of photos
like these, over many of them: not of one photo, and not of another kind of photos.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from core.evaluation.calibration import fit_temperature, temper_scores
from core.evaluation.coverage import find_limit
from core.evaluation.intervals import wilson_interval

Method = Literal["lac", "raps"]

_PENALTY = 0.05
_FREE = 2
"""RAPS: each class after the second costs so much more. Fixed, so that no photo chooses it."""
_CLUSTER = 100
"""Calibration photos for each cluster of rare classes, about."""
_FOLDS, _FOLDS_OF_MANY, _MANY = 10, 5, 1_000
"""Folds by which lists are judged: fewer of many photos, where fitting takes a while."""


class SetWish(NamedTuple):
    """What a person wants of lists."""

    promise: float
    """Share of photos whose list holds the right class, in (0, 1)."""
    method: Method = "lac"
    by_class: bool = False
    """Whether the promise is to be kept of each class, else of all photos together."""


@dataclass(frozen=True, kw_only=True)
class SetRule:
    """Up to which strangeness classes are listed, and how often the right one was among them."""

    method: Method
    promise: float
    limit: float
    class_limits: Mapping[str, float] = field(default_factory=dict)
    """Class name → limit, where the promise is kept of each class."""
    n: int
    """Calibration photos behind `limit`."""
    low: float | None = None
    """Ends of the 95 % interval of the share that was measured; None: too few photos."""
    high: float | None = None

    @property
    def wish(self) -> SetWish:
        """What it was chosen for."""
        return SetWish(self.promise, self.method, bool(self.class_limits))


def measure_strangeness(scores: np.ndarray, method: Method) -> np.ndarray:
    """Return how strange each class is for each photo, (n, k) float64, of scores (n, k).

    "lac": 1 − score (the smallest lists). "raps": the sum of the scores down to the class, and a
    penalty for each class after the second (lists that are longer where a photo is harder).

    Source:
        M. Sadinle et al. (2019), J. Am. Stat. Assoc. 114, 223-234; A. N. Angelopoulos et al.
        (2021), Uncertainty Sets for Image Classifiers using Conformal Prediction, arXiv:2009.14193,
        here without its random part, so that the same photo has the same list.
    """
    scores = scores.astype(np.float64)
    if method == "lac":
        return np.asarray(1 - scores)
    order = np.argsort(-scores, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(scores, order, axis=1), axis=1)
    sums += _PENALTY * np.maximum(np.arange(1, scores.shape[1] + 1) - _FREE, 0)
    found = np.empty_like(sums)
    np.put_along_axis(found, order, sums, axis=1)
    return found


def list_classes(rule: SetRule, scores: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return which classes are listed for each photo, (n, k) bool; `scores` are calibrated."""
    limits = np.array([rule.class_limits.get(name, rule.limit) for name in classes])
    listed = measure_strangeness(scores, rule.method) <= limits
    listed[np.arange(len(scores)), scores.argmax(axis=1)] = True
    return np.asarray(listed)


class Limits(NamedTuple):
    """The limit of each class, and what it rests on."""

    limits: np.ndarray
    """(k,) float."""
    counts: np.ndarray
    """(k,) int, calibration photos behind it."""
    clusters: np.ndarray
    """(k,) int: the cluster of a class that shares its limit; -1: of its own, or that of all."""


def choose_limits(
    strangeness: np.ndarray, labels: np.ndarray, wish: SetWish, seed: int = 0
) -> Limits | None:
    """Return limits that keep the promise; None for so few photos that none does.

    By class, each class with enough photos (19 for 95 %) has a limit of its own. The others share
    those of clusters: half of their photos say which classes are alike, the other half choose the
    limit of each cluster. A class without photos there has the limit of all.

    Args:
        strangeness: (n, k) of validation photos, whose scores are calibrated.

    Source:
        T. Ding et al. (2023), Class-Conditional Conformal Prediction with Many Classes,
        arXiv:2306.09335; classes are clustered along one axis, their mean strangeness, in place of
        k-means over quantiles: so few photos do not tell more.
    """
    k = strangeness.shape[1]
    own = strangeness[np.arange(len(labels)), labels]
    overall = find_limit(own, wish.promise)
    if overall is None:
        return None
    found = Limits(np.full(k, overall), np.full(k, len(own)), np.full(k, -1))
    if not wish.by_class:
        return found
    is_rare = np.zeros(k, dtype=bool)
    for number in range(k):
        values = own[labels == number]
        limit = find_limit(values, wish.promise)
        is_rare[number] = limit is None
        if limit is not None:
            found.limits[number], found.counts[number] = limit, len(values)
    rare = np.flatnonzero(is_rare[labels])
    halves = np.random.default_rng(seed).permutation(len(rare)) % 2
    for cluster, members in enumerate(_cluster(own[rare], labels[rare], halves == 0)):
        inside = own[rare][(halves == 1) & np.isin(labels[rare], members)]
        limit = find_limit(inside, wish.promise)
        if limit is not None:
            found.limits[members], found.counts[members] = limit, len(inside)
            found.clusters[members] = cluster
    return found


def _cluster(own: np.ndarray, labels: np.ndarray, shown: np.ndarray) -> list[np.ndarray]:
    """Return the classes of each cluster: alike in the mean of what is `shown` of them."""
    if not shown.any():
        return []
    counts = np.bincount(labels[shown])
    there = np.flatnonzero(counts)
    means = np.bincount(labels[shown], weights=own[shown])[there] / counts[there]
    ordered = there[np.argsort(means, kind="stable")]
    before = np.cumsum(counts[ordered]) - counts[ordered]
    n = max(1, int((~shown).sum()) // _CLUSTER)
    places = before * n // max(1, int(counts.sum()))
    return [ordered[places == place] for place in np.unique(places)]


def cross_list(
    scores: np.ndarray, labels: np.ndarray, wish: SetWish, *, calibrated: bool
) -> np.ndarray | None:
    """Return the lists of validation photos, (n, k) bool, each by what the other folds choose.

    So coverage is measured on photos that chose neither limit nor temperature. None where too few
    are left to choose by.
    """
    folds = _FOLDS if len(labels) < _MANY else _FOLDS_OF_MANY
    parts = np.random.default_rng(0).permutation(len(labels)) % folds
    strange = measure_strangeness(scores, wish.method)
    listed = np.zeros(scores.shape, dtype=bool)
    for part in np.unique(parts):
        inside = parts == part
        if inside.all():
            return None
        if calibrated:
            degree = fit_temperature(scores[~inside], labels[~inside]).temperature
            strange = measure_strangeness(temper_scores(scores, degree), wish.method)
        found = choose_limits(strange[~inside], labels[~inside], wish)
        if found is None:
            return None
        listed[inside] = strange[inside] <= found.limits
    listed[np.arange(len(labels)), scores.argmax(axis=1)] = True
    return listed


def measure_coverage(listed: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Return the share of photos whose list holds the right class, and its 95 % interval."""
    hits, n = int(listed[np.arange(len(labels)), labels].sum()), len(labels)
    return (hits / n if n else float("nan"), *wilson_interval(hits, n))


def expect_coverage(n: int, promise: float) -> tuple[float, float]:
    """Return between which shares the coverage of a limit lies in 95 of 100 draws of n photos.

    Source:
        V. Vovk (2012), Conditional Validity of Inductive Conformal Predictors: Beta(n + 1 − l, l)
        with l = ⌊(n + 1)(1 − promise)⌋, for scores without ties.
    """
    from scipy.stats import beta

    allowed = int((n + 1) * (1 - promise) + 1e-9)
    low, high = beta.ppf([0.025, 0.975], n + 1 - allowed, allowed)
    return float(low), float(high)
