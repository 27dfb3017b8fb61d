"""Whether photos have changed against a reference: what the model sees, what is measured, the mix.

A photo is described by components (directions of its features), by measured properties and by the
class that the model gives it. The mix of these classes is compared on its own; components and
properties are compared within classes, the reference carried over to the mix of now. Together the
two say all: whatever changes, changes the mix, or the photos that get the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

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


def compare_mixes(classes: list[str], reference: np.ndarray, current: np.ndarray) -> MixShift:
    """Return how far two mixes of the same classes are apart.

    Args:
        reference: (k,) int, photos of each class in the reference.
        current: (k,) int, now.

    Source:
        B. Yurdakul and J. Naranjo (2020), J. Risk Model Validation 14(4), for the spread of the
        index under chance, which is drawn here because classes may be rare.
    """
    pooled = (reference + current) / (reference.sum() + current.sum())
    rng = np.random.default_rng(0)
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


Family = Literal["features", "properties", "mix"]
FAMILIES: tuple[Family, ...] = get_args(Family)

FALSE_ALARMS = 0.01
"""How often an unchanged source is called changed, in one comparison of all families together."""
FEWEST = 50
"""Photos below which nothing is compared: from so many on, brightness halved is always seen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoSet:
    """Photos as they are compared; row i of each array is one photo."""

    components: np.ndarray
    """(n, c) float."""
    properties: np.ndarray
    """(n, p) float."""
    groups: np.ndarray
    """(n,) int, number of the class that the model gives; -1 for one that it does not know."""

    def __len__(self) -> int:
        return len(self.groups)

    def take(self, rows: np.ndarray) -> "PhotoSet":
        """Return some of the photos, in the order of the row numbers or mask."""
        return PhotoSet(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True, kw_only=True, eq=False)
class Drift:
    """What a comparison found."""

    columns: pd.DataFrame
    """One row for each component and property: family, name, distance (0 to 1), adjusted (p-value
    after correction for all that was tested), before and now (medians), is_proven."""
    mix: MixShift
    mix_adjusted: float
    """P-value of the mix after correction."""
    n: int
    """Current photos."""
    m: int
    """Reference photos."""

    def size(self, family: Family) -> float:
        """Return how far a family has moved: the largest proven distance, or index; else 0."""
        if family == "mix":
            return self.mix.beyond_chance if self.is_proven("mix") else 0.0
        rows = self.columns[(self.columns["family"] == family) & self.columns["is_proven"]]
        return float(rows["distance"].max()) if len(rows) else 0.0

    def is_proven(self, family: Family) -> bool:
        """Return whether chance is ruled out as the cause."""
        if family == "mix":
            return self.mix_adjusted < FALSE_ALARMS
        return bool(self.columns.loc[self.columns["family"] == family, "is_proven"].any())

    @property
    def proven(self) -> list[Family]:
        """The families that have changed."""
        return [family for family in FAMILIES if self.is_proven(family)]


def compare_photos(
    reference: PhotoSet,
    current: PhotoSet,
    *,
    classes: Sequence[str],
    components: Sequence[str],
    properties: Sequence[str],
) -> Drift:
    """Return in what the current photos differ from the reference.

    The p-values are corrected after Bonferroni: each family gets a third of `FALSE_ALARMS`, shared
    by its columns.

    Args:
        current: At least one photo; each should be there once, for copies are no evidence.
    """
    weights = weigh_groups(reference.groups, current.groups)
    within = current.take(np.isin(current.groups, reference.groups))
    tables = [
        _compare_columns("features", components, reference.components, weights, within.components),
        _compare_columns(
            "properties", properties, reference.properties, weights, within.properties
        ),
    ]
    known = current.groups[current.groups >= 0]
    size = len(classes)
    before = np.bincount(reference.groups, minlength=size)
    mix = compare_mixes(list(classes), before, np.bincount(known, minlength=size))
    return Drift(
        columns=pd.concat(tables, ignore_index=True),
        mix=mix,
        mix_adjusted=min(1.0, mix.p_value * len(FAMILIES)),
        n=len(current),
        m=len(reference),
    )


def rank_drivers(reference: PhotoSet, current: PhotoSet, drift: Drift) -> np.ndarray:
    """Return how far each current photo lies in the direction of the change, (n,) float.

    About 0 for a photo in the middle of its class in the reference; 0, too, for photos whose class
    the reference does not have, and for all where nothing but the mix has moved.

    Source: linear discriminant of the two samples within classes, with the columns taken as
    independent, over the columns that have provably moved.
    """
    proven = drift.columns["is_proven"].to_numpy()
    pushes = np.zeros(len(current))
    groups, places = np.unique(reference.groups, return_inverse=True)
    within = np.flatnonzero(np.isin(current.groups, groups))
    if not proven.any() or not len(within):
        return pushes
    before = np.column_stack([reference.components, reference.properties])[:, proven]
    now = np.column_stack([current.components, current.properties])[within][:, proven]
    middles = np.zeros((len(groups), before.shape[1]))
    np.add.at(middles, places, before)
    middles /= np.bincount(places)[:, None]
    spread = np.sqrt(np.square(before - middles[places]).mean(axis=0))
    own = np.searchsorted(groups, current.groups[within])
    placed = (now - middles[own]) / np.maximum(spread, 1e-9)
    direction = placed.mean(axis=0)
    pushes[within] = placed @ direction / max(float(np.linalg.norm(direction)), 1e-9)
    return pushes


def _compare_columns(
    family: Family,
    names: Sequence[str],
    reference: np.ndarray,
    weights: np.ndarray,
    current: np.ndarray,
) -> pd.DataFrame:
    """Return the rows of `Drift.columns` of one family; nothing is proven without photos."""
    distances, adjusted = np.zeros(len(names)), np.ones(len(names))
    m = effective_number(weights)
    if len(current) and m:
        distances = measure_distances(reference, weights, current)
        tests = len(names) * len(FAMILIES)
        adjusted = np.minimum(distance_p_values(distances, m, len(current)) * tests, 1.0)
    same = np.ones(len(current))
    return pd.DataFrame(
        {
            "family": family,
            "name": list(names),
            "distance": distances,
            "adjusted": adjusted,
            "before": [weighted_median(column, weights) for column in reference.T],
            "now": [weighted_median(column, same) for column in current.T],
            "is_proven": adjusted < FALSE_ALARMS,
        }
    )
