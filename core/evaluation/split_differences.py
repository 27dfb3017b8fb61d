"""Differences between splits: the photos of a class in train against those in another split.

Two-sample Kolmogorov-Smirnov tests in each class, and over all classes with the class mix of the
other split. All p-values are adjusted together by Holm. A measure with several columns (kinds,
directions of the features) is judged by its smallest p-value times their number.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
import scipy

from core.evaluation.comparison import adjust_holm
from core.evaluation.drift import (
    distance_p_values,
    effective_number,
    measure_distances,
    weigh_groups,
    weighted_median,
)
from core.evaluation.intervals import wilson_interval
from core.evaluation.slices import MOST_KINDS, Property

LEVEL = 0.05
"""Level of significance after Holm's adjustment."""
FEWEST = 5
"""Photos on each side of a comparison."""
EVERY = ""
"""In place of a class: photos of all classes. No class has this name."""
FEATURES = "features"
_DIRECTIONS = 8
_NUMBERS = ("m", "n", "before", "now", "area", "low", "high", "p_value")


def compare_splits(
    properties: Sequence[Property],
    reduced: np.ndarray,
    labels: np.ndarray,
    splits: np.ndarray,
    classes: Sequence[str],
) -> pd.DataFrame:
    """Return a row for each comparison with FEWEST photos on both sides, smallest p-value first.

    Args:
        reduced: (n, d) float, the features of all photos in few directions.

    Returns:
        Columns class (or EVERY), split, measure, kind (that differs most, else ""), m (photos in
        train), n, before and now (medians, or shares of the kind; NaN for features), area (share of
        pairs in which the photo of the split is higher) with its 95 % interval low and high,
        p_value and adjusted.
    """
    groups = [(name, np.flatnonzero(labels == number)) for number, name in enumerate(classes)]
    if sum(len(photos) > 0 for _, photos in groups) > 1:
        groups.append((EVERY, np.arange(len(labels))))
    centred = reduced - pd.DataFrame(reduced).groupby(labels).transform("mean").to_numpy()
    rows = []
    for (name, photos), split in product(groups, ("validation", "test")):
        before, now = photos[splits[photos] == "train"], photos[splits[photos] == split]
        now = now[np.isin(labels[now], labels[before])]
        before = before[np.isin(labels[before], labels[now])]
        if min(len(before), len(now)) >= FEWEST:
            columns = _list_columns(properties, centred, np.concatenate([before, now]))
            for measure, values in columns:
                found = _compare(values, labels[before], labels[now])
                rows.append({"class": name, "split": split, "measure": measure, **found})
    table = pd.DataFrame(rows, columns=["class", "split", "measure", "kind", *_NUMBERS])
    table.loc[table["measure"] == FEATURES, ["kind", "before", "now"]] = "", np.nan, np.nan
    table["adjusted"] = adjust_holm(table["p_value"].tolist())
    return table.sort_values("p_value", kind="stable", ignore_index=True)


def _list_columns(
    properties: Sequence[Property], centred: np.ndarray, photos: np.ndarray
) -> Iterator[tuple[str, Mapping[str, np.ndarray]]]:
    """Yield each measure that is not constant with its columns, kind → (m,) float."""
    for of in properties:
        values = of.values[photos]
        if of.is_number:
            columns = {"": values}
        else:
            kinds, numbers = np.unique(values, return_counts=True)
            common = kinds[np.argsort(-numbers, kind="stable")][:MOST_KINDS]
            columns = {str(kind): (values == kind).astype(np.float64) for kind in common}
        columns = {kind: column for kind, column in columns.items() if np.ptp(column) > 0}
        if columns:
            yield of.name, columns
    some = centred[photos] - centred[photos].mean(axis=0)
    # The splits have no part in the choice of directions.
    _, directions = scipy.linalg.eigh(some.T @ some)
    placed = some @ directions[:, : -_DIRECTIONS - 1 : -1]
    yield FEATURES, {f"direction {number}": one for number, one in enumerate(placed.T, 1)}


def _compare(
    columns: Mapping[str, np.ndarray], before: np.ndarray, now: np.ndarray
) -> dict[str, object]:
    """Return the comparison by the column that differs most; `before` and `now` are classes.

    Source:
        Z. W. Birnbaum and O. M. Klose (1957), Ann. Math. Stat. 28, 933-945: the variance of `area`
        is at most that of a share among the smaller number of photos.
    """
    values, m = np.column_stack(list(columns.values())), len(before)
    weights = weigh_groups(before, now)
    effective = effective_number(weights)
    distances = measure_distances(values[:m], weights, values[m:])
    worst = int(distances.argmax())
    p_value = float(distance_p_values(distances, effective, len(now))[worst]) * len(columns)
    kind, then, later = list(columns)[worst], values[:m, worst], values[m:, worst]
    area = _measure_area(then, weights, later)
    fewer = min(effective, len(now))
    low, high = wilson_interval(area * fewer, fewer)
    middles = weighted_median(then, weights), float(np.median(later))
    if kind:
        middles = float(np.average(then, weights=weights)), float(later.mean())
    found = (m, len(now), *middles, area, low, high, min(1.0, p_value))
    return {"kind": kind, **dict(zip(_NUMBERS, found, strict=True))}


def _measure_area(before: np.ndarray, weights: np.ndarray, now: np.ndarray) -> float:
    """Return the weighted share of pairs in which `now` is higher; ties count half."""
    order = np.argsort(before, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    sides = [np.searchsorted(before[order], now, side) for side in ("left", "right")]
    return float(np.clip(below[np.stack(sides)].mean(), 0, 1))
