"""Shortcuts: properties that predict the class of a photo without its content.

A property is binned on training photos; each bin predicts its most frequent class. The predictions
are judged on other photos, against the largest class. A class that the property separates from all
others is named, too: among many classes it hardly moves the accuracy.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.evaluation.intervals import Estimate, estimate_share, wilson_interval
from core.evaluation.ranking import count_thresholds, roc_area
from core.evaluation.slice_search import Judged
from core.evaluation.slices import Property
from core.formats import count

_LEAST_CLASS = 5
"""A class needs this many photos, in training and among those judged."""
GAIN_WARNED: dict[str, float] = {"file": 0.15, "picture": 0.20, "colour": 0.35}
"""Gain that is warned of, by what the property is about.

A file's origin should say nothing about the class; light and detail a little; flowers have colours.
"""
AREA_WARNED: dict[str, float] = {"file": 0.90, "picture": 0.95, "colour": 0.98}
"""Area under the ROC curve, one class against all others, that is warned of."""
_MARGIN = 0.05
"""Two standard errors below the area, this much less is allowed."""
_CONFIDENCE = 0.995
"""95 % for ten properties."""
_BINS = 20


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """How well one property predicts the class of some photos."""

    name: str
    accuracy: Estimate
    majority: float
    """Accuracy of the largest class of the training photos."""
    classes: pd.DataFrame
    """class, support, area (ROC, against all others), is_separated; the largest area first."""
    agrees: Estimate
    """Accuracy of the run where the property predicts the right class."""
    contradicts: Estimate
    """Accuracy of the run where the property predicts another class."""
    is_warned: bool

    @property
    def gain(self) -> float:
        """Accuracy on a scale from the largest class (0) to all correct (1)."""
        beyond = self.accuracy.value - self.majority
        return beyond / (1 - self.majority) if self.majority < 1 else 0.0

    @property
    def separated(self) -> list[str]:
        """The classes that the property separates from all others."""
        return [str(name) for name in self.classes.loc[self.classes["is_separated"], "class"]]


def find_shortcuts(
    properties: Mapping[str, Property],
    labels: np.ndarray,
    learnt: np.ndarray,
    judged: Judged,
    classes: Sequence[str],
) -> list[Shortcut]:
    """Return one entry for each property: warnings first, then by gain.

    Args:
        properties: Properties of the dataset; only searched ones are used.
        learnt: (l,) int, training photos of the run.
        judged: Other photos, to judge the property by.
    """
    if not (len(learnt) and len(judged.photos)):
        return []
    truth, trained = labels[judged.photos], np.bincount(labels[learnt], minlength=len(classes))
    majority = float((truth == trained.argmax()).mean())
    found = []
    for of in properties.values():
        if not of.searched or len(np.unique(of.values[learnt])) == 1:
            continue
        shares = read_class(of, labels, learnt, judged.photos, len(classes))
        areas = _measure_areas(shares, truth, trained, classes)
        hits = shares.argmax(axis=1) == truth
        found.append(_describe(of, hits, judged.right, areas, majority))
    return sorted(found, key=lambda one: (not one.is_warned, -one.gain))


def say_shortcut(one: Shortcut, label: str) -> str:
    """Return the title of a warning: "Brightness gives rose away"."""
    named = one.separated
    if not named:
        return f"{label} predicts the class"
    return f"{label} gives {named[0] if len(named) == 1 else count(len(named), 'class')} away"


def _describe(
    of: Property, hits: np.ndarray, right: np.ndarray, areas: pd.DataFrame, majority: float
) -> Shortcut:
    warned = AREA_WARNED.get(of.about, 2.0)
    # Among many small classes some areas are large by chance: their low ends are not.
    separated = (areas["area"] >= warned) & (areas["low"] >= warned - _MARGIN)
    found = Shortcut(
        name=of.name,
        accuracy=_estimate(hits),
        majority=majority,
        classes=areas.assign(is_separated=separated),
        agrees=_estimate(right[hits]),
        contradicts=_estimate(right[~hits]),
        is_warned=False,
    )
    surely = wilson_interval(int(hits.sum()), len(hits), _CONFIDENCE)[0] > majority
    gains = surely and found.gain >= GAIN_WARNED.get(of.about, 2.0)
    return replace(found, is_warned=gains or bool(separated.any()))


def _measure_areas(
    shares: np.ndarray, truth: np.ndarray, trained: np.ndarray, classes: Sequence[str]
) -> pd.DataFrame:
    """Return class, support, area and low (area - 2 standard errors), the largest area first.

    Source:
        J. A. Hanley and B. J. McNeil (1982), Radiology 143, 29-36, for the standard error.
    """
    rows = []
    for number, name in enumerate(classes):
        own = truth == number
        support, others = int(own.sum()), int((~own).sum())
        if min(support, int(trained[number])) >= _LEAST_CLASS and others:
            area = roc_area(count_thresholds(shares[:, number], own))
            q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
            square = area * (1 - area) + (support - 1) * (q1 - area**2)
            square += (others - 1) * (q2 - area**2)
            error = math.sqrt(max(0.0, square) / (support * others))
            rows.append((name, support, area, area - 2 * error))
    table = pd.DataFrame(rows, columns=["class", "support", "area", "low"])
    return table.sort_values("area", ascending=False, kind="stable", ignore_index=True)


def _estimate(right: np.ndarray) -> Estimate:
    return estimate_share(int(right.sum()), len(right))


def read_class(
    of: Property, labels: np.ndarray, learnt: np.ndarray, judged: np.ndarray, k: int
) -> np.ndarray:
    """Return the share of each class among training photos of the same bin, (m, k) float64.

    One photo with the mix of all training photos is added to each bin, so small bins say little.
    """
    known, asked = of.values[learnt], of.values[judged]
    if of.is_number:
        edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
        places, asked_places = (np.searchsorted(edges, v, side="right") for v in (known, asked))
        n_bins = len(edges) + 1
    else:
        kinds, places = np.unique(known, return_inverse=True)
        asked_places = pd.Index(kinds).get_indexer(asked)  # -1, the last bin: not in training
        n_bins = len(kinds) + 1
    counts = np.bincount(places * k + labels[learnt], minlength=n_bins * k).reshape(n_bins, k)
    prior = np.bincount(labels[learnt], minlength=k) / len(learnt)
    shares = (counts + prior) / (counts.sum(axis=1, keepdims=True) + 1)
    return np.asarray(shares[asked_places])
