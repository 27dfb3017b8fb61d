"""The slices on which a run is worst: found by a shallow decision tree, measured on other photos.

A search for bad slices finds some by chance. So every slice is found on some photos and measured on
others, and its intervals hold. Slices are chosen and ordered by the photos they were found on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import scipy

from core.evaluation.comparison import ALPHA, adjust_holm
from core.evaluation.intervals import Estimate, estimate_share, wilson_interval
from core.evaluation.slices import Condition, Property, Rule, match_rule

LEAST_PHOTOS = 60
LEAST_ERRORS = 10
"""Fewer photos or errors are not searched."""
_TAKEN = 4
_LEAST_EXCESS = 1.0
"""A slice must be this many standard errors worse, where it is found, to be measured."""


class Judged(NamedTuple):
    """Photos with the answers of a run."""

    photos: np.ndarray
    """(m,) int."""
    right: np.ndarray
    """(m,) bool, whether the run is correct."""
    expected: np.ndarray
    """(m,) float, the accuracy of the run on the photo's class."""

    def part(self, rows: np.ndarray) -> "Judged":
        """Return some of the photos."""
        return Judged(*(values[rows] for values in self))


@dataclass(frozen=True, kw_only=True)
class FoundSlice:
    """A slice as it was found, and as it was measured on other photos."""

    rule: Rule
    found: Estimate
    """Accuracy on the photos it was found on."""
    accuracy: Estimate
    """Accuracy on the other photos."""
    rest: Estimate
    """Accuracy on those of the other photos that are outside of the slice."""
    apart: "ShareDifference"
    """Accuracy of the slice minus accuracy of the rest; p adjusted by Holm for all slices."""
    expected: float
    """Accuracy expected from the classes of its photos."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the slice is significantly worse on the photos it was measured on."""
        return self.apart.difference < 0 and self.apart.p_value < ALPHA


class SliceSearch(NamedTuple):
    """The result of a search."""

    slices: tuple[FoundSlice, ...] = ()
    """Confirmed slices first, then by their excess of errors where they were found."""
    too_few: bool = False
    """Whether there were too few photos or errors to search."""


def find_worst_slices(
    properties: Mapping[str, Property], judged: Judged, found_on: Judged | None = None
) -> SliceSearch:
    """Return the worst slices, each measured on photos it was not found on.

    Args:
        properties: Properties of the dataset; only searched ones are used.
        judged: Photos to measure slices on.
        found_on: Photos to find slices on. None: slices are found on one half of `judged` and
            measured on the other half, both ways.
    """
    searched = {name: one for name, one in properties.items() if one.searched}
    if found_on is not None:
        ways = [(found_on, judged)]
    else:
        one, other = split_in_halves(judged)
        ways = [(one, other), (other, one)]
    if not searched or any(_is_too_small(found) for found, _ in ways):
        return SliceSearch(too_few=True)
    measured = []
    for found, others in ways:
        for rule, excess in choose_slices(searched, found, grow_tree(searched, found)):
            inside = match_rule(rule, searched)
            if inside[others.photos].any() and not inside[others.photos].all():
                measured.append((excess, _measure(rule, inside, found, others)))
    adjusted = adjust_holm([one.apart.p_value for _, one in measured])
    slices = [
        (excess, replace(one, apart=one.apart._replace(p_value=float(p_value))))
        for (excess, one), p_value in zip(measured, adjusted, strict=True)
    ]
    slices.sort(key=lambda entry: (not entry[1].is_confirmed, -entry[0]))
    return SliceSearch(tuple(one for _, one in slices))


def split_in_halves(judged: Judged, seed: int = 0) -> tuple[Judged, Judged]:
    """Return two random halves; their numbers of errors differ by one at most."""
    shuffled = np.random.default_rng(seed).permutation(len(judged.right))
    order = shuffled[np.argsort(judged.right[shuffled], kind="stable")]
    return judged.part(np.sort(order[::2])), judged.part(np.sort(order[1::2]))


def choose_slices(
    properties: Mapping[str, Property], found: Judged, nodes: Sequence[Rule]
) -> list[tuple[Rule, float]]:
    """Return the worst few rules with their excess of errors in standard errors, none nested."""
    share = float((~found.right).mean())
    rated = []
    for rule in nodes:
        inside = match_rule(rule, properties)[found.photos]
        n, wrong = int(inside.sum()), int((~found.right[inside]).sum())
        rated.append(((wrong - n * share) / math.sqrt(n * share * (1 - share)), rule, inside))
    rated.sort(key=lambda entry: -entry[0])
    taken: list[tuple[Rule, float]] = []
    covered: list[np.ndarray] = []
    for excess, rule, inside in rated:
        nested = any(not (inside & ~one).any() or not (one & ~inside).any() for one in covered)
        if excess >= _LEAST_EXCESS and not nested and len(taken) < _TAKEN:
            taken.append((rule, excess))
            covered.append(inside)
    return taken


def _is_too_small(found: Judged) -> bool:
    wrong = int((~found.right).sum())
    return len(found.right) < LEAST_PHOTOS or not LEAST_ERRORS <= wrong < len(found.right)


def _measure(rule: Rule, inside: np.ndarray, found: Judged, judged: Judged) -> FoundSlice:
    seen, held = inside[found.photos], inside[judged.photos]
    inner, outer = ((int(judged.right[some].sum()), int(some.sum())) for some in (held, ~held))
    return FoundSlice(
        rule=rule,
        found=estimate_share(int(found.right[seen].sum()), int(seen.sum())),
        accuracy=estimate_share(*inner),
        rest=estimate_share(*outer),
        apart=compare_shares(*inner, *outer),
        expected=float(judged.expected[held].mean()),
    )


DEPTH = 3
_LEAST_LEAF = 15
_LEAF_SHARE = 30
_CUTS = 20


def grow_tree(properties: Mapping[str, Property], found: Judged) -> list[Rule]:
    """Return the rules of all nodes of a decision tree but its root.

    The tree separates right from wrong answers. A cut is a property's value at one of 19 quantiles,
    or one of its kinds; a node has at least a thirtieth of all photos (and 15).
    """
    from sklearn.tree import DecisionTreeClassifier  # slow to import

    cuts = [cut for of in properties.values() for cut in _list_cuts(of, found.photos)]
    columns = [cut.holds(properties[cut.name].values[found.photos]) for cut in cuts]
    least = max(_LEAST_LEAF, len(found.photos) // _LEAF_SHARE)
    model = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=least, random_state=0)
    tree = model.fit(np.column_stack(columns), found.right).tree_
    rules: dict[int, Rule] = {0: ()}
    for node in np.flatnonzero(tree.feature >= 0).tolist():  # parents come before their children
        cut = cuts[tree.feature[node]]
        rules[int(tree.children_left[node])] = _join(rules[node], _negate(cut))
        rules[int(tree.children_right[node])] = _join(rules[node], cut)
    return [rule for rule in rules.values() if rule]


def _list_cuts(of: Property, photos: np.ndarray) -> list[Condition]:
    values = of.values[photos]
    if not of.is_number:
        return [Condition(name=of.name, kind=str(kind)) for kind in np.unique(values)]
    edges = np.quantile(values, np.arange(1, _CUTS) / _CUTS)
    return [
        Condition(name=of.name, low=edge) for edge in np.unique(edges.round(of.digits)).tolist()
    ]


def _negate(cut: Condition) -> Condition:
    if cut.kind is not None:
        return replace(cut, excluded=True)
    return Condition(name=cut.name, high=cut.low)


def _join(rule: Rule, side: Condition) -> Rule:
    """Return the rule with one more condition; spans of one property are merged."""
    joined = []
    for one in rule:
        if one.name == side.name and one.kind is None and side.kind is None:
            side = replace(side, low=max(one.low, side.low), high=min(one.high, side.high))
        elif one.name == side.name and not side.excluded:
            continue  # the new condition implies the old one
        else:
            joined.append(one)
    return (*joined, side)


class ShareDifference(NamedTuple):
    """The first share minus the second, with its 95 % interval; -1 to 1."""

    difference: float
    low: float
    high: float
    p_value: float
    """Fisher's exact test, two-sided."""


def compare_shares(hits: int, n: int, other_hits: int, other_n: int) -> ShareDifference:
    """Return the difference of the shares hits / n and other_hits / other_n; n and other_n > 0.

    Source:
        R. G. Newcombe (1998), Stat. Med. 17, 873-890, method 10, for the interval.
    """
    one, other = hits / n, other_hits / other_n
    low, high = wilson_interval(hits, n, wider=False)
    other_low, other_high = wilson_interval(other_hits, other_n, wider=False)
    difference = one - other
    table = [[hits, n - hits], [other_hits, other_n - other_hits]]
    return ShareDifference(
        difference=difference,
        low=difference - math.hypot(one - low, other_high - other),
        high=difference + math.hypot(high - one, other - other_low),
        p_value=float(scipy.stats.fisher_exact(table).pvalue),
    )


def say_points(difference: float) -> str:
    """Return a difference of shares in whole points with its sign: "−14", "+3", "0"."""
    points = round(100 * difference)
    return "0" if points == 0 else f"{'−' if points < 0 else '+'}{abs(points)}"
