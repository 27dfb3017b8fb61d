"""How a challenger compares with the champion on the same test photos, and what that proves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from core.evaluation.comparison import (
    ALPHA,
    bound_unseen,
    count_needed_gains,
    difference_interval,
    photos_to_tell,
)
from core.formats import count, ordinal, percent, points, say_p


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The comparison of two versions, by their numbers."""

    champion: int
    challenger: int
    n: int
    """Photos compared."""
    accuracy_champion: float
    accuracy_challenger: float
    gained: int
    """Photos that only the challenger gets right."""
    lost: int
    """Photos that only the champion gets right."""
    p_value: float
    """Of McNemar's exact test."""
    split: str
    dataset_id: str
    turn: int = 1
    """1 for the first challenger compared with this champion, 2 for the second …"""

    @property
    def is_significant_gain(self) -> bool:
        """Whether the challenger is significantly better."""
        return self.n > 0 and self.gained > self.lost and self.p_value < ALPHA

    @property
    def difference(self) -> float:
        """Accuracy of the challenger minus accuracy of the champion, -1 to 1."""
        return self.accuracy_challenger - self.accuracy_champion

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference; where no photo differs, the bound from n alone."""
        low, high = difference_interval(self.gained, self.lost, self.n)
        if math.isnan(low):
            high = bound_unseen(self.n)
            low = -high
        return low, high


def evidence_from_facts(facts: Mapping[str, Any]) -> Evidence | None:
    """Return the evidence stored in the facts of an event; None without any."""
    kept = facts.get("evidence")
    names = {field.name for field in fields(Evidence)}
    if not isinstance(kept, Mapping) or not names <= set(kept) | {"turn"}:
        return None
    return Evidence(**{name: kept[name] for name in names & set(kept)})


def describe_evidence(evidence: Evidence) -> str:
    """Return the comparison in words, with n and interval."""
    n = evidence.n
    if n == 0:
        return "They had no photo in common to compare."
    return (
        f"Accuracy {percent(evidence.accuracy_challenger, n)} against "
        f"{percent(evidence.accuracy_champion, n)} on the same "
        f"{count(n, f'{evidence.split} photo')}: "
        f"{points(evidence.difference, n)}, {say_interval(evidence)}; "
        f"{evidence.gained:,} gained, {evidence.lost:,} lost, {say_p(evidence.p_value)}."
    )


def say_interval(evidence: Evidence) -> str:
    """Return the interval of the difference in points."""
    low, high = (points(end, evidence.n) for end in evidence.interval)
    return f"95 % interval {low} to {high}"


WORSE = "The challenger is worse"


def judge_evidence(evidence: Evidence) -> str:
    """Return the verdict in a few words."""
    if evidence.is_significant_gain:
        return "The challenger is better"
    if evidence.p_value < ALPHA:
        return WORSE
    if evidence.gained == evidence.lost == 0:
        return "Both are right on the same photos"
    return "Inconclusive" if _count_wrong(evidence) >= count_needed_gains(0) else "Too few photos"


def explain_evidence(evidence: Evidence) -> str:
    """Return the reason for the verdict, and the gain or number of photos that would decide."""
    n, wrong = evidence.n, _count_wrong(evidence)
    if evidence.p_value < ALPHA:
        return f"The difference is significant: {say_p(evidence.p_value)} (McNemar), n = {n:,}."
    needed = count_needed_gains(evidence.lost)
    if wrong < count_needed_gains(0):
        return (
            f"The champion is wrong on {wrong:,} of {count(n, 'test photo')}. Even a challenger "
            f"without a mistake would not be significantly better: a significant gain needs "
            f"{count_needed_gains(0)} gained photos. Use a larger test split."
        )
    least = points((needed - evidence.lost) / n, n).removeprefix("+")
    words = (
        f"With {count(n, 'test photo')} and {evidence.lost:,} lost, a significant gain needs at "
        f"least {needed:,} gained: a difference of {least}."
    )
    more = photos_to_tell(evidence.gained, evidence.lost, n)
    if more is not None and more > n and evidence.gained > evidence.lost:
        words += (
            f" If this gain is real, it takes about {float(f'{more:.2g}'):,.0f} photos to show."
        )
    return words


def count_tries(evidence: Evidence) -> str:
    """Return a warning that several challengers were compared; "" for the first one."""
    if evidence.turn == 1:
        return ""
    return (
        f"This is the {ordinal(evidence.turn)} challenger compared on these photos; with several "
        "tries one may pass by chance."
    )


def _count_wrong(evidence: Evidence) -> int:
    return evidence.n - round(evidence.accuracy_champion * evidence.n)
