"""What speaks for a challenger, photo by photo on the same test photos, and what it proves."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from core.evaluation.comparison import (
    ALPHA,
    count_needed_gains,
    describe_p,
    level_of_turn,
    photos_to_tell,
)
from core.formats import count, percent, points, say_p


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
    low: float
    high: float
    """Interval of the challenger's accuracy minus the champion's, 95 % at the level 0.05."""
    split: str
    dataset_id: str
    turn: int = 1
    """Which of the challengers that met this champion: 1 the first; the level falls with it."""

    @property
    def level(self) -> float:
        """Below which a p-value counts."""
        return level_of_turn(self.turn)

    @property
    def is_significant_gain(self) -> bool:
        """Whether the challenger is better by more than chance would explain."""
        return self.n > 0 and self.gained > self.lost and self.p_value < self.level

    @property
    def difference(self) -> float:
        """Accuracy of the challenger minus that of the champion, -1 to 1."""
        return self.accuracy_challenger - self.accuracy_champion


def evidence_from_facts(facts: Mapping[str, Any]) -> Evidence | None:
    """Return the evidence that an event kept under “evidence”; None where it kept none."""
    kept = facts.get("evidence")
    names = {field.name for field in fields(Evidence)}
    if not isinstance(kept, Mapping) or set(kept) | {"turn"} != names:
        return None
    return Evidence(**kept)  # of an older program it has no turn: each was judged as the first


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
        f"{evidence.gained:,} gained, {evidence.lost:,} lost, {_say_p(evidence)}."
    )


def say_interval(evidence: Evidence) -> str:
    """Return the interval of the difference in points, with its confidence."""
    confidence = 100 - float(f"{100 * evidence.level:.2g}")
    ends = (points(end, evidence.n) for end in (evidence.low, evidence.high))
    return f"{confidence:.10g} % interval {' to '.join(ends)}"


def _say_p(evidence: Evidence) -> str:
    """Return the p-value, and what counts where others had met the champion before."""
    said = say_p(evidence.p_value)
    if evidence.turn == 1:
        return said
    others = count(evidence.turn - 1, "other challenger")
    return f"{said} (below {evidence.level:.2g} counts: v{evidence.champion} had met {others})"


WORSE = "The challenger is worse"


def judge_evidence(evidence: Evidence) -> str:
    """Return the verdict in a few words."""
    if evidence.is_significant_gain:
        return "The challenger is better"
    if evidence.p_value < evidence.level:
        return WORSE
    if evidence.gained == evidence.lost == 0:
        return "Both answer alike"
    if not _is_possible(evidence):
        return "These photos cannot tell"
    return "Not told apart"


def explain_evidence(evidence: Evidence) -> str:
    """Return why the verdict is what it is, and what would change it."""
    n, level = evidence.n, evidence.level
    if evidence.p_value < level:
        return (
            f"If both were equally good, they would split {count(n, 'test photo')} so unevenly in "
            f"{describe_p(evidence.p_value)} such meetings."
        )
    wrong = n - round(evidence.accuracy_champion * n)
    if not _is_possible(evidence):
        return (
            f"The champion is wrong on {wrong:,} of {count(n, 'test photo')}. Even a challenger "
            f"that puts all of them right could not be told from chance: that takes "
            f"{count_needed_gains(0, level)} photos. A larger test split can tell."
        )
    needed = count_needed_gains(evidence.lost, level)
    least = points((needed - evidence.lost) / n, n).removeprefix("+")
    words = (
        f"Only a larger gain can be shown on {count(n, 'test photo')}: with {evidence.lost:,} lost "
        f"it takes {needed:,} gained, in all a gain of {least}."
    )
    more = photos_to_tell(evidence.gained, evidence.lost, n, level)
    if more is not None and more > n and evidence.gained > evidence.lost:
        photos = int(float(f"{more:.2g}"))
        words += f" If this gain is real, it takes about {photos:,} test photos to show it."
    return words


def explain_level(evidence: Evidence) -> str:
    """Return why p-value and interval are stricter than usual; "" for a first challenger."""
    if evidence.turn == 1:
        return ""
    champion = f"v{evidence.champion}"
    others = count(evidence.turn - 1, "other challenger")
    return (
        f"The test photos of {champion} judged {others} before, and of many one shines by luck. So "
        f"p < {evidence.level:.2g} counts here, not p < {ALPHA}: chance alone unseats {champion} "
        f"with a probability below {percent(ALPHA, 100)}, however many come."
    )


def _is_possible(evidence: Evidence) -> bool:
    """Return whether any challenger could be shown to be better than this champion."""
    wrong = evidence.n - round(evidence.accuracy_champion * evidence.n)
    return wrong >= count_needed_gains(0, evidence.level)
