"""Shortcuts: where one property alone says which class a photo is, without looking at the flower.

The simplest reader is learnt on training photos: bins of the property, and in each the class that
is most frequent. What it gets right on other photos is set beside always saying the most frequent
class. A class that it tells apart from all others is named, because a shortcut of one class among
many hardly moves the whole.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.evaluation.comparison import ALPHA, adjust_holm
from core.evaluation.intervals import wilson_interval
from core.evaluation.slices import Property
from core.formats import count

_LEAST_CLASS = 5
"""Photos of a class, both learnt from and judged by, below which nothing is said of it."""
GAIN_WARNED: dict[str, float] = {"file": 0.15, "picture": 0.20, "colour": 0.35}
"""Share of the way from the most frequent class to all right that is warned of.

How a file came about should say nothing; light and detail a little; flowers do have colours.
"""
AREA_WARNED: dict[str, float] = {"file": 0.90, "picture": 0.95, "colour": 0.98}
"""Area under ROC of one class against all others that is warned of."""
_MARGIN = 0.05
"""By how much the low end of the area's interval may lie below."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """How the run does on some of the photos; NaN without any."""

    n: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """How well one property says the class of n photos that it was not learnt from."""

    name: str
    n: int
    accuracy: float
    low: float
    high: float
    """Ends of the 95 % Wilson interval of the accuracy."""
    majority: float
    """Accuracy of always saying the class that is most frequent in training."""
    p_value: float
    """Of knowing nothing: labels dealt anew, adjusted by Holm for all properties."""
    classes: pd.DataFrame
    """class, support, area (under ROC, of it against all others), kept: told apart well enough to
    be warned of. Only classes with enough photos, the best told apart first."""
    agrees: Group
    """The run, where the property points to the photo's class."""
    contradicts: Group
    """The run, where it points to another class."""
    is_warned: bool

    @property
    def gain(self) -> float:
        """Share of the way from the most frequent class (0) to all right (1)."""
        return (self.accuracy - self.majority) / (1 - self.majority) if self.majority < 1 else 0.0

    @property
    def told_apart(self) -> list[str]:
        """Name of the classes that the property tells apart from all others."""
        return [str(name) for name in self.classes.loc[self.classes["kept"], "class"]]


def find_shortcuts(
    properties: Mapping[str, Property],
    labels: np.ndarray,
    learnt: np.ndarray,
    judged: np.ndarray,
    right: np.ndarray,
    classes: Sequence[str],
) -> list[Shortcut]:
    """Return one entry for each property: those that are warned of first, then by gain.

    Args:
        properties: Of the dataset; flags that rest on labels or features are left out.
        learnt: (l,) int, the photos that the run was trained on.
        judged: (m,) int, the photos that the property is judged by; not among `learnt`.
    """
    names = [
        name
        for name, one in properties.items()
        if one.searched and len(learnt) and len(judged) and len(np.unique(one.values[learnt])) > 1
    ]
    if not names:
        return []
    read = {name: read_class(properties[name], labels, learnt, judged, classes) for name in names}
    truth = labels[judged]
    p_values = adjust_holm([measure_knowing(read[name].argmax(axis=1), truth) for name in names])
    trained = np.bincount(labels[learnt], minlength=len(classes))
    photos = _Photos(truth, right, trained, classes)
    found = [
        _describe(properties[name], read[name], photos, float(p))
        for name, p in zip(names, p_values, strict=True)
    ]
    return sorted(found, key=lambda one: (not one.is_warned, -one.gain))


def say_shortcut(one: Shortcut, label: str) -> str:
    """Return what a warned property does, as a title: "Brightness gives rose away"."""
    named = one.told_apart
    if not named:
        return f"{label} predicts the class"
    return f"{label} gives {named[0] if len(named) == 1 else count(len(named), 'class')} away"


class _Photos(NamedTuple):
    """The photos that properties are judged by."""

    truth: np.ndarray
    """(m,) int, their classes."""
    right: np.ndarray
    """(m,) bool, whether the run is right on each."""
    trained: np.ndarray
    """(k,) int, training photos of each class."""
    classes: Sequence[str]

    @property
    def majority(self) -> float:
        """How often the most frequent class of the training photos is right."""
        return float((self.truth == self.trained.argmax()).mean())


def _describe(of: Property, shares: np.ndarray, photos: _Photos, p_value: float) -> Shortcut:
    truth, right, majority = photos.truth, photos.right, photos.majority
    hits = shares.argmax(axis=1) == truth
    accuracy = float(hits.mean())
    low, high = wilson_interval(int(hits.sum()), len(hits))
    apart = _tell_apart(shares, photos, AREA_WARNED.get(of.about, 1.0))
    gain = (accuracy - majority) / (1 - majority) if majority < 1 else 0.0
    known = p_value < ALPHA
    return Shortcut(
        name=of.name,
        n=len(truth),
        accuracy=accuracy,
        low=low,
        high=high,
        majority=majority,
        p_value=p_value,
        classes=apart,
        agrees=_measure(right[hits]),
        contradicts=_measure(right[~hits]),
        is_warned=known and (gain >= GAIN_WARNED.get(of.about, 1.0) or bool(apart["kept"].any())),
    )


def _tell_apart(shares: np.ndarray, photos: _Photos, warned: float) -> pd.DataFrame:
    truth, trained, classes = photos.truth, photos.trained, photos.classes
    rows = []
    for number, name in enumerate(classes):
        own = truth == number
        support = int(own.sum())
        if min(support, int(trained[number])) < _LEAST_CLASS or support == len(truth):
            continue
        area, error = measure_area(shares[own, number], shares[~own, number])
        # The low end counts, too: among 102 classes of few photos some stand out by chance.
        kept = area >= warned and area - 2 * error >= warned - _MARGIN
        rows.append({"class": name, "support": support, "area": area, "kept": kept})
    table = pd.DataFrame(rows, columns=["class", "support", "area", "kept"])
    table["kept"] = table["kept"].astype(bool)
    return table.sort_values(["area", "class"], ascending=[False, True], ignore_index=True)


def _measure(right: np.ndarray) -> Group:
    low, high = wilson_interval(int(right.sum()), len(right))
    return Group(
        n=len(right), accuracy=float(right.mean()) if len(right) else np.nan, low=low, high=high
    )


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
    """Return the share of each class among training photos of the same bin, (m, k) float64.

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
    """Return the area under ROC, ties counted half, and its standard error.

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
    """Return how often labels dealt anew over the photos are met as often, or more.

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
