"""Drift: whether photos differ from a reference in features, in properties or in the class mix.

A photo is described by components (directions of its features), measured properties and its
predicted class. The mix of classes is compared on its own. Components and properties are compared
within classes: the reference is weighted to the current mix.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
import scipy


def weigh_groups(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return weights (m,) that give the reference the group mix of the current sample.

    Args:
        reference: (m,) int, groups.
        current: (n,) int, groups; those missing in the reference are ignored.
    """
    groups, places, there = np.unique(reference, return_inverse=True, return_counts=True)
    wanted = np.array([(current == group).sum() for group in groups], dtype=np.float64)
    return np.asarray((wanted / there)[places])


def effective_number(weights: np.ndarray) -> float:
    """Return the effective sample size of the weights (Kish 1965, Survey Sampling, 11.7)."""
    total = float(weights.sum())
    return total**2 / float(np.square(weights).sum()) if total else 0.0


def measure_distances(
    reference: np.ndarray, weights: np.ndarray, current: np.ndarray
) -> np.ndarray:
    """Return the weighted Kolmogorov-Smirnov statistic of each column, (c,) in [0, 1]."""
    values = np.concatenate([reference, current])
    steps = np.concatenate([weights / weights.sum(), np.full(len(current), -1 / len(current))])
    order = np.argsort(values, axis=0, kind="stable")
    gaps = np.cumsum(steps[order], axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    # Of equal values the last one has the full gap.
    ends = np.ones(values.shape, dtype=bool)
    ends[:-1] = ordered[1:] != ordered[:-1]
    largest = np.abs(np.where(ends, gaps, 0)).max(axis=0)
    return np.asarray(np.minimum(largest, 1.0))  # sums of weights are rounded


def distance_p_values(distances: np.ndarray, m: float, n: float) -> np.ndarray:
    """Return the p-values (c,) of distances between samples of m and n members.

    Source:
        M. A. Stephens (1970), J. R. Stat. Soc. B 32, 115-122, for small samples. Conservative
        within groups.
    """
    root = np.sqrt(m * n / (m + n))
    return np.asarray(scipy.special.kolmogorov((root + 0.12 + 0.11 / root) * distances))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted median; NaN without any weight."""
    if not weights.sum():
        return float("nan")
    return float(np.quantile(values, 0.5, method="inverted_cdf", weights=weights))


_DRAWS = 2000
_SMOOTHING = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class MixShift:
    """Two class mixes, compared by the population stability index."""

    table: pd.DataFrame
    """class, reference (share), current (share), part (of the index)."""
    index: float
    by_chance: float
    """Mean index of two draws from one mix."""
    p_value: float
    n: int
    """Current photos."""

    @property
    def beyond_chance(self) -> float:
        """The index minus its mean by chance, at least 0."""
        return max(0.0, self.index - self.by_chance)


def compare_mixes(classes: list[str], reference: np.ndarray, current: np.ndarray) -> MixShift:
    """Return the comparison of two class mixes, counts (k,) int each.

    Source:
        B. Yurdakul and J. Naranjo (2020), J. Risk Model Validation 14(4): the index under chance,
        which is simulated here because classes may be rare.
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
    """Return the part of each class (r, k) for counts (r, k), half a photo added to each."""
    before, now = (
        (counts + _SMOOTHING) / (counts + _SMOOTHING).sum(axis=1, keepdims=True)
        for counts in (reference, current)
    )
    return np.asarray((now - before) * np.log(now / before))


Family = Literal["features", "properties", "mix"]
FAMILIES: tuple[Family, ...] = get_args(Family)

FALSE_ALARMS = 0.01
"""Level of significance of one comparison of all families."""
FEWEST = 50
"""Fewer photos are not compared: halved brightness could be missed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoSet:
    """Photos to compare; row i of each array is one photo."""

    components: np.ndarray
    """(n, c) float."""
    properties: np.ndarray
    """(n, p) float."""
    groups: np.ndarray
    """(n,) int, predicted class; -1: a class that the model does not know."""

    def __len__(self) -> int:
        return len(self.groups)

    def take(self, rows: np.ndarray) -> "PhotoSet":
        """Return some of the photos."""
        return PhotoSet(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True, kw_only=True, eq=False)
class Drift:
    """The result of a comparison."""

    columns: pd.DataFrame
    """A row for each component and property: family, name, distance (0 to 1), adjusted (p-value),
    before and now (medians), is_proven (significant)."""
    mix: MixShift
    mix_adjusted: float
    """Adjusted p-value of the mix."""
    n: int
    """Current photos."""
    m: int
    """Reference photos."""

    def size(self, family: Family) -> float:
        """Return the largest significant distance (of the mix: the index); 0 without any."""
        if family == "mix":
            return self.mix.beyond_chance if self.is_proven("mix") else 0.0
        rows = self.columns[(self.columns["family"] == family) & self.columns["is_proven"]]
        return float(rows["distance"].max()) if len(rows) else 0.0

    def is_proven(self, family: Family) -> bool:
        """Return whether the family has changed significantly."""
        if family == "mix":
            return self.mix_adjusted < FALSE_ALARMS
        return bool(self.columns.loc[self.columns["family"] == family, "is_proven"].any())

    @property
    def proven(self) -> list[Family]:
        """The families that have changed significantly."""
        return [family for family in FAMILIES if self.is_proven(family)]


def compare_photos(
    reference: PhotoSet,
    current: PhotoSet,
    *,
    classes: Sequence[str],
    components: Sequence[str],
    properties: Sequence[str],
) -> Drift:
    """Return the comparison of current photos with the reference.

    Bonferroni: each family gets a third of `FALSE_ALARMS`, divided among its columns.

    Args:
        current: At least one photo, without copies.
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
    """Return the position of each current photo along the change, (n,) float.

    The linear discriminant within classes over the columns that changed significantly, taken as
    independent. 0: the centre of the class, or a class that the reference does not have.
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
    """Return the rows of `Drift.columns` of one family."""
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
