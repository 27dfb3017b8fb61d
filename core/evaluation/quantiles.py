"""Quantiles with intervals, as latencies need them: without any shape taken for granted."""

import numpy as np

from core.evaluation.intervals import Estimate


def estimate_quantile(values: np.ndarray, share: float) -> Estimate:
    """Returns the value that a share of the values keeps, with its 95 % interval; NaN of none.

    Where the values are too few to bound it on a side, that end is NaN.

    Args:
        values: (n,) float.
        share: In (0, 1).

    Source:
        W. J. Conover (1999), Practical Nonparametric Statistics, section 3.2: the ends are values
        whose ranks a binomial count does not leave in 95 of 100 samples.
    """
    from scipy.stats import binom

    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    if not n:
        return Estimate(value=np.nan, low=np.nan, high=np.nan, n=0)
    low = int(binom.ppf(0.025, n, share))
    high = int(binom.ppf(0.975, n, share)) + 1
    return Estimate(
        value=float(np.quantile(ordered, share)),
        low=float(ordered[low - 1]) if low else np.nan,
        high=float(ordered[high - 1]) if high <= n else np.nan,
        n=n,
    )
