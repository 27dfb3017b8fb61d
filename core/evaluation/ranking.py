"""ROC and precision-recall curves of one class against the rest, with their areas.

For each class, as the mean over classes (macro) and over all pairs of photo and class (micro).
Areas equal scikit-learn's, ties included; a class without positives or negatives has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.evaluation.intervals import Estimate, logit_interval
from core.evaluation.metrics import check_scores

Kind = Literal["roc", "precision_recall"]
_POINTS = 240
"""Most points of a drawn curve."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Areas and curves of some photos."""

    per_class: pd.DataFrame
    """class, positives, negatives, roc_auc, average_precision; NaN without one of both."""
    macro: dict[Kind, Estimate]
    """Mean of the classes' areas."""
    micro: dict[Kind, Estimate]
    curves: dict[Kind, dict[str, np.ndarray]]
    """Class → (2, t): false and true positive rate, or recall and precision."""
    micro_curves: dict[Kind, np.ndarray]


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Cumulative counts from the highest score down, at and between the scores of positives."""

    hits: np.ndarray
    """(t,) int, positives up to the threshold."""
    seen: np.ndarray
    """(t,) int, photos up to the threshold."""
    group: np.ndarray
    """(n,) int, threshold of each photo."""

    @property
    def false(self) -> np.ndarray:
        return np.asarray(self.seen - self.hits)


def rank_classes(scores: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Ranking:
    """Return areas and curves of scores (n, k) against labels (n,).

    Raises:
        ValueError: A score is not finite, or shapes do not fit.
    """
    scores, labels = check_scores(scores, labels, len(classes))
    truth = labels[:, None] == np.arange(len(classes))
    rows: list[dict[str, object]] = []
    pulls = {kind: np.zeros(len(labels)) for kind in _AREAS}
    curves: dict[Kind, dict[str, np.ndarray]] = {"roc": {}, "precision_recall": {}}
    for number, name in enumerate(classes):
        positive = truth[:, number]
        hits = int(positive.sum())
        rows.append({"class": name, "positives": hits, "negatives": len(positive) - hits})
        if not 0 < hits < len(positive):
            continue
        counted = count_thresholds(scores[:, number], positive)
        areas = (roc_area(counted), average_precision(counted))
        rows[-1] |= dict(zip(_AREAS.values(), areas, strict=True))
        for kind in pulls:
            pulls[kind] += area_pull(kind, counted, positive)
            curves[kind][name] = thin_curve(trace(kind, counted))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    micro = _rank_pairs(scores, truth)
    return Ranking(
        per_class=table,
        macro={kind: _average(table[_AREAS[kind]], pulls[kind]) for kind in pulls},
        micro={kind: estimate for kind, (estimate, _) in micro.items()},
        curves=curves,
        micro_curves={kind: curve for kind, (_, curve) in micro.items()},
    )


_AREAS: dict[Kind, str] = {"roc": "roc_auc", "precision_recall": "average_precision"}
_COLUMNS = ["class", "positives", "negatives", *_AREAS.values()]


def count_thresholds(scores: np.ndarray, positive: np.ndarray) -> Thresholds:
    """Return the counts of scores (n,) with `positive` (n,) bool, at least one true."""
    marks = np.unique(scores[positive])
    place = np.searchsorted(marks, scores)
    own = marks[np.minimum(place, len(marks) - 1)] == scores
    group = 2 * (len(marks) - place) - own
    seen, hits = (np.bincount(of, minlength=2 * len(marks) + 1) for of in (group, group[positive]))
    filled = seen > 0
    number = np.cumsum(filled) - 1
    return Thresholds(np.cumsum(hits[filled]), np.cumsum(seen[filled]), number[group])


def roc_area(counted: Thresholds) -> float:
    """Return the probability that a positive outranks a negative, ties counted half."""
    hits, false = counted.hits, counted.false
    middle = hits - np.diff(hits, prepend=0) / 2
    return float((np.diff(false, prepend=0) * middle).sum() / (hits[-1] * false[-1]))


def average_precision(counted: Thresholds) -> float:
    """Return the mean precision at the scores of the positives."""
    found = np.diff(counted.hits, prepend=0)
    return float((found * counted.hits / counted.seen).sum() / counted.hits[-1])


def trace(kind: Kind, counted: Thresholds) -> np.ndarray:
    """Return the curve (2, t + 1): false and true positive rate, or recall and precision."""
    if kind == "roc":
        rates = [counted.false / counted.false[-1], counted.hits / counted.hits[-1]]
        return np.insert(np.array(rates), 0, 0.0, axis=1)
    precision = counted.hits / counted.seen
    curve = np.array([counted.hits / counted.hits[-1], precision])
    return np.insert(curve, 0, [0.0, precision[0]], axis=1)


def thin_curve(curve: np.ndarray, points: int = _POINTS) -> np.ndarray:
    """Return the curve with at most `points` points, evenly along its length."""
    if curve.shape[1] > 2:
        steps = np.diff(curve, axis=1)
        turns = steps[0, 1:] * steps[1, :-1] != steps[0, :-1] * steps[1, 1:]
        curve = curve[:, np.concatenate([[True], turns, [True]])]
    if curve.shape[1] <= points:
        return curve
    length = np.insert(np.abs(np.diff(curve, axis=1)).sum(axis=0).cumsum(), 0, 0.0)
    kept = np.searchsorted(length, np.linspace(0, length[-1], points))
    return curve[:, np.unique(kept.clip(max=len(length) - 1))]


def area_pull(kind: Kind, counted: Thresholds, positive: np.ndarray) -> np.ndarray:
    """Return the derivative of the area by the weight of each photo, (n,).

    The sum of its squares is the variance of the area. Summed over classes photo by photo, it is
    that of the sum of areas.

    Source:
        L. A. Jaeckel (1972), the infinitesimal jackknife; of ROC areas E. R. DeLong et al. (1988),
        Biometrics 44, 837-845.
    """
    hits, false, group = counted.hits, counted.false, counted.group
    found = np.diff(hits, prepend=0)
    if kind == "roc":
        area = roc_area(counted)
        below = (false[-1] - false + np.diff(false, prepend=0) / 2) / false[-1]
        above = (hits - found / 2) / hits[-1]
        ours, theirs = (below - area) / hits[-1], (above - area) / false[-1]
        return np.asarray(np.where(positive, ours[group], theirs[group]))
    precision = hits / counted.seen
    gains = np.cumsum((found / counted.seen)[::-1])[::-1]
    costs = np.cumsum((found * hits / counted.seen**2)[::-1])[::-1]
    own = precision - average_precision(counted) + gains
    return np.asarray((np.where(positive, own[group], 0) - costs[group]) / hits[-1])


def _average(areas: pd.Series, pulls: np.ndarray) -> Estimate:
    """Return the mean area of the classes, given the sum of their pulls."""
    if not areas.count():
        return Estimate(value=np.nan, n=0)
    return _estimate_area(float(areas.mean()), pulls / areas.count())


def _estimate_area(area: float, pulls: np.ndarray) -> Estimate:
    low, high = logit_interval(area, float(np.sqrt((pulls**2).sum())))
    return Estimate(value=area, low=low, high=high, n=len(pulls), method="jackknife")


def _rank_pairs(scores: np.ndarray, truth: np.ndarray) -> dict[Kind, tuple[Estimate, np.ndarray]]:
    """Return area and curve over all pairs of photo and class."""
    if not truth.size or truth.all():
        none = Estimate(value=np.nan, n=len(truth))
        return {kind: (none, np.empty((2, 0))) for kind in _AREAS}
    positive = truth.ravel()
    counted = count_thresholds(scores.ravel(), positive)
    found: dict[Kind, tuple[Estimate, np.ndarray]] = {}
    for kind in _AREAS:
        area = roc_area(counted) if kind == "roc" else average_precision(counted)
        pull = area_pull(kind, counted, positive).reshape(truth.shape).sum(axis=1)
        found[kind] = _estimate_area(area, pull), thin_curve(trace(kind, counted))
    return found
