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

from core.evaluation.two_samples import (
    MixShift,
    compare_mixes,
    distance_p_values,
    effective_number,
    measure_distances,
    weigh_groups,
    weighted_median,
)

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
        return PhotoSet(
            components=self.components[rows],
            properties=self.properties[rows],
            groups=self.groups[rows],
        )


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
    n_within: int
    """Of these, photos whose class the reference has: the ones compared within classes."""
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
        reference: At least one photo.
        current: At least one photo; each should be there once, for copies are no evidence.
        classes: Names of the classes that `groups` counts.
        components: Names of the columns of `components`.
        properties: Names of the columns of `properties`.
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
        n_within=len(within),
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
