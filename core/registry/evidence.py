"""What speaks for a challenger, photo by photo on the same test photos, and what it proves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from core.evaluation.comparison import (
    ALPHA,
    bound_unseen,
    count_needed_gains,
    describe_p,
    difference_interval,
    photos_to_tell,
)
from core.formats import count, ordinal, percent, points, say_p


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How a challenger did beside the champion; both are version numbers."""

    champion: int
    challenger: int
    n: int
    """Photos that both answered."""
    accuracy_champion: float
    accuracy_challenger: float
    gained: int
    """Only the challenger is right."""
    lost: int
    """Only the champion is right."""
    p_value: float
    """Of McNemar's exact test."""
    split: str
    dataset_id: str
    turn: int = 1
    """Place among the challengers that were compared with this champion; 1: the first."""

    @property
    def is_significant_gain(self) -> bool:
        """Whether the challenger is better by more than chance would explain."""
        return self.n > 0 and self.gained > self.lost and self.p_value < ALPHA

    @property
    def difference(self) -> float:
        """Accuracy of the challenger minus that of the champion, -1 to 1."""
        return self.accuracy_challenger - self.accuracy_champion

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference; where no photo differs, what n photos leave possible."""
        low, high = difference_interval(self.gained, self.lost, self.n)
        if math.isnan(low):
            high = bound_unseen(self.n)
            low = -high
        return low, high


def evidence_from_facts(facts: Mapping[str, Any]) -> Evidence | None:
    """Return the evidence that an event kept under “evidence”; None where it kept none."""
    kept = facts.get("evidence")
    names = {field.name for field in fields(Evidence)}
    if not isinstance(kept, Mapping) or not names <= set(kept) | {"turn"}:
        return None
    return Evidence(**{name: kept[name] for name in names & set(kept)})


def describe_evidence(evidence: Evidence) -> str:
    """Return in words how the challenger did beside the champion, with n and interval."""
    n = evidence.n
    if n == 0:
        return "There was no photo to compare them by."
    return (
        f"{percent(evidence.accuracy_challenger, n)} right against "
        f"{percent(evidence.accuracy_champion, n)}, on the same "
        f"{count(n, f'{evidence.split} photo')}: "
        f"{points(evidence.difference, n)}, {say_interval(evidence)}; "
        f"{evidence.gained:,} gained, {evidence.lost:,} lost, {say_p(evidence.p_value)}."
    )


def say_interval(evidence: Evidence) -> str:
    """Return the interval of the difference in points."""
    ends = (points(end, evidence.n) for end in evidence.interval)
    return f"95 % interval {' to '.join(ends)}"


WORSE = "The challenger is worse"


def judge_evidence(evidence: Evidence) -> str:
    """Return the verdict in a few words."""
    if evidence.is_significant_gain:
        return "The challenger is better"
    if evidence.p_value < ALPHA:
        return WORSE
    if evidence.gained == evidence.lost == 0:
        return "Both answer alike"
    if not _is_possible(evidence):
        return "These photos cannot tell"
    return "Not told apart"


def explain_evidence(evidence: Evidence) -> str:
    """Return why the verdict is what it is, and what would change it."""
    n = evidence.n
    if evidence.p_value < ALPHA:
        return (
            f"If both were equally good, they would split {count(n, 'test photo')} so unevenly in "
            f"{describe_p(evidence.p_value)} such comparisons."
        )
    wrong = n - round(evidence.accuracy_champion * n)
    if not _is_possible(evidence):
        return (
            f"The champion is wrong on {wrong:,} of {count(n, 'test photo')}. Even a challenger "
            f"that puts all of them right could not be told from chance: that takes "
            f"{count_needed_gains(0)} photos. A larger test split can tell."
        )
    needed = count_needed_gains(evidence.lost)
    least = points((needed - evidence.lost) / n, n).removeprefix("+")
    words = (
        f"Only a larger gain can be shown on {count(n, 'test photo')}: with {evidence.lost:,} lost "
        f"it takes {needed:,} gained, in all a gain of {least}."
    )
    more = photos_to_tell(evidence.gained, evidence.lost, n)
    if more is not None and more > n and evidence.gained > evidence.lost:
        photos = int(float(f"{more:.2g}"))
        words += f" If this gain is real, it takes about {photos:,} test photos to show it."
    return words


def count_tries(evidence: Evidence) -> str:
    """Return a warning that several challengers were compared; "" for the first one."""
    if evidence.turn == 1:
        return ""
    return (
        f"This is the {ordinal(evidence.turn)} challenger compared on these photos; with several "
        "tries one may pass by chance."
    )


def _is_possible(evidence: Evidence) -> bool:
    """Return whether any challenger could be shown to be better than this champion."""
    wrong = evidence.n - round(evidence.accuracy_champion * evidence.n)
    return wrong >= count_needed_gains(0)
