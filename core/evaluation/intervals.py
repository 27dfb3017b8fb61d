"""Intervals for shares of photos."""

import math

_Z = {0.90: 1.6448536269514722, 0.95: 1.959963984540054, 0.99: 2.5758293035489004}


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns the low and high end of the interval of a share; (nan, nan) when n is 0.

    Args:
        successes: How many of the photos, 0 to n.
        n: Photos in all.
        confidence: 0.90, 0.95 or 0.99.

    Source:
        E. B. Wilson (1927), J. Am. Stat. Assoc. 22, 209-212. Chosen over share ± z·s because it
        stays within [0, 1] and is right for few photos and for shares of 0 and 1.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a share")
    if n == 0:
        return math.nan, math.nan
    z = _Z[confidence]
    share = successes / n
    middle = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == n else (middle + spread) / scale
    return low, high
