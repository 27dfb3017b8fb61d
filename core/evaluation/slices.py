"""Slices: photos that share a property, and the accuracy of a run on them.

A property is a number or a kind of each photo. A rule is a conjunction of conditions, which links
contain as text. Bins of a property have about equally many photos.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd

from core.evaluation.comparison import adjust_holm
from core.evaluation.intervals import wilson_interval

About = Literal["picture", "colour", "file", "issue"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Property:
    """One property of every photo of a dataset; row i is photo i."""

    name: str
    """Lower case with underscores, for links."""
    label: str
    values: np.ndarray
    """(n,) float64, or (n,) str for kinds."""
    about: About
    """picture: light and detail; colour; file: its origin; issue: a quality flag."""
    unit: str = ""
    digits: int = 2
    """Decimals of the ends of bins."""
    searched: bool = True
    """False where labels or features were used to make it."""

    @property
    def is_number(self) -> bool:
        return self.values.dtype.kind == "f"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition on a property: low <= value < high, or value is (not) `kind`."""

    name: str
    low: float = -math.inf
    high: float = math.inf
    kind: str | None = None
    excluded: bool = False
    """Whether the kind is excluded."""

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Return whether it holds for each value, (n,) bool."""
        if self.kind is None:
            return np.asarray((values >= self.low) & (values < self.high))
        return np.asarray((values == self.kind) != self.excluded)


Rule = tuple[Condition, ...]


def match_rule(rule: Rule, properties: Mapping[str, Property]) -> np.ndarray:
    """Return whether a rule holds for each photo of the dataset, (n,) bool.

    Raises:
        KeyError: A property does not exist.
    """
    matched = np.ones(len(next(iter(properties.values())).values), dtype=bool)
    for condition in rule:
        matched &= condition.holds(properties[condition.name].values)
    return matched


def write_rule(rule: Rule) -> str:
    """Return the rule as text for links: "brightness:..0.31;colour:!red"."""
    return ";".join(f"{one.name}:{_write_values(one)}" for one in rule)


def read_rule(text: str, properties: Mapping[str, Property]) -> Rule | None:
    """Return the rule of a text of `write_rule`; None if it does not fit the properties."""
    rule = []
    for part in text.split(";"):
        name, _, written = part.partition(":")
        condition = _read_condition(properties.get(name), written)
        if condition is None:
            return None
        rule.append(condition)
    return tuple(rule)


def say_rule(rule: Rule, properties: Mapping[str, Property]) -> str:
    """Return the rule in words: "brightness below 0.31 and short side below 200 px"."""
    return " and ".join(say_condition(one, properties[one.name]) for one in rule)


def say_condition(condition: Condition, of: Property) -> str:
    """Return a condition in words, beginning in lower case."""
    label = of.label[0].lower() + of.label[1:]
    if condition.kind is not None:
        return f"{label} is {'not ' if condition.excluded else ''}{condition.kind}"
    return f"{label} {say_span(condition.low, condition.high, of)}"


def say_span(low: float, high: float, of: Property) -> str:
    """Return a span of a property in words: "below 0.31", "from 160 to 200 px"."""
    unit = f" {of.unit}" if of.unit else ""
    ends = [f"{end:,.{of.digits}f}" for end in (low, high)]
    if math.isinf(low):
        return f"below {ends[1]}{unit}"
    if math.isinf(high):
        return f"{ends[0]}{unit} or more"
    return f"{ends[0]} to {ends[1]}{unit}"


def _write_values(condition: Condition) -> str:
    if condition.kind is not None:
        return f"{'!' if condition.excluded else ''}{quote(condition.kind, safe='')}"
    ends = ("" if math.isinf(end) else f"{end:.10g}" for end in (condition.low, condition.high))
    return "..".join(ends)


def _read_condition(of: Property | None, written: str) -> Condition | None:
    if of is None:
        return None
    if not of.is_number:
        kind = unquote(written.removeprefix("!"))
        return Condition(name=of.name, kind=kind, excluded=written.startswith("!"))
    low, dots, high = written.partition("..")
    try:
        ends = float(low or -math.inf), float(high or math.inf)
    except ValueError:
        return None
    return Condition(name=of.name, low=ends[0], high=ends[1]) if dots else None


MOST_BINS = 6
MOST_KINDS = 12
LEAST_PER_BIN = 25
"""Photos of a bin; with fewer photos there are fewer bins."""
_DRAWS = 4999


def bin_property(of: Property, photos: np.ndarray) -> list[Condition]:
    """Return the bins of the photos as conditions; one for photos with the same value.

    Numbers: at most MOST_BINS with about equally many photos, in order. Kinds: the MOST_KINDS most
    frequent ones, the most frequent first.
    """
    values = of.values[photos]
    if not of.is_number:
        kinds, photos_of = np.unique(values, return_counts=True)
        order = np.argsort(-photos_of, kind="stable")[:MOST_KINDS]
        return [Condition(name=of.name, kind=str(kinds[place])) for place in order]
    bins = min(MOST_BINS, max(2, len(values) // LEAST_PER_BIN))
    inner = np.quantile(values, np.arange(1, bins) / bins) if len(values) else np.empty(0)
    edges = np.unique(np.round(inner, of.digits))
    edges = edges[(edges > values.min(initial=np.inf)) & (edges <= values.max(initial=-np.inf))]
    ends = [-math.inf, *edges.tolist(), math.inf]
    return [Condition(name=of.name, low=low, high=high) for low, high in pairwise(ends)]


def measure_bins(
    of: Property, photos: np.ndarray, right: np.ndarray, expected: np.ndarray
) -> pd.DataFrame:
    """Return a row for each bin with photos, in the order of `bin_property`.

    Args:
        expected: (m,) float, the accuracy of the run on the photo's class.

    Returns:
        Columns value (as in links), label, n, wrong, accuracy, low, high (95 % Wilson interval),
        expected (accuracy expected from the class mix).
    """
    values, rows = of.values[photos], []
    for condition in bin_property(of, photos):
        inside = condition.holds(values)
        n, hits = int(inside.sum()), int(right[inside].sum())
        if not n:
            continue
        label = condition.kind or say_span(condition.low, condition.high, of)
        figures = (n, n - hits, hits / n, *wilson_interval(hits, n), float(expected[inside].mean()))
        rows.append((write_rule((condition,)), label, *figures))
    columns = ["value", "label", "n", "wrong", "accuracy", "low", "high", "expected"]
    return pd.DataFrame(rows, columns=columns)


def expect_by_class(labels: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the accuracy of the run on each photo's class, (m,) float64."""
    support = np.bincount(labels)
    return np.asarray((np.bincount(labels, weights=right) / np.maximum(support, 1))[labels])


def measure_spread(bins: pd.DataFrame) -> float:
    """Return the standard deviation of the accuracy between bins without sampling noise, 0 to 1.

    Source:
        R. DerSimonian and N. Laird (1986), Control. Clin. Trials 7, 177-188: moments estimator.
    """
    n = bins["n"].to_numpy(dtype=np.float64)
    if len(n) < 2:
        return 0.0
    share = float((n - bins["wrong"]).sum() / n.sum())
    between = float((n * (bins["accuracy"] - share) ** 2).sum() / n.sum())
    chance = (len(n) - 1) * share * (1 - share) / n.sum()
    return math.sqrt(max(0.0, between - chance))


def measure_chance(bins: pd.DataFrame, seed: int = 0) -> float:
    """Return the p-value of a permutation test of Pearson's chi-square over the bins.

    Source:
        B. Phipson and G. K. Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9, 39:
        (1 + hits) / (1 + draws).
    """
    n, wrong = (bins[name].to_numpy(dtype=np.int64) for name in ("n", "wrong"))
    if len(n) < 2 or not 0 < wrong.sum() < n.sum():
        return 1.0
    expected = n * wrong.sum() / n.sum()
    draws = np.random.default_rng(seed).multivariate_hypergeometric(n, wrong.sum(), size=_DRAWS)
    seen = float(((wrong - expected) ** 2 / expected).sum())
    drawn = ((draws - expected) ** 2 / expected).sum(axis=1)
    return float((1 + (drawn >= seen * (1 - 1e-12)).sum()) / (1 + _DRAWS))


def rank_properties(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the properties by their effect on accuracy, the largest first.

    Args:
        tables: Property → table of `measure_bins`.

    Returns:
        Columns name, spread (see `measure_spread`), p_value (adjusted by Holm). Properties with one
        bin come last, with p_value NaN.
    """
    parted: Sequence[str] = [name for name, bins in tables.items() if len(bins) > 1]
    p_values = adjust_holm([measure_chance(tables[name]) for name in parted])
    found = dict(zip(parted, p_values.tolist(), strict=True))
    rows = [
        {"name": name, "spread": measure_spread(bins), "p_value": found.get(name, math.nan)}
        for name, bins in tables.items()
    ]
    table = pd.DataFrame(rows, columns=["name", "spread", "p_value"])
    # A property with one bin has spread 0, and sorting puts NaN last.
    return table.sort_values(["spread", "p_value"], ascending=[False, True], ignore_index=True)
