"""Selective prediction: thresholds on the score, coverage, and the limit of the distance.

Coverage is the share of photos that are answered; the others are deferred to a person. A photo is
answered when its highest score is at least the threshold (or the threshold of its class).
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.evaluation.intervals import wilson_interval

FEWEST_ANSWERS = 10
"""A threshold with fewer answers is not chosen."""
_STEPS = np.arange(101) / 100


class OperatingPoint(NamedTuple):
    """The effect of a threshold on some photos."""

    n: int
    answered: int
    wrong: int
    """Answered and wrong."""
    right_withheld: int
    """Deferred photos whose prediction is correct."""

    @property
    def withheld(self) -> int:
        """Deferred photos."""
        return self.n - self.answered

    @property
    def coverage(self) -> float:
        return self.answered / self.n if self.n else float("nan")

    @property
    def accuracy(self) -> float:
        """Accuracy of the answered photos."""
        return 1 - self.wrong / self.answered if self.answered else float("nan")


def measure_point(answered: np.ndarray, right: np.ndarray) -> OperatingPoint:
    """Return the operating point for (n,) bool each: answered, and prediction correct."""
    return OperatingPoint(
        n=len(answered),
        answered=int(answered.sum()),
        wrong=int((answered & ~right).sum()),
        right_withheld=int((~answered & right).sum()),
    )


def trace_coverage(tops: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return a row for each distinct confidence (n,) as threshold, the highest first.

    Columns threshold, answered, wrong, coverage, accuracy (of the answered photos).
    """
    marks, places, photos = np.unique(-tops, return_inverse=True, return_counts=True)
    answered = np.cumsum(photos)
    wrong = np.cumsum(np.bincount(places[~right], minlength=len(marks)))
    return pd.DataFrame(
        {
            "threshold": -marks,
            "answered": answered,
            "wrong": wrong,
            "coverage": answered / max(len(tops), 1),
            "accuracy": 1 - wrong / answered,
        }
    )


def thin_coverage(curve: pd.DataFrame, points: int = 120) -> pd.DataFrame:
    """Return about `points` rows of a curve from the tenth answer on, evenly over coverage.

    Adds accuracy_low and accuracy_high (95 %, Wilson).
    """
    kept = curve[curve["answered"] >= min(10, int(curve["answered"].max() if len(curve) else 0))]
    places = np.unique(np.linspace(0, len(kept) - 1, min(points, len(kept))).round().astype(int))
    thinned = kept.iloc[places]
    ends = [
        wilson_interval(int(answered - wrong), int(answered))
        for answered, wrong in zip(thinned["answered"], thinned["wrong"], strict=True)
    ]
    low, high = np.array(ends).reshape(-1, 2).T
    return thinned.assign(accuracy_low=low, accuracy_high=high)


def choose_threshold(tops: np.ndarray, right: np.ndarray, target: float) -> float | None:
    """Return the lowest threshold, in whole percents, that reaches the target accuracy, if any."""
    order = np.argsort(tops, kind="stable")
    first = np.searchsorted(tops[order].astype(np.float64), _STEPS)
    hits = np.append(np.cumsum(right[order][::-1])[::-1], 0)[first]
    answered = len(tops) - first
    # A share such as 0.95 has no exact binary form.
    reached = (answered >= FEWEST_ANSWERS) & (hits >= target * answered - 1e-9)
    return float(_STEPS[reached.argmax()]) if reached.any() else None


_MARGIN = 1e-4
"""Other programs may compute a score or a distance that differs by rounding."""
_SURE = 0.9
"""Confidence from which the default rule answers every photo."""


def choose_default_threshold(tops: np.ndarray, right: np.ndarray, alike: np.ndarray) -> float:
    """Return the threshold of a default rule, from photos with their confidence, (n,) each.

    It answers as many photos as are predicted correctly, the most confident ones; but two thirds,
    or four for three correct ones if that is fewer, where this is more. So a better model never
    answers fewer, and one photo changes little: docs/results.md compares it with other rules.
    A confidence of 90 % is always answered: after a perfect run on easy photos, the least
    confident of them must not be the limit.

    Args:
        right: (n,) bool, whether the prediction is correct.
        alike: (n,) bool; False where a photo is refused as unlike the training photos.
    """
    n, hits = len(tops), int(right.sum())
    wanted = max(hits, min(math.ceil(2 * n / 3), math.ceil(4 * hits / 3)))
    ordered = np.sort(tops[alike].astype(np.float64))[::-1]
    if not (answered := min(wanted, len(ordered))):
        return 1.0
    below = ordered[answered] if answered < len(ordered) else ordered[-1] - 2 * _MARGIN
    return min(_SURE, max(0.0, float(ordered[answered - 1] + below) / 2))


FEWEST_TO_LIMIT = 19
"""Photos needed for a limit that covers 95 % of further photos."""


def find_limit(distances: np.ndarray) -> float | None:
    """Return the distance within which 95 % of further photos lie; None for fewer than 19.

    Args:
        distances: (n,) float, of photos that the model did not learn from.

    Source:
        V. Vovk et al. (2005), Algorithmic Learning in a Random World: the split-conformal quantile,
        the ⌈(n + 1) · 0.95⌉-th smallest.
    """
    rank = math.ceil((len(distances) + 1) * 0.95 - 1e-9)
    if rank > len(distances):
        return None
    return float(np.sort(distances)[rank - 1]) * (1 + 10 * _MARGIN)  # float16 has 3 digits
