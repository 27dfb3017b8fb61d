"""How well one number tells two sets of photos apart: ROC curve, its area, a limit that keeps 95 %.

The number is a distance: higher means less like what the model was trained on.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

FEWEST_TO_LIMIT = 19
"""Photos below which no limit can promise to keep 95 % of the next ones."""


@dataclass(frozen=True, kw_only=True)
class Separation:
    """How far unlike photos stand out from those of the dataset."""

    area: float
    """Chance that an unlike photo is farther away than one of the dataset; 0.5: no difference."""
    area_low: float
    area_high: float
    """Ends of the 95 % interval."""
    like: int
    unlike: int
    """Photos of each."""


def find_limit(distances: np.ndarray, keep: float = 0.95) -> float | None:
    """Returns the distance within which at least `keep` of further such photos lie.

    None for so few photos that no limit promises it (fewer than 19 for 95 %).

    Args:
        distances: (n,) float, of validation photos, which the model did not learn from.
        keep: Share, in (0, 1).

    Source:
        V. Vovk et al. (2005), Algorithmic Learning in a Random World: the split-conformal quantile,
        the ⌈(n + 1) · keep⌉-th smallest.
    """
    rank = math.ceil((len(distances) + 1) * keep - 1e-9)
    return float(np.sort(distances)[rank - 1]) if rank <= len(distances) else None


def measure_separation(like: np.ndarray, unlike: np.ndarray) -> Separation:
    """Returns the area under the ROC curve with its interval; NaN where a set is too small.

    Ties count half.

    Source:
        E. R. DeLong et al. (1988), Biometrics 44, 837-845, for the variance; its ends are kept
        within [0, 1] on the logit scale.
    """
    from scipy.stats import rankdata

    m, n = len(unlike), len(like)
    if not m or not n:
        nan = float("nan")
        return Separation(area=nan, area_low=nan, area_high=nan, like=n, unlike=m)
    together = rankdata(np.concatenate([unlike, like]))
    above = (together[:m] - rankdata(unlike)) / n
    below = 1 - (together[m:] - rankdata(like)) / m
    area = float(above.mean())
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)
    low, high = _bound_share(area, math.sqrt(variance))
    if min(m, n) < 2:
        low = high = float("nan")
    elif area in (0.0, 1.0):  # what no photo contradicts is not proven: at least as for one share
        edge = 0.025 ** (1 / min(m, n))
        low, high = (edge, 1.0) if area else (0.0, 1 - edge)
    return Separation(area=area, area_low=low, area_high=high, like=n, unlike=m)


def trace_roc(like: np.ndarray, unlike: np.ndarray) -> pd.DataFrame:
    """Returns the ROC curve: columns limit, refused (of like), found (of unlike), both shares.

    A photo is taken for unlike when its distance is above the limit. Corners only.
    """
    limits = np.unique(np.concatenate([like, unlike]))[::-1]
    refused = 1 - np.searchsorted(np.sort(like), limits, side="right") / max(len(like), 1)
    found = 1 - np.searchsorted(np.sort(unlike), limits, side="right") / max(len(unlike), 1)
    curve = pd.DataFrame({"limit": limits, "refused": refused, "found": found})
    end = pd.DataFrame({"limit": [-np.inf], "refused": [1.0], "found": [1.0]})
    curve = pd.concat([curve, end], ignore_index=True)
    steps = curve[["refused", "found"]]
    # Between two corners the curve runs straight along one axis: what lies between is left out.
    straight = (steps.diff() == 0) & (steps.diff(-1) == 0)
    return curve[~straight.any(axis=1)].reset_index(drop=True)


def _bound_share(share: float, spread: float) -> tuple[float, float]:
    if not 0 < share < 1 or spread == 0:
        return share, share
    middle, half = math.log(share / (1 - share)), 1.96 * spread / (share * (1 - share))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))
