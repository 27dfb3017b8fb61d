"""Calibration of the scores (is a score of 80 % right in 80 of 100 cases?) and temperature scaling.

The confidence of a photo is its highest score. The temperature divides the log-scores and never
changes the predicted class; it is fitted on validation photos and judged on others.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import scipy

from core.evaluation.intervals import Estimate, mean_interval, wilson_interval
from core.evaluation.metrics import check_scores, cross_entropies

Binning = Literal["width", "count"]
"""Bins of equal width, or of about equally many photos."""

BINS = 15
_RESAMPLES = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Calibration figures. 95 % intervals: `mean_interval` of the loss, else a bootstrap."""

    n: int
    accuracy: float
    mean_score: float
    error: Estimate
    """Expected calibration error: mean gap of confidence and accuracy over bins, by photos."""
    error_by_chance: float
    """95 % limit of the error for perfectly calibrated scores."""
    loss: Estimate
    """Mean negative log-likelihood of the true class."""
    brier: Estimate
    """Mean squared distance of the scores from 1 for the true class and 0 for the others, 0..2."""
    bins: pd.DataFrame
    """What `bin_scores` returns."""


def measure_calibration(
    scores: np.ndarray, labels: np.ndarray, binning: Binning = "width", seed: int = 0
) -> Calibration:
    """Return the calibration of scores (n, k) against labels (n,); NaN without photos.

    Raises:
        ValueError: A score is not finite, or the shapes do not fit.

    Source:
        M. P. Naeini et al. (2015), AAAI, for the error; J. Bröcker and L. A. Smith (2007), Weather
        and Forecasting 22, 651-661, for the error by chance.
    """
    scores = _check_scores(scores, labels)
    tops, right = scores.max(axis=1, initial=0.0), scores.argmax(axis=1) == labels
    own = scores[np.arange(len(labels)), labels]
    squares = (scores**2).sum(axis=1) - 2 * own + 1
    numbers = _number_bins(tops, binning)
    rng = np.random.default_rng(seed)
    brier, error = _resample(rng, squares, tops - right, numbers)
    return Calibration(
        n=len(labels),
        accuracy=_mean(right),
        mean_score=_mean(tops),
        error=error,
        error_by_chance=_draw_chance(rng, tops, numbers),
        loss=mean_interval(cross_entropies(scores.astype(np.float32), labels)),
        brier=brier,
        bins=bin_scores(tops, right, binning),
    )


def bin_scores(tops: np.ndarray, right: np.ndarray, binning: Binning = "width") -> pd.DataFrame:
    """Return one row for each bin that has photos, lowest scores first.

    Columns low, high (the bin's ends; a score on an end is in the lower bin), n, hits, mean_score,
    accuracy, accuracy_low, accuracy_high (Wilson).
    """
    edges, numbers = _cut_edges(tops, binning), _number_bins(tops, binning)
    rows = []
    for number in np.unique(numbers):
        inside = numbers == number
        n, hits = int(inside.sum()), int(right[inside].sum())
        mean = float(tops[inside].mean(dtype=np.float64))
        ends = wilson_interval(hits, n)
        rows.append((edges[number], edges[number + 1], n, hits, mean, hits / n, *ends))
    columns = ["low", "high", "n", "hits", "mean_score"]
    return pd.DataFrame(rows, columns=[*columns, "accuracy", "accuracy_low", "accuracy_high"])


def _cut_edges(tops: np.ndarray, binning: Binning) -> np.ndarray:
    places = np.linspace(0, 1, BINS + 1)
    if binning == "width" or not len(tops):
        return places
    return np.asarray(np.quantile(np.asarray(tops, dtype=np.float64), places))


def _number_bins(tops: np.ndarray, binning: Binning) -> np.ndarray:
    return np.searchsorted(_cut_edges(tops, binning)[1:-1], tops)


def _sum_gaps(gaps: np.ndarray, numbers: np.ndarray) -> float:
    if not len(gaps):
        return float("nan")
    sums = np.bincount(numbers, weights=gaps, minlength=BINS)
    return float(np.abs(sums).sum() / len(gaps))


def _resample(
    rng: np.random.Generator, values: np.ndarray, gaps: np.ndarray, numbers: np.ndarray
) -> list[Estimate]:
    """Return the mean of values (n,) and the calibration error with 95 % bootstrap intervals."""
    n = len(gaps)
    if not n:
        return [Estimate(value=np.nan, n=0)] * 2
    by_bin = np.zeros((n, BINS))
    by_bin[np.arange(n), numbers] = gaps
    columns = np.column_stack([values, by_bin]).astype(np.float32)
    means = np.empty((_RESAMPLES, columns.shape[1]), dtype=np.float32)
    for number in range(_RESAMPLES):
        weights = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float32)
        means[number] = weights @ columns / n
    drawn = np.column_stack([means[:, 0], np.abs(means[:, 1:]).sum(axis=1)])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    # Resamples have larger gaps than the photos, and photos have larger gaps than the population:
    # twice the bias is subtracted.
    error = _sum_gaps(gaps, numbers)
    bias = 2 * (float(drawn[:, -1].mean()) - error)
    low[-1], high[-1] = max(0.0, min(error, low[-1] - bias)), max(error, high[-1] - bias)
    return [
        Estimate(value=value, low=float(a), high=float(b), n=n)
        for value, a, b in zip((_mean(values), error), low, high, strict=True)
    ]


def _draw_chance(rng: np.random.Generator, tops: np.ndarray, numbers: np.ndarray) -> float:
    """Return the 95th percentile of the error of perfectly calibrated scores."""
    if not len(tops):
        return float("nan")
    errors = [_sum_gaps(tops - (rng.random(len(tops)) < tops), numbers) for _ in range(_RESAMPLES)]
    return float(np.quantile(errors, 0.95))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


FEWEST_TO_FIT = 30
"""Photos needed to fit a temperature."""

TINY = float(np.finfo(np.float32).tiny)
"""Least score, so that it has a logarithm."""

_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True, kw_only=True)
class TemperatureFit:
    """The temperature with the least loss."""

    temperature: float
    at_edge: bool
    """Whether the best one is outside of the range (for example: all predictions are correct)."""


def temper_scores(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return the scores (n, k) float32 at a temperature: above 1 less, below 1 more confident."""
    if temperature == 1.0:
        return np.asarray(scores, dtype=np.float32)
    logs = np.log(np.maximum(scores.astype(np.float64), TINY)) / temperature
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> TemperatureFit:
    """Return the temperature with the least loss over the photos, between 0.05 and 20.

    The loss is convex in 1 / temperature: its slope has at most one zero.

    Raises:
        ValueError: No photos, a score is not finite, or the shapes do not fit.

    Source:
        C. Guo et al. (2017), On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    scores = _check_scores(scores, labels)
    if not len(labels):
        raise ValueError("no photos to fit a temperature on")
    logs = np.log(np.maximum(scores, TINY))
    rows = np.arange(len(labels))
    below = logs - logs.max(axis=1, keepdims=True)
    raised = np.empty_like(below)

    def slope(inverse: float) -> float:
        np.exp(np.multiply(below, inverse, out=raised), out=raised)
        expected = np.einsum("nk,nk->n", raised, below) / raised.sum(axis=1)
        return float((expected - below[rows, labels]).mean())

    least, most = 1 / _HOTTEST, 1 / _COLDEST
    at_edge = not slope(least) < 0 < slope(most)
    if at_edge:
        inverse = least if slope(least) >= 0 else most
    else:
        inverse = float(scipy.optimize.brentq(slope, least, most, xtol=1e-12))
    return TemperatureFit(temperature=1 / inverse, at_edge=at_edge)


def cross_fit_scores(
    scores: np.ndarray, labels: np.ndarray, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """Return the scores (n, k), each photo's at a temperature fitted on the other folds."""
    parts = np.random.default_rng(seed).permutation(len(labels)) % folds
    tempered = np.asarray(scores, dtype=np.float32).copy()
    for part in np.unique(parts):
        inside = parts == part
        if inside.all():
            continue
        fit = fit_temperature(scores[~inside], labels[~inside])
        tempered[inside] = temper_scores(scores[inside], fit.temperature)
    return tempered


def _check_scores(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the scores in float64; raises as `check_scores`."""
    return check_scores(scores, labels, np.shape(scores)[-1])[0].astype(np.float64)
