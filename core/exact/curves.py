"""The learning curve of an exact head, and a forecast of the accuracy with more photos.

The points of a curve are heads on nested, stratified subsets; λ and standardisation stay those of
the head with all photos. POW4 is fitted by weighted least squares to the curve and to resamples of
its repeats: for each shape of a grid the best top and fall have a closed form, so that hundreds of
fits take milliseconds. A forecast begins at the accuracy measured with all photos.

Source: POW4 is among the best on LCDB 1.1 (F. Mohr and others, arXiv 2505.15657).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy

from core.exact.head import ExactHead, one_hot

SIZES, REPEATS, FEWEST_REPEATS, MANY = 8, 20, 4, 10_000
"""Points of a curve, its repeats, and fewer repeats above 10,000 training photos."""
RANGE = 16
"""Photos of the last point over photos of the first."""
DRAWS = 120
"""Resamples of the repeats."""
FEWEST_SIZES = 4
FEWEST_JUDGED = 5
"""Photos that must judge a curve."""
REACH = 2.0
"""Most photos of a forecast over today's photos; the back-test reaches as far."""
_ENDS, _Z = (0.025, 0.975), 1.96
_MISSED = 0.04
"""The least fall, or error of the fit, that counts; 3 photos or 6 standard errors, where more."""
_WIDEST = 0.4
"""Width of the interval at twice the photos above which there is no forecast."""
_EXPONENTS = np.geomspace(0.05, 3.0, 18)
_OFFSETS = np.array([-0.9, -0.5, 0.0, 1.0, 3.0, 8.0, 20.0, 50.0])
"""In units of the smallest size."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """The accuracy against the number of training photos, always on the same photos."""

    sizes: np.ndarray
    """(s,) int, ascending; the last is all training photos."""
    values: np.ndarray
    """(r, s) in 0..1, one row a repeat; the last column is constant: all photos are one set."""
    judged: int
    """Photos behind each value."""

    @cached_property
    def means(self) -> np.ndarray:
        """(s,), over repeats."""
        return np.asarray(self.values.mean(axis=0))

    @cached_property
    def scatter(self) -> float:
        """Standard deviation between training sets, times the root of their number of photos.

        It is corrected for sets from one pool, which are more alike than new photos.
        """
        free = 1 - self.sizes[:-1] / self.sizes[-1]
        squares = self.values[:, :-1].var(axis=0, ddof=1) * self.sizes[:-1] / free
        return float(np.sqrt(squares.mean()))


def choose_sizes(photos: int, least: int = 1) -> np.ndarray:
    """Return at most 8 geometric numbers of photos up to all of them, ascending."""
    start = min(max(photos / RANGE, least), photos)
    return np.unique(np.geomspace(start, photos, SIZES).round().astype(int))


def measure_curve(head: ExactHead, judged: np.ndarray, tell: Callable[[int, int], object]) -> Curve:
    """Return the accuracy on the judged photos (m,) against the number of training photos."""
    sizes = choose_sizes(len(head.train), 2 * head.n_classes)
    repeats = REPEATS if len(head.train) <= MANY else FEWEST_REPEATS
    true = head.labels[judged]
    values = np.empty((repeats, len(sizes)))
    values[:, -1] = (head.outputs[judged].argmax(axis=1) == true).mean()
    for repeat in range(repeats):
        order = order_stratified(head.labels[head.train], np.random.default_rng(repeat))
        for place, size in enumerate(sizes[:-1]):
            answers = answer_subset(head, head.train[order[:size]], judged).argmax(axis=1)
            values[repeat, place] = (answers == true).mean()
        tell(repeat + 1, repeats)
    return Curve(sizes=sizes, values=values, judged=len(judged))


def answer_subset(head: ExactHead, photos: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Return the outputs (m, k) for judged photos by the head fitted on these photos alone."""
    own, rows = head.rows[photos], head.rows[judged]
    targets = one_hot(head.labels[photos], head.n_classes)
    is_dual = len(own) < own.shape[1]
    gram = (own @ own.T if is_dual else own.T @ own).astype(np.float64)
    gram[np.diag_indices_from(gram)] += head.ridge
    right = targets if is_dual else own.T @ targets
    solved = scipy.linalg.solve(gram, right, assume_a="pos", overwrite_a=True, check_finite=False)
    return np.asarray((rows @ own.T if is_dual else rows) @ solved)


def order_stratified(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an order (m,) whose every beginning is stratified."""
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places[rng.permutation(members)] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(places, kind="stable")


class Predicted(NamedTuple):
    """A predicted accuracy with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """The accuracy with more photos, or the reason why there is no forecast."""

    curve: Curve
    fits: np.ndarray
    """(1 + DRAWS, 4): exponent, offset, top and fall, of the curve, then of its resamples."""
    missed: float
    """Root mean square error of the back-test: a fit to at most half of the photos."""
    reason: str = ""
    """Why there is no forecast; empty if there is one."""

    @property
    def photos(self) -> int:
        """Training photos today."""
        return int(self.curve.sizes[-1])

    @property
    def most_more(self) -> int:
        """Photos more that a forecast reaches to."""
        return int((REACH - 1) * self.photos)

    def predict(self, more: int) -> Predicted | None:
        """Return the accuracy with more photos; None without a forecast that far.

        The distance of today's accuracy from the curve is luck of today's photos, whose share
        falls. The interval holds for one training, measured on the same validation photos: it
        covers the fits, the luck of new photos, and the error of the back-test.
        """
        if self.reason or more > self.most_more:
            return None
        photos = self.photos + more
        stays, reach = self.photos / photos, np.log(photos / self.photos) / np.log(REACH)
        today, then = _evaluate(self.fits, np.array([self.photos, photos], np.float64)).T
        grown = then + stays * (self.curve.means[-1] - today)
        value = min(1.0, float(grown[0]))
        luck = self.curve.scatter * np.sqrt((1 - stays) / photos)
        wider = _Z * np.hypot(luck, self.missed * reach)
        low, high = np.quantile(grown[1:], _ENDS)
        low = value - np.hypot(max(0.0, value - low), wider)
        high = value + np.hypot(max(0.0, high - value), wider)
        return Predicted(value, max(0.0, float(low)), min(1.0, float(high)))


def make_forecast(curve: Curve) -> Forecast:
    """Return the forecast of a curve, or the reason why there is none."""
    reason = "" if len(curve.sizes) >= FEWEST_SIZES else "there are too few training photos"
    if curve.judged < FEWEST_JUDGED:
        reason = f"there are fewer than {FEWEST_JUDGED} validation photos"
    if reason:
        return Forecast(curve=curve, fits=np.empty((0, 4)), missed=0.0, reason=reason)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(curve.values), (DRAWS, len(curve.values)))
    resampled = np.vstack([curve.means[None], curve.values[drawn].mean(axis=1)])
    # All photos are one training set: repeats do not show its luck.
    resampled[1:, -1] += rng.normal(0, curve.scatter / np.sqrt(curve.sizes[-1]), DRAWS)
    fits = _fit(curve.sizes, resampled)
    forecast = Forecast(curve=curve, fits=fits, missed=_test_back(curve))
    return replace(forecast, reason=_find_fault(forecast))


def _fit(sizes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the best fits a - b (n + d)⁻ᶜ to each row of values (b, s), as (b, 4): c, d, a, b.

    Weights are n, as the variance of an accuracy falls like 1/n. The top is at most 1 and the fall
    at least 0: every fit rises.
    """
    weights = sizes / sizes.sum()
    pairs = np.meshgrid(_EXPONENTS, _OFFSETS * sizes[0], indexing="ij")
    exponents, offsets = (one.reshape(-1, 1) for one in pairs)
    first = (sizes[0] + offsets) ** -exponents
    phi = (sizes + offsets) ** -exponents / first  # 1 at the smallest size: no number gets large
    mean_phi, mean = (phi @ weights)[:, None], values @ weights
    spread = np.maximum(((phi - mean_phi) ** 2) @ weights, 1e-12)
    falls = np.maximum(((mean_phi - phi) * weights) @ values.T / spread[:, None], 0.0)
    tops = np.minimum(mean + falls * mean_phi, 1.0)
    apart = np.zeros(tops.shape)
    for weight, value, column in zip(weights, values.T, phi.T, strict=True):
        apart += weight * (value - tops + column[:, None] * falls) ** 2
    best, rows = apart.argmin(axis=0), np.arange(len(values))
    shapes = np.hstack([exponents, offsets])[best]
    return np.column_stack([shapes, tops[best, rows], falls[best, rows] / first[best, 0]])


def _evaluate(fits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the accuracies of fits (f, 4) at sizes (s,), (f, s)."""
    exponent, offset, top, fall = fits.T[:, :, None]
    return np.asarray(top - fall * (sizes + offset) ** -exponent)


def _test_back(curve: Curve) -> float:
    """Return the error, above half of the photos, of a fit to at most half of them."""
    known = curve.sizes <= curve.sizes[-1] / REACH
    if known.sum() < FEWEST_SIZES - 1:
        return 0.0
    fit = _fit(curve.sizes[known], curve.means[None, known])
    said = np.minimum(_evaluate(fit, curve.sizes.astype(float))[0], 1.0)
    return float(np.sqrt(((said - curve.means)[~known] ** 2).mean()))


def _find_fault(forecast: Forecast) -> str:
    """Return why a curve allows no forecast; empty if it is well-behaved."""
    curve, means = forecast.curve, forecast.curve.means
    noise = np.sqrt(curve.scatter**2 / curve.sizes / len(curve.values))
    if means[-1] == 1:
        return "all validation photos are already correct"
    chance = np.maximum(max(_MISSED, 3 / curve.judged), 6 * noise)
    if (np.maximum.accumulate(means) - means > chance).any():
        return "accuracy fell with more photos"
    if (np.abs(_evaluate(forecast.fits[:1], curve.sizes)[0] - means) > chance).any():
        return "no curve fits the measured points"
    farthest = forecast.predict(forecast.most_more)
    if farthest and farthest.high - farthest.low > _WIDEST:
        return "the interval would be too wide"
    return ""
