"""Answering only when the score is high enough, and only what looks like the training photos.

Coverage is the share of photos that get an answer; the others go to a person. A photo is answered
when its highest score is at least the threshold (its class's own one, where there is one).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.intervals import wilson_interval

FEWEST_OF_CLASS = 10
"""Answers of a class below which it gets no threshold of its own."""
_STEPS = np.arange(101) / 100


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """What a threshold does to a set of photos. Ends of 95 % Wilson intervals; NaN of none."""

    n: int
    answered: int
    wrong: int
    """Wrong answers that are shown."""
    coverage_low: float
    coverage_high: float
    accuracy_low: float
    """Of the accuracy of what is answered."""
    accuracy_high: float
    right_withheld: int
    """Photos sent to a person whose answer would have been right."""

    @property
    def withheld(self) -> int:
        """Photos sent to a person."""
        return self.n - self.answered

    @property
    def coverage(self) -> float:
        return self.answered / self.n if self.n else float("nan")

    @property
    def accuracy(self) -> float:
        """Of what is answered."""
        return 1 - self.wrong / self.answered if self.answered else float("nan")


def measure_point(answered: np.ndarray, right: np.ndarray) -> OperatingPoint:
    """Return what answering some photos means.

    Args:
        right: (n,) bool, whose answer is (or would be) right.
    """
    n, shown = len(answered), int(answered.sum())
    hits = int((answered & right).sum())
    coverage = wilson_interval(shown, n)
    accuracy = wilson_interval(hits, shown)
    return OperatingPoint(
        n=n,
        answered=shown,
        wrong=shown - hits,
        coverage_low=coverage[0],
        coverage_high=coverage[1],
        accuracy_low=accuracy[0],
        accuracy_high=accuracy[1],
        right_withheld=int((~answered & right).sum()),
    )


def trace_coverage(tops: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return a row for each score as threshold, highest first; equal scores go together.

    Columns threshold, answered, wrong, coverage, accuracy (of the answered).

    Args:
        tops: (n,) float, the highest score of each photo.
    """
    order = np.argsort(-tops, kind="stable")
    ordered = tops[order]
    ends = np.append(ordered[1:] != ordered[:-1], True) if len(tops) else np.zeros(0, dtype=bool)
    last = np.flatnonzero(ends)
    wrong = np.cumsum(~right[order])[last]
    answered = last + 1
    return pd.DataFrame(
        {
            "threshold": ordered[last],
            "answered": answered,
            "wrong": wrong,
            "coverage": answered / max(len(tops), 1),
            "accuracy": 1 - wrong / answered,
        }
    )


def thin_coverage(curve: pd.DataFrame, points: int = 120) -> pd.DataFrame:
    """Return at most about `points` rows of a curve, evenly over coverage, with intervals.

    Adds accuracy_low and accuracy_high (95 %, Wilson). The first rows, where a few photos make
    the accuracy jump, are kept from the tenth answer on.
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


def area_under_risk(tops: np.ndarray, right: np.ndarray) -> float:
    """Return the mean share of wrong answers over all coverages; 0 is best, NaN without photos.

    Photos of equal score count as if they came in every order.

    Source:
        Y. Geifman and R. El-Yaniv (2017), Selective Classification for Deep Neural Networks,
        arXiv:1705.08500.
    """
    n = len(tops)
    if not n:
        return float("nan")
    _, groups, sizes = np.unique(-tops, return_inverse=True, return_counts=True)
    share_wrong = np.bincount(groups, weights=~right) / sizes
    expected = np.cumsum(share_wrong[np.sort(groups)])
    return float((expected / np.arange(1, n + 1)).mean())


def choose_threshold(tops: np.ndarray, right: np.ndarray, target: float) -> float | None:
    """Return the lowest threshold that keeps `target` of the answers right; None if none does.

    Whole percents only, as they are kept and shown: rounding up afterwards could miss the target.

    Args:
        tops: (n,) float, the highest score of each photo.
    """
    order = np.argsort(tops, kind="stable")
    first = np.searchsorted(tops[order].astype(np.float64), _STEPS)
    hits = np.append(np.cumsum(right[order][::-1])[::-1], 0)[first]
    answered = len(tops) - first
    # A share such as 0.95 has no exact binary form.
    reached = (answered >= FEWEST_OF_CLASS) & (hits >= target * answered - 1e-9)
    return float(_STEPS[reached.argmax()]) if reached.any() else None


def choose_class_thresholds(scores: np.ndarray, labels: np.ndarray, target: float) -> pd.DataFrame:
    """Return a row for each class: the threshold that keeps its answers right often enough.

    Columns number, taken (photos whose highest score is this class), threshold (NaN: it has none of
    its own), answered, precision, precision_low, precision_high (of the answered; 95 %, Wilson) and
    verdict: "reached", "too few" (fewer than 10 answers), "not reached".

    Args:
        scores: (n, k) of validation photos.
    """
    answers, tops = scores.argmax(axis=1), scores.max(axis=1, initial=0.0)
    right = answers == labels
    rows = [
        _choose_for_class(number, tops[answers == number], right[answers == number], target)
        for number in range(scores.shape[1])
    ]
    return pd.DataFrame(rows)


def _choose_for_class(
    number: int, tops: np.ndarray, right: np.ndarray, target: float
) -> dict[str, object]:
    found = choose_threshold(tops, right, target) if len(tops) >= FEWEST_OF_CLASS else None
    chosen = tops >= (0.0 if found is None else found)
    hits, n = int((chosen & right).sum()), int(chosen.sum())
    low, high = wilson_interval(hits, n)
    verdict = "reached" if found is not None else "not reached"
    return {
        "number": number,
        "taken": len(tops),
        "threshold": np.nan if found is None else found,
        "answered": n,
        "precision": hits / n if n else np.nan,
        "precision_low": low,
        "precision_high": high,
        "verdict": verdict if len(tops) >= FEWEST_OF_CLASS else "too few",
    }


FEWEST_TO_LIMIT = 19
"""Photos below which no limit can promise to keep 95 % of the next ones."""


def find_limit(distances: np.ndarray) -> float | None:
    """Return the distance within which at least 95 % of further such photos lie.

    None for so few photos that no limit promises it (fewer than 19).

    Args:
        distances: (n,) float, of validation photos, which the model did not learn from.

    Source:
        V. Vovk et al. (2005), Algorithmic Learning in a Random World: the split-conformal quantile,
        the ⌈(n + 1) · 0.95⌉-th smallest.
    """
    rank = math.ceil((len(distances) + 1) * 0.95 - 1e-9)
    return float(np.sort(distances)[rank - 1]) if rank <= len(distances) else None
