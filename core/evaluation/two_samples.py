"""Whether two samples come from the same source: columns of numbers, and mixes of classes.

In columns one sample is weighted, so that what is compared is what lies within groups. Arrays:
`reference` (m, c), `weights` (m,), `current` (n, c). Mixes of classes by the population
stability index: its limits of 0.1 and 0.25 are made for few groups and many members (with 102
classes and 200 photos chance alone gives about 0.6), so what counts is the index beyond chance.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd


def weigh_groups(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return weights (m,) that give the reference the mix of groups of the current sample.

    They are 0 where the current sample has none of a group; their sum is the number of current
    members whose group is known to the reference.

    Args:
        reference: (m,) int, the group of each.
        current: (n,) int; groups that the reference does not have count for nothing.
    """
    groups, places, there = np.unique(reference, return_inverse=True, return_counts=True)
    wanted = np.array([(current == group).sum() for group in groups], dtype=np.float64)
    return np.asarray((wanted / there)[places])


def effective_number(weights: np.ndarray) -> float:
    """Return how many equally weighted members tell as much; 0 without any weight.

    Source: L. Kish (1965), Survey Sampling, section 11.7.
    """
    total = float(weights.sum())
    return total**2 / float(np.square(weights).sum()) if total else 0.0


def measure_distances(
    reference: np.ndarray, weights: np.ndarray, current: np.ndarray
) -> np.ndarray:
    """Return the largest gap between the two cumulative shares in each column, (c,) in [0, 1].

    Source: Kolmogorov's and Smirnov's statistic of two samples, with weights.
    """
    values = np.concatenate([reference, current])
    steps = np.concatenate([weights / weights.sum(), np.full(len(current), -1 / len(current))])
    order = np.argsort(values, axis=0, kind="stable")
    gaps = np.cumsum(steps[order], axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    # Among equal values only the last step has seen them all.
    ends = np.ones(values.shape, dtype=bool)
    ends[:-1] = ordered[1:] != ordered[:-1]
    largest = np.abs(np.where(ends, gaps, 0)).max(axis=0)
    return np.asarray(np.minimum(largest, 1.0))  # sums of weights are rounded


def distance_p_values(distances: np.ndarray, m: float, n: float) -> np.ndarray:
    """Return how often chance alone gives such a distance or a larger one, (c,) in [0, 1].

    Args:
        distances: Of `measure_distances`.
        m: Effective number of the reference.
        n: Members of the current sample.

    Source:
        M. A. Stephens (1970), J. R. Stat. Soc. B 32, 115-122, for few members. Within groups the
        distance varies less than this says, so that it errs on the side of no alarm.
    """
    from scipy.special import kolmogorov

    root = np.sqrt(m * n / (m + n))
    return np.asarray(kolmogorov((root + 0.12 + 0.11 / root) * distances))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the value that half of the weight does not exceed; NaN without any weight."""
    if not weights.sum():
        return float("nan")
    order = np.argsort(values, kind="stable")
    heaped = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(heaped, heaped[-1] / 2)])


_DRAWS = 2000
_SMOOTHING = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class MixShift:
    """Two mixes of classes, compared."""

    table: pd.DataFrame
    """Columns class, reference (share), current (share), part (its part of the index)."""
    index: float
    by_chance: float
    """What two draws from one mix give on average."""
    p_value: float
    """How often they give as much, from 2,000 draws."""
    n: int
    """Current photos."""

    @property
    def beyond_chance(self) -> float:
        """The index less what chance gives, never below 0."""
        return max(0.0, self.index - self.by_chance)


def compare_mixes(
    classes: list[str], reference: np.ndarray, current: np.ndarray, seed: int = 0
) -> MixShift:
    """Return how far two mixes of the same classes are apart.

    Args:
        classes: Names.
        reference: (k,) int, photos of each class in the reference.
        current: (k,) int, now.
        seed: Of the draws.

    Source:
        B. Yurdakul and J. Naranjo (2020), J. Risk Model Validation 14(4), for the spread of the
        index under chance, which is drawn here because classes may be rare.
    """
    pooled = (reference + current) / (reference.sum() + current.sum())
    rng = np.random.default_rng(seed)
    some = rng.multinomial(int(reference.sum()), pooled, size=_DRAWS)
    others = rng.multinomial(int(current.sum()), pooled, size=_DRAWS)
    drawn = _index_parts(some, others).sum(axis=1)
    parts = _index_parts(reference[None], current[None])[0]
    index = float(parts.sum())
    return MixShift(
        table=pd.DataFrame(
            {
                "class": classes,
                "reference": reference / reference.sum(),
                "current": current / current.sum(),
                "part": parts,
            }
        ),
        index=index,
        by_chance=float(drawn.mean()),
        p_value=float((1 + (drawn >= index).sum()) / (1 + _DRAWS)),
        n=int(current.sum()),
    )


def _index_parts(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return the part of each class, (r, k), of counts (r, k); half a photo is added to each."""
    before, now = (
        (counts + _SMOOTHING) / (counts + _SMOOTHING).sum(axis=1, keepdims=True)
        for counts in (reference, current)
    )
    return np.asarray((now - before) * np.log(now / before))
