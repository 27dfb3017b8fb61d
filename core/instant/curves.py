"""Forecasts from learning curves: what an accuracy or recall is with more photos, or no answer.

A curve is the figure at several numbers of photos, in several repeats, judged by the same photos
throughout. Two families, POW4 and MMF4, are fitted by weighted least squares to it and to resamples
of its repeats. Both are top - fall x shape(n), the shape falling from small n to large: for each
shape of a grid the best top and fall have a closed form, so that hundreds of fits cost milliseconds
and none ends in a local minimum. A forecast begins at what was measured with all photos.

Source: POW4 and MMF4 extrapolate best on LCDB 1.1 (F. Mohr and others, arXiv 2505.15657).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np

DRAWS = 120
"""Resamples of the repeats."""
FEWEST_SIZES = 4
FEWEST_JUDGED = 5
"""Photos that must judge a curve."""
REACH = 2.0
"""How many times today's photos a forecast goes to, at most; the back-test reaches as far."""
_FALL_ERRORS = 3.0
"""Standard errors by which a curve has to fall, or a fit to miss, before it is no longer chance."""
_MISSED = 0.02
"""The least miss, or fall, that counts."""
_WIDEST = 0.4
"""Width of a 95 % interval at twice the photos above which it says nothing."""
_EVEN = 1e-4
"""Squared error that is added before families are weighed, so that none wins by nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """A figure against the number of photos."""

    sizes: np.ndarray
    """(s,) int, ascending; the last is all that there are."""
    values: np.ndarray
    """(r, s) in 0..1: a row a repeat. With all photos there is one training set: one value."""
    judged: int
    """Photos that each value was measured on."""

    @property
    def means(self) -> np.ndarray:
        """(s,), over repeats."""
        return np.asarray(self.values.mean(axis=0))

    @cached_property
    def scatter(self) -> float:
        """Standard deviation between training sets, times the root of their number of photos.

        Sets drawn from one pool are more alike than new photos would be: that is taken out.
        """
        if len(self.sizes) < 2:
            return 0.0
        free = 1 - self.sizes[:-1] / self.sizes[-1]
        squares = self.values[:, :-1].var(axis=0, ddof=1) * self.sizes[:-1] / free
        return float(np.sqrt(squares.mean()))

    @cached_property
    def likeness(self) -> float:
        """Correlation of the luck of a training set with that of itself with one size more.

        Over repeats, whose sets are nested; what draws from one pool have less of is made good.
        """
        apart = self.values[:, :-1] - self.means[:-1]
        squares = (apart**2).sum(axis=0)
        both = np.sqrt(squares[:-1] * squares[1:])
        free = 1 - self.sizes[:-1] / self.sizes[-1]
        lost = np.sqrt(free[1:] / free[:-1])
        if not both.sum():
            return 0.0
        found = (apart[:, :-1] * apart[:, 1:]).sum(axis=0)
        return float(np.clip(found.sum() / (both * lost).sum(), 0.0, 1.0))

    def until(self, most: float) -> "Curve":
        """Return the part with at most so many photos."""
        kept = self.sizes <= most
        return Curve(sizes=self.sizes[kept], values=self.values[:, kept], judged=self.judged)


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """A figure that is foreseen, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """What a curve says of more photos."""

    sizes: np.ndarray
    """(s,), as `Curve`."""
    means: np.ndarray
    """(s,)."""
    judged: int
    shapes: np.ndarray
    """(f, 5): family (0, 1), its two parameters, top and fall: the fits to the curve, then those
    to resamples."""
    weights: np.ndarray
    """(f,): how much each fit counts: those to the curve sum to 1, and those to resamples."""
    scatter: float
    """As `Curve.scatter`."""
    likeness: float
    """As `Curve.likeness`."""
    missed: float
    """Error of the back-test: fitted on at most half of the photos, root mean square beyond."""
    reason: str = ""
    """Why there is no forecast, in words; empty where there is one."""

    @property
    def photos(self) -> int:
        """How many photos there are today."""
        return int(self.sizes[-1])

    @property
    def now(self) -> float:
        """The figure with all of today's photos."""
        return float(self.means[-1])

    @property
    def most_more(self) -> int:
        """How many photos more a forecast reaches to."""
        return int((REACH - 1) * self.photos)

    def foresee(self, photos: int, level: float = 0.8) -> Foreseen:
        """Return the figure with so many photos in all (today's or more) and its interval.

        What today's photos show apart from the curve is their luck, of which the share that new
        photos leave stays. The interval is that of what the same judging photos would show after a
        training with so many: of the fits, of the luck of the photos that come, and of the error of
        the back-test, by how far it reaches.
        """
        stays = self._stays(photos)
        grown = self._grow(photos)
        centre = self._centre(grown)
        z = NormalDist().inv_cdf((1 + level) / 2)
        luck = self.scatter**2 / photos * (1 - stays**2)
        reach = np.log(photos / self.photos) / np.log(REACH)
        wider = z * np.sqrt(luck + (self.missed * reach) ** 2)
        ends = [(1 - level) / 2, (1 + level) / 2]
        low, high = _quantiles(grown[len(FAMILIES) :], self.weights[len(FAMILIES) :], ends)
        low = centre - np.hypot(max(0.0, centre - low), wider)
        high = centre + np.hypot(max(0.0, high - centre), wider)
        return Foreseen(value=centre, low=max(0.0, float(low)), high=min(1.0, float(high)))

    def gain(self, photos: int) -> float:
        """Return the rise that is foreseen from today's photos to so many."""
        return self._centre(self._grow(photos, len(FAMILIES))) - self.now

    def _stays(self, photos: int) -> float:
        """Return the share of today's luck that is left with so many photos."""
        if len(self.sizes) < 2:
            return 1.0
        step = np.log(self.photos / self.sizes[-2])
        return float(self.likeness ** (np.log(photos / self.photos) / step))

    def _grow(self, photos: int, fits: int | None = None) -> np.ndarray:
        """Return what each fit, or the first so many, says of so many photos, (f,)."""
        sizes = np.array([self.photos, photos], np.float64)
        today, then = _evaluate(self.shapes[:fits], sizes).T
        return np.asarray(then + self._stays(photos) * (self.now - today))

    def _centre(self, grown: np.ndarray) -> float:
        fits = len(FAMILIES)
        return min(1.0, float(grown[:fits] @ self.weights[:fits]))


def foresee_curve(curve: Curve, seed: int = 0) -> Forecast:
    """Return what a curve says of more photos, or why it allows no forecast."""
    rng = np.random.default_rng(seed)
    reason = "" if len(curve.sizes) >= FEWEST_SIZES else "too few photos to draw a curve"
    if curve.judged < FEWEST_JUDGED:
        reason = f"fewer than {FEWEST_JUDGED} validation photos judge it"
    drawn = rng.integers(0, len(curve.values), (DRAWS, len(curve.values)))
    resampled = np.vstack([curve.means[None], curve.values[drawn].mean(axis=1)])
    # With all photos there is one training set: repeats do not show how lucky it is.
    resampled[1:, -1] += rng.normal(0, curve.scatter / np.sqrt(curve.sizes[-1]), DRAWS)
    shapes, errors = _fit(curve.sizes, resampled)
    weights = 1 / (errors + _EVEN)
    weights /= weights.sum(axis=1, keepdims=True)
    weights[1:] /= DRAWS
    forecast = Forecast(
        sizes=curve.sizes,
        means=curve.means,
        judged=curve.judged,
        shapes=shapes.reshape(-1, shapes.shape[-1]),
        weights=weights.ravel(),
        scatter=curve.scatter,
        likeness=curve.likeness,
        missed=_test_back(curve),
        reason=reason,
    )
    return forecast if reason else _judge(curve, forecast)


def _pow4(sizes: np.ndarray, exponent: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return (n + d)⁻ᶜ: POW4 is a − b (n + d)⁻ᶜ."""
    return np.asarray((sizes + offset) ** -exponent)


def _mmf4(sizes: np.ndarray, exponent: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Return hᵈ / (hᵈ + nᵈ): MMF4 is (a b + c nᵈ) / (b + nᵈ) with b = hᵈ, from a up to c."""
    return np.asarray(1 / (1 + (sizes / half) ** exponent))


FAMILIES = (_pow4, _mmf4)
_OFFSETS = np.array([-0.9, -0.5, 0.0, 1.0, 3.0, 8.0, 20.0, 50.0])
"""Of POW4, in units of the smallest size."""


def _make_grid(family: int, sizes: np.ndarray) -> np.ndarray:
    """Return the pairs of parameters that are tried, (g, 2)."""
    if family == 0:
        first, second = np.geomspace(0.05, 3.0, 18), _OFFSETS * sizes[0]
    else:
        first = np.geomspace(0.3, 4.0, 14)
        second = np.geomspace(sizes[0] / 10, 10 * sizes[-1], 24)
    return np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)


def _fit(sizes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best fits of both families to each row of values (b, s).

    The variance of a figure falls like 1/n: sizes are weighed by n. The top is at most 1 and the
    fall at least 0, so that every fit rises.

    Returns:
        Shapes (b, 2, 5) and the weighted mean squared errors (b, 2).
    """
    weights = sizes / sizes.sum()
    shapes, errors = np.empty((len(values), 2, 5)), np.empty((len(values), 2))
    for family, shape in enumerate(FAMILIES):
        grid = _make_grid(family, sizes)
        phi = shape(sizes[None].astype(float), grid[:, :1], grid[:, 1:])
        phi = phi / phi[:, :1]  # 1 at the smallest size: no number gets out of hand
        tops, falls = _solve(phi, values, weights)
        apart = sum(
            weight * (value - tops + column[:, None] * falls) ** 2
            for weight, value, column in zip(weights, values.T, phi.T, strict=True)
        )
        best, place = np.asarray(apart).argmin(axis=0), np.arange(len(values))
        errors[:, family] = np.asarray(apart)[best, place]
        shapes[:, family] = np.column_stack(
            [np.full(len(values), family), grid[best], tops[best, place], falls[best, place]]
        )
        shapes[:, family, 4] /= shape(np.full(len(best), float(sizes[0])), *grid[best].T)
    return shapes, errors


def _solve(
    phi: np.ndarray, values: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tops and falls (g, b) of least squares for shapes (g, s), in their bounds."""
    mean_phi, mean = (phi @ weights)[:, None], values @ weights
    centred = phi - mean_phi
    spread = (centred**2) @ weights
    falls = -((centred * weights) @ values.T) / np.maximum(spread, 1e-12)[:, None]
    falls = np.maximum(falls, 0.0)
    tops = mean + falls * mean_phi
    full = ((phi * weights) @ (1 - values).T) / ((phi**2) @ weights)[:, None]
    return np.minimum(tops, 1.0), np.where(tops > 1.0, full, falls)


def _evaluate(shapes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return what fits (f, 5) say at sizes (s,), (f, s)."""
    said = np.empty((len(shapes), len(sizes)))
    for family, shape in enumerate(FAMILIES):
        own = shapes[:, 0] == family
        first, second, top, fall = shapes[own, 1:, None].transpose(1, 0, 2)
        said[own] = top - fall * shape(sizes[None].astype(float), first, second)
    return said


def _test_back(curve: Curve) -> float:
    """Return the error beyond half of the photos of what is fitted on at most half of them."""
    half = curve.until(curve.sizes[-1] / REACH)
    beyond = curve.sizes > half.sizes[-1] if len(half.sizes) else np.zeros(0, bool)
    if len(half.sizes) < FEWEST_SIZES - 1 or not beyond.any():
        return 0.0
    shapes, errors = _fit(half.sizes, half.means[None])
    weights = 1 / (errors + _EVEN)
    said = (weights / weights.sum()) @ _evaluate(shapes[0], curve.sizes.astype(float))
    return float(np.sqrt(((np.minimum(said[0], 1.0) - curve.means)[beyond] ** 2).mean()))


def _judge(curve: Curve, forecast: Forecast) -> Forecast:
    """Return the forecast, with a reason where its curve is not well-behaved."""
    means, repeats = curve.means, len(curve.values)
    least = max(_MISSED, 1.5 / curve.judged)
    noise = np.sqrt(curve.scatter**2 / curve.sizes / repeats)
    highest = np.maximum.accumulate(means)
    behind = np.array([noise[means[: place + 1].argmax()] for place in range(len(means))])
    if ((highest - means) > np.maximum(least, _FALL_ERRORS * np.hypot(noise, behind))).any():
        return replace(forecast, reason="more photos made it worse")
    said = (forecast.weights[:2, None] * _evaluate(forecast.shapes[:2], curve.sizes)).sum(axis=0)
    if (np.abs(said - means) > np.maximum(2 * least, 2 * _FALL_ERRORS * noise)).any():
        return replace(forecast, reason="no curve fits what was measured")
    ends = forecast.foresee(int(REACH * forecast.photos), 0.95)
    if ends.high - ends.low > _WIDEST:
        return replace(forecast, reason="the interval would be too wide to say anything")
    return forecast


def _quantiles(values: np.ndarray, weights: np.ndarray, ends: Sequence[float]) -> list[float]:
    order = np.argsort(values)
    gone = np.cumsum(weights[order]) / weights.sum()
    places = np.minimum(np.searchsorted(gone, ends), len(values) - 1)
    return [float(value) for value in values[order][places]]
