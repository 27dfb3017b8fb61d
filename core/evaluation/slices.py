"""Slices: the photos that share a property, and how often a run is right on them.

A property is a number or a kind for each photo. A rule is one or a few conditions that all hold; it
can be written into a link and read back.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

import numpy as np

About = Literal["picture", "colour", "file", "issue"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Property:
    """One property of every photo of a dataset; row i is photo i."""

    name: str
    """As in links: lower case, no punctuation but the underscore."""
    label: str
    values: np.ndarray
    """(n,) float64, or (n,) str for kinds."""
    about: About
    """picture: light and detail; colour; file: how it came about; issue: what was flagged."""
    unit: str = ""
    digits: int = 2
    """Decimals that the ends of its bins are rounded to."""
    searched: bool = True
    """False where the property was made from labels or features: it may not explain errors."""

    @property
    def is_number(self) -> bool:
        return self.values.dtype.kind == "f"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What holds for one property: low <= value < high, or value is (not) `kind`."""

    name: str
    low: float = -math.inf
    high: float = math.inf
    kind: str | None = None
    excluded: bool = False
    """Of a kind: it is any other."""

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Returns for which of the values it holds, (n,) bool."""
        if self.kind is None:
            return np.asarray((values >= self.low) & (values < self.high))
        return np.asarray((values == self.kind) != self.excluded)


Rule = tuple[Condition, ...]


def match_rule(rule: Rule, properties: Mapping[str, Property]) -> np.ndarray:
    """Returns which photos of the dataset a rule holds for, (n,) bool.

    Raises:
        KeyError: It names a property that is not there.
    """
    matched = np.ones(len(next(iter(properties.values())).values), dtype=bool)
    for condition in rule:
        matched &= condition.holds(properties[condition.name].values)
    return matched


def write_rule(rule: Rule) -> str:
    """Returns the rule as links carry it: "brightness:..0.31;colour:!red"."""
    return ";".join(f"{one.name}:{_write_values(one)}" for one in rule)


def read_rule(text: str, properties: Mapping[str, Property]) -> Rule | None:
    """Returns the rule that `write_rule` wrote; None where it is none for these properties."""
    rule = []
    for part in text.split(";"):
        name, _, written = part.partition(":")
        condition = _read_condition(properties.get(name), written)
        if condition is None:
            return None
        rule.append(condition)
    return tuple(rule)


def say_rule(rule: Rule, properties: Mapping[str, Property]) -> str:
    """Returns the rule in words: "brightness below 0.31 and short side below 200 px"."""
    return " and ".join(say_condition(one, properties[one.name]) for one in rule)


def say_condition(condition: Condition, of: Property) -> str:
    """Returns a condition in words, beginning in lower case."""
    label = of.label[0].lower() + of.label[1:]
    if condition.kind is not None:
        return f"{label} is {'not ' if condition.excluded else ''}{condition.kind}"
    return f"{label} {say_span(condition.low, condition.high, of)}"


def say_span(low: float, high: float, of: Property) -> str:
    """Returns a span of a property in words: "below 0.31", "from 160 to 200 px"."""
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
