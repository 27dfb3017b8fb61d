"""A forecast from a learning curve: the accuracy with more photos, or why there is no forecast.

POW4 is fitted by weighted least squares to a curve and to resamples of its repeats: for each shape
of a grid the best top and fall have a closed form, so that hundreds of fits cost milliseconds and
none ends in a local minimum. A forecast begins at the accuracy measured with all photos.

Source: POW4 is among the best on LCDB 1.1 (F. Mohr and others, arXiv 2505.15657).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

DRAWS = 120
"""Resamples of the repeats."""
FEWEST_SIZES = 4
FEWEST_JUDGED = 5
"""Photos that must judge a curve."""
REACH = 2.0
"""How many times today's photos a forecast goes to, at most; the back-test reaches as far."""
_ENDS, _Z = (0.025, 0.975), 1.96
_MISSED = 0.04
"""The least fall, or miss of the fit, that counts; 3 photos or 6 standard errors, where more."""
_WIDEST = 0.4
"""Width of the interval at twice the photos above which it says nothing."""
_EXPONENTS = np.geomspace(0.05, 3.0, 18)
_OFFSETS = np.array([-0.9, -0.5, 0.0, 1.0, 3.0, 8.0, 20.0, 50.0])
"""In units of the smallest size."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """The accuracy against the number of training photos, judged by the same photos throughout."""

    sizes: np.ndarray
    """(s,) int, ascending; the last is all that there are."""
    values: np.ndarray
    """(r, s) in 0..1: a row a repeat. With all photos there is one training set: one value."""
    judged: int
    """Photos that each value was measured on."""

    @cached_property
    def means(self) -> np.ndarray:
        """(s,), over repeats."""
        return np.asarray(self.values.mean(axis=0))

    @cached_property
    def scatter(self) -> float:
        """Standard deviation between training sets, times the root of their number of photos.

        Sets drawn from one pool are more alike than new photos would be: that is taken out.
        """
        free = 1 - self.sizes[:-1] / self.sizes[-1]
        squares = self.values[:, :-1].var(axis=0, ddof=1) * self.sizes[:-1] / free
        return float(np.sqrt(squares.mean()))


class Foreseen(NamedTuple):
    """An accuracy that is foreseen, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """What a curve says of more photos."""

    curve: Curve
    fits: np.ndarray
    """(1 + DRAWS, 4): exponent, offset, top and fall, of the curve, then of its resamples."""
    missed: float
    """Error of the back-test: fitted on at most half of the photos, root mean square beyond."""
    reason: str = ""
    """Why there is no forecast, in words; empty where there is one."""

    @property
    def photos(self) -> int:
        """How many photos there are today."""
        return int(self.curve.sizes[-1])

    @property
    def most_more(self) -> int:
        """How many photos more a forecast reaches to."""
        return int((REACH - 1) * self.photos)

    def foresee(self, more: int) -> Foreseen | None:
        """Return the accuracy with more photos; None where there is no forecast that far.

        The distance of today's accuracy from the curve is luck of today's photos, whose share among
        all photos falls. The interval is for what the same judging photos would show after one
        training: of the fits, of the luck of the photos that come, and of the error of the
        back-test, by how far it reaches.
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
        return Foreseen(value, max(0.0, float(low)), min(1.0, float(high)))


def foresee_curve(curve: Curve) -> Forecast:
    """Return what a curve says of more photos, or why it allows no forecast."""
    reason = "" if len(curve.sizes) >= FEWEST_SIZES else "too few photos draw the curve"
    if curve.judged < FEWEST_JUDGED:
        reason = f"fewer than {FEWEST_JUDGED} validation photos judge it"
    if reason:
        return Forecast(curve=curve, fits=np.empty((0, 4)), missed=0.0, reason=reason)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(curve.values), (DRAWS, len(curve.values)))
    resampled = np.vstack([curve.means[None], curve.values[drawn].mean(axis=1)])
    # With all photos there is one training set: repeats do not show how lucky it is.
    resampled[1:, -1] += rng.normal(0, curve.scatter / np.sqrt(curve.sizes[-1]), DRAWS)
    fits = _fit(curve.sizes, resampled)
    forecast = Forecast(curve=curve, fits=fits, missed=_test_back(curve))
    return replace(forecast, reason=_find_fault(forecast))


def _fit(sizes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the best fits a - b (n + d)⁻ᶜ to each row of values (b, s), as (b, 4): c, d, a, b.

    The variance of an accuracy falls like 1/n: sizes are weighed by n. The top is at most 1 and the
    fall at least 0, so that every fit rises.
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
    """Return the error beyond half of the photos of a fit to at most half of them."""
    known = curve.sizes <= curve.sizes[-1] / REACH
    if known.sum() < FEWEST_SIZES - 1:
        return 0.0
    fit = _fit(curve.sizes[known], curve.means[None, known])
    said = np.minimum(_evaluate(fit, curve.sizes.astype(float))[0], 1.0)
    return float(np.sqrt(((said - curve.means)[~known] ** 2).mean()))


def _find_fault(forecast: Forecast) -> str:
    """Return why a curve allows no forecast, in words; empty where it is well-behaved."""
    curve, means = forecast.curve, forecast.curve.means
    noise = np.sqrt(curve.scatter**2 / curve.sizes / len(curve.values))
    if means[-1] == 1:
        return "all validation photos are right already"
    chance = np.maximum(max(_MISSED, 3 / curve.judged), 6 * noise)
    if (np.maximum.accumulate(means) - means > chance).any():
        return "more photos made it worse"
    if (np.abs(_evaluate(forecast.fits[:1], curve.sizes)[0] - means) > chance).any():
        return "no curve fits the measured points"
    farthest = forecast.foresee(forecast.most_more)
    if farthest and farthest.high - farthest.low > _WIDEST:
        return "the interval would be too wide to say anything"
    return ""
