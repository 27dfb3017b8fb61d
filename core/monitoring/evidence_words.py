"""What a meeting proves, in words: a gain, a loss, nothing yet, or nothing that it could have."""

from core.evaluation.comparison import ALPHA, photos_to_tell
from core.evaluation.showing import chance_of_false_gain, count_needed_gains
from core.evaluation.verdict import describe_p
from core.formats import count, percent
from core.registry.evidence import Evidence
from core.registry.words import say_points

WORSE = "The challenger is worse"


def judge_evidence(evidence: Evidence) -> str:
    """Returns the verdict in a few words."""
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
    """Returns why the verdict is what it is, and what would change it."""
    n = evidence.n
    if evidence.p_value < ALPHA:
        return (
            f"If both were equally good, they would split {count(n, 'test photo')} so unevenly in "
            f"{describe_p(evidence.p_value)} such meetings."
        )
    wrong = n - round(evidence.accuracy_champion * n)
    if not _is_possible(evidence):
        return (
            f"The champion is wrong on {wrong:,} of {count(n, 'test photo')}. Even a challenger "
            f"that puts all of them right could not be told from chance: that takes "
            f"{count_needed_gains(0)} photos. A larger test split can tell."
        )
    needed = count_needed_gains(evidence.lost)
    least = say_points((needed - evidence.lost) / n, n).removeprefix("+")
    words = (
        f"Only a larger gain can be shown on {count(n, 'test photo')}: with {evidence.lost:,} lost "
        f"it takes {needed:,} gained, in all a gain of {least}."
    )
    more = photos_to_tell(evidence.gained, evidence.lost, n)
    if more is not None and more > n and evidence.gained > evidence.lost:
        photos = int(float(f"{more:.2g}"))
        words += f" If this gain is real, it takes about {photos:,} test photos to show it."
    return words


def warn_of_reuse(before: int) -> str:
    """Returns what it means that test photos decide again and again; "" the first time.

    Args:
        before: Meetings that the same test photos decided before.
    """
    if not before:
        return ""
    meetings = before + 1
    chance = percent(chance_of_false_gain(meetings), 100)
    return (
        f"Meeting {meetings:,} on these test photos. Of so many challengers that are no better, "
        f"one would look better by chance with a probability of {chance}: ask new test photos now "
        "and then."
    )


def _is_possible(evidence: Evidence) -> bool:
    """Returns whether any challenger could be shown to be better than this champion."""
    wrong = evidence.n - round(evidence.accuracy_champion * evidence.n)
    return wrong >= count_needed_gains(0)
