"""Temperature scaling: one number that divides the log-scores, so that they mean what they say.

It never changes which class is the highest. It is fitted on validation photos and judged on others
(or, on the same photos, by cross-fitting).
"""

from dataclasses import dataclass

import numpy as np

FEWEST_TO_FIT = 30
"""Photos below which a temperature says more about chance than about the model."""

TINY = float(np.finfo(np.float32).tiny)
"""What a score of 0 is taken for, so that it has a logarithm."""

_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True, kw_only=True)
class TemperatureFit:
    """The temperature that fits photos best, and what it does to their loss."""

    temperature: float
    n: int
    loss_before: float
    loss_after: float
    at_edge: bool
    """Whether the best lies beyond the range that is searched (every answer right, say)."""


def temper_scores(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Returns the scores (n, k) float32 at a temperature: above 1 less sure, below 1 surer."""
    if temperature == 1.0:
        return np.asarray(scores, dtype=np.float32)
    logs = np.log(np.maximum(scores.astype(np.float64), TINY)) / temperature
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> TemperatureFit:
    """Returns the temperature with the least loss over the photos, between 0.05 and 20.

    The loss is convex in 1 / temperature, so its slope is zero at one place at most: it is found by
    bisection, to the precision of the machine.

    Raises:
        ValueError: No photos, a score is not finite, or the shapes do not fit.

    Source:
        C. Guo et al. (2017), On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    from scipy.optimize import brentq

    scores = check_scores(scores, labels)
    if not len(labels):
        raise ValueError("no photos to fit a temperature on")
    logs = np.log(np.maximum(scores, TINY))
    own = logs[np.arange(len(labels)), labels]

    def slope(inverse: float) -> float:
        raised = np.exp(inverse * (logs - logs.max(axis=1, keepdims=True)))
        expected = (raised * logs).sum(axis=1) / raised.sum(axis=1)
        return float((expected - own).mean())

    least, most = 1 / _HOTTEST, 1 / _COLDEST
    at_edge = not slope(least) < 0 < slope(most)
    if at_edge:
        inverse = least if slope(least) >= 0 else most
    else:
        inverse = float(brentq(slope, least, most, xtol=1e-12))
    after = temper_scores(scores, 1 / inverse).astype(np.float64)[np.arange(len(labels)), labels]
    return TemperatureFit(
        temperature=1 / inverse,
        n=len(labels),
        loss_before=float(-own.mean()),
        loss_after=float(-np.log(np.maximum(after, TINY)).mean()),
        at_edge=at_edge,
    )


def cross_fit_scores(
    scores: np.ndarray, labels: np.ndarray, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """Returns the scores (n, k), each photo's at the temperature that the other folds fit best.

    So a temperature is judged on photos that did not choose it. Photos are dealt to folds at
    random, by the seed.
    """
    parts = np.random.default_rng(seed).permutation(len(labels)) % folds
    tempered = np.asarray(scores, dtype=np.float32).copy()
    for part in np.unique(parts):
        inside = parts == part
        if inside.all():
            continue
        fit = fit_temperature(scores[~inside], labels[~inside])
        tempered[inside] = temper_scores(scores[inside], fit.temperature)
    return tempered


def check_scores(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the scores in float64.

    Raises:
        ValueError: A score is not finite, or the shapes do not fit.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or len(scores) != len(labels):
        raise ValueError(f"scores {scores.shape} do not fit {len(labels)} labels")
    if not np.isfinite(scores).all():
        raise ValueError("a score is not a finite number")
    return scores
