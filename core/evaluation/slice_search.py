"""The slices a run is worst on, found by a shallow tree and measured on photos it did not see.

A tree that is asked for the worst photos finds some in pure chance, too. So each slice is found on
some photos and measured on others: intervals then mean what they say. Found are the worst ones by
what they were found on; what was measured neither chooses nor orders them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.evaluation.comparison import ALPHA, adjust_holm
from core.evaluation.intervals import wilson_interval
from core.evaluation.slices import Condition, Property, Rule, match_rule

LEAST_PHOTOS = 60
LEAST_ERRORS = 10
"""Photos and errors below which nothing is searched in them."""
_TAKEN = 4
_LEAST_EXCESS = 1.0
"""Standard errors by which a slice must be worse, where it is found, to be measured at all."""


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
        """Return some of them."""
        return Judged(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class FoundSlice:
    """A slice: as it was found, and as it was measured on other photos. Accuracies are 0 to 1."""

    rule: Rule
    found_n: int
    found_accuracy: float
    n: int
    wrong: int
    low: float
    high: float
    """Ends of the 95 % Wilson interval of the measured accuracy."""
    rest_n: int
    rest_accuracy: float
    difference: float
    """Accuracy of the slice less that of the rest."""
    difference_low: float
    difference_high: float
    p_value: float
    """Of no difference: Fisher's exact test, adjusted by Holm for all slices measured."""
    expected: float
    """The accuracy that the classes of its photos alone would give."""

    @property
    def accuracy(self) -> float:
        return (self.n - self.wrong) / self.n

    @property
    def is_confirmed(self) -> bool:
        """Whether the photos it was measured on say the same, beyond chance."""
        return self.difference < 0 and self.p_value < ALPHA


@dataclass(frozen=True, kw_only=True)
class SliceSearch:
    """What a search found, and how hard it looked."""

    slices: tuple[FoundSlice, ...]
    """Confirmed ones first; then by how much worse they were where they were found."""
    looked_at: int
    """Cuts that were tried."""
    too_few: bool = False
    """There are too few photos or errors to search in."""


def find_worst_slices(
    properties: Mapping[str, Property], judged: Judged, found_on: Judged | None = None
) -> SliceSearch:
    """Return the worst slices, each measured on photos it was not found on.

    Args:
        properties: All of the dataset's; only searched ones are used.
        judged: The photos whose slices are wanted.
        found_on: Other photos to find slices on, all of `judged` is then measured; None: each half
            of `judged` is searched, and what it gives is measured on the other.
    """
    searched = {name: one for name, one in properties.items() if one.searched}
    if found_on is not None:
        ways = [(found_on, judged)]
    else:
        one, other = split_in_halves(judged)
        ways = [(one, other), (other, one)]
    if not searched or any(_is_too_small(found) for found, _ in ways):
        return SliceSearch(slices=(), looked_at=0, too_few=True)
    looked_at, measured = 0, []
    for found, measure in ways:
        nodes, cuts = grow_tree(searched, found)
        looked_at += cuts
        for rule, excess in choose_slices(searched, found, nodes):
            inside = match_rule(rule, searched)
            if inside[measure.photos].any() and not inside[measure.photos].all():
                measured.append((excess, _measure(rule, inside, found, measure)))
    adjusted = adjust_holm([one.p_value for _, one in measured])
    slices = [
        (excess, replace(one, p_value=float(p_value)))
        for (excess, one), p_value in zip(measured, adjusted, strict=True)
    ]
    slices.sort(key=lambda entry: (not entry[1].is_confirmed, -entry[0]))
    return SliceSearch(slices=tuple(one for _, one in slices), looked_at=looked_at)


def split_in_halves(judged: Judged, seed: int = 0) -> tuple[Judged, Judged]:
    """Return two halves drawn at random, with equally many errors in both, give or take one."""
    shuffled = np.random.default_rng(seed).permutation(len(judged.right))
    order = shuffled[np.argsort(judged.right[shuffled], kind="stable")]
    return judged.part(np.sort(order[::2])), judged.part(np.sort(order[1::2]))


def choose_slices(
    properties: Mapping[str, Property], found: Judged, nodes: Sequence[Rule]
) -> list[tuple[Rule, float]]:
    """Return the few worst rules and by how many standard errors, none within another."""
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
    n, wrong = int(held.sum()), int((~judged.right[held]).sum())
    rest_n, rest_wrong = len(held) - n, int((~judged.right[~held]).sum())
    low, high = wilson_interval(n - wrong, n)
    between = compare_shares(n - wrong, n, rest_n - rest_wrong, rest_n)
    return FoundSlice(
        rule=rule,
        found_n=int(seen.sum()),
        found_accuracy=float(found.right[seen].mean()),
        n=n,
        wrong=wrong,
        low=low,
        high=high,
        rest_n=rest_n,
        rest_accuracy=(rest_n - rest_wrong) / rest_n,
        difference=between.difference,
        difference_low=between.low,
        difference_high=between.high,
        p_value=between.p_value,
        expected=float(judged.expected[held].mean()),
    )


DEPTH = 3
_LEAST_LEAF = 15
_LEAF_SHARE = 30
_CUTS = 10


def grow_tree(properties: Mapping[str, Property], found: Judged) -> tuple[list[Rule], int]:
    """Return the rules of all nodes but the root, and how many cuts were tried.

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
    """Return the two sides of the best cut, or () where none helps, and how many were tried."""
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
    """Return the rule narrowed by a condition; two spans of one property become one."""
    joined = []
    for one in rule:
        if one.name == side.name and one.kind is None and side.kind is None:
            side = replace(side, low=max(one.low, side.low), high=min(one.high, side.high))
        elif one.name == side.name and not side.excluded:
            continue  # that it is this kind says that it is no other
        else:
            joined.append(one)
    return (*joined, side)


@dataclass(frozen=True, kw_only=True)
class ShareDifference:
    """The first share less the second, -1 to 1."""

    difference: float
    low: float
    high: float
    """Ends of its 95 % interval."""
    p_value: float
    """Of no difference, two-sided, exact."""


def compare_shares(hits: int, n: int, other_hits: int, other_n: int) -> ShareDifference:
    """Return how the share hits / n differs from other_hits / other_n; both n are at least 1.

    Source:
        R. G. Newcombe (1998), Stat. Med. 17, 873-890, method 10, for the interval; R. A. Fisher
        (1934), Statistical Methods for Research Workers, for the exact test.
    """
    one, other = hits / n, other_hits / other_n
    (low, high), (other_low, other_high) = (
        wilson_interval(hits, n, wider=False),
        wilson_interval(other_hits, other_n, wider=False),
    )
    difference = one - other
    return ShareDifference(
        difference=difference,
        low=difference - math.hypot(one - low, other_high - other),
        high=difference + math.hypot(high - one, other - other_low),
        p_value=_exact_fisher(hits, n, other_hits, other_n),
    )


def _exact_fisher(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """Return the probability, all sums of the table given, of one as unlikely or more so."""
    total, all_hits = n + other_n, hits + other_hits
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    possible = np.arange(max(0, all_hits - other_n), min(n, all_hits) + 1)

    def choose(of: int, taken: np.ndarray) -> np.ndarray:
        return np.asarray(logs[of] - logs[taken] - logs[of - taken])

    ways = choose(n, possible) + choose(other_n, all_hits - possible)
    chances = np.exp(ways - ways.max())
    seen = chances[hits - possible[0]]
    # Tables that are equally unlikely differ in the last bits only.
    return float(min(1.0, chances[chances <= seen * (1 + 1e-7)].sum() / chances.sum()))


def say_points(difference: float) -> str:
    """Return a difference of shares in whole percentage points, signed: "−14", "+3", "0"."""
    points = round(100 * difference)
    return "0" if points == 0 else f"{'−' if points < 0 else '+'}{abs(points)}"
