"""A shallow tree that looks for the photos a run is worst on.

It only finds: a tree that is asked for the worst photos finds some in pure chance, too. What it
found is measured on other photos by core/evaluation/slice_search.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.evaluation.slices import Condition, Property, Rule, match_rule

DEPTH = 3
_LEAST_LEAF = 15
_LEAF_SHARE = 30
_CUTS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Photos and whether the run is right on them."""

    photos: np.ndarray
    """(m,) int."""
    right: np.ndarray
    """(m,) bool."""
    expected: np.ndarray
    """(m,) float, how often it is right on photos of the same class."""

    def part(self, rows: np.ndarray) -> "Judged":
        """Returns some of them."""
        return Judged(
            photos=self.photos[rows], right=self.right[rows], expected=self.expected[rows]
        )


def grow_tree(properties: Mapping[str, Property], found: Judged) -> tuple[list[Rule], int]:
    """Returns the rules of all nodes but the root, and how many cuts were tried.

    Each cut is the one that lowers Gini's impurity of right and wrong most, with no fewer photos
    on a side than a thirtieth of all (and 15).

    Source:
        L. Breiman et al. (1984), Classification and Regression Trees.
    """
    least = max(_LEAST_LEAF, len(found.photos) // _LEAF_SHARE)
    nodes: list[Rule] = []
    tried = 0
    level: list[Rule] = [()]
    for _ in range(DEPTH):
        children: list[Rule] = []
        for rule in level:
            inside = match_rule(rule, properties)[found.photos]
            best, cuts = _find_cut(properties, found.part(inside), least)
            tried += cuts
            children += [_join(rule, side) for side in best]
        nodes += children
        level = children
    return nodes, tried


def _find_cut(
    properties: Mapping[str, Property], node: Judged, least: int
) -> tuple[tuple[Condition, ...], int]:
    """Returns the two sides of the best cut, or () where none helps, and how many were tried."""
    wrong = (~node.right).astype(np.int64)
    n, errors = len(wrong), int(wrong.sum())
    best: tuple[Condition, ...] = ()
    lowest, tried = _impurity(errors, n) - 1e-9, 0
    for of in properties.values():
        values = of.values[node.photos]
        for sides in _list_cuts(of, values):
            inside = sides[0].holds(values)
            photos = int(inside.sum())
            if not least <= photos <= n - least:
                continue
            tried += 1
            caught = int(wrong[inside].sum())
            impurity = _impurity(caught, photos) + _impurity(errors - caught, n - photos)
            if impurity < lowest:
                best, lowest = sides, impurity
    return best, tried


def _impurity(errors: int, n: int) -> float:
    return 2.0 * errors * (n - errors) / n


def _list_cuts(of: Property, values: np.ndarray) -> Iterator[tuple[Condition, Condition]]:
    if not of.is_number:
        for kind in np.unique(values).tolist():
            side = Condition(name=of.name, kind=str(kind))
            yield side, replace(side, excluded=True)
        return
    at = np.quantile(values, np.arange(1, _CUTS) / _CUTS) if len(values) else np.empty(0)
    for edge in np.unique(np.round(at, of.digits)).tolist():
        yield Condition(name=of.name, high=edge), Condition(name=of.name, low=edge)


def _join(rule: Rule, side: Condition) -> Rule:
    """Returns the rule narrowed by a condition; two spans of one property become one."""
    joined = []
    for one in rule:
        if one.name == side.name and one.kind is None and side.kind is None:
            side = replace(side, low=max(one.low, side.low), high=min(one.high, side.high))
        elif one.name == side.name and not side.excluded:
            continue  # that it is this kind says that it is no other
        else:
            joined.append(one)
    return (*joined, side)
