"""The difference of two shares of different photos: its interval, and whether it is chance."""

import math
from dataclasses import dataclass

import numpy as np

from core.evaluation.intervals import wilson_interval


@dataclass(frozen=True, kw_only=True)
class ShareDifference:
    """The first share less the second, -1 to 1."""

    difference: float
    low: float
    high: float
    """Ends of its 95 % interval."""
    p_value: float
    """Of no difference, two-sided, exact."""


def compare_shares(hits: int, n: int, other_hits: int, other_n: int) -> ShareDifference:
    """Returns how the share hits / n differs from other_hits / other_n; both n are at least 1.

    Source:
        R. G. Newcombe (1998), Stat. Med. 17, 873-890, method 10, for the interval; R. A. Fisher
        (1934), Statistical Methods for Research Workers, for the exact test.
    """
    one, other = hits / n, other_hits / other_n
    (low, high), (other_low, other_high) = (
        wilson_interval(hits, n),
        wilson_interval(other_hits, other_n),
    )
    difference = one - other
    return ShareDifference(
        difference=difference,
        low=difference - math.hypot(one - low, other_high - other),
        high=difference + math.hypot(high - one, other - other_low),
        p_value=_exact_fisher(hits, n, other_hits, other_n),
    )


def _exact_fisher(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """Returns the probability, all sums of the table given, of one as unlikely or more so."""
    total, all_hits = n + other_n, hits + other_hits
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    possible = np.arange(max(0, all_hits - other_n), min(n, all_hits) + 1)

    def choose(of: int, taken: np.ndarray) -> np.ndarray:
        return np.asarray(logs[of] - logs[taken] - logs[of - taken])

    ways = choose(n, possible) + choose(other_n, all_hits - possible)
    chances = np.exp(ways - ways.max())
    seen = chances[hits - possible[0]]
    # Tables that are equally unlikely differ in the last bits only.
    return float(min(1.0, chances[chances <= seen * (1 + 1e-7)].sum() / chances.sum()))


def say_points(difference: float) -> str:
    """Returns a difference of shares in whole percentage points, signed: "−14", "+3", "0"."""
    points = round(100 * difference)
    return "0" if points == 0 else f"{'−' if points < 0 else '+'}{abs(points)}"
