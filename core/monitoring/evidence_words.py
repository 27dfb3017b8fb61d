"""What a meeting proves, in words: a gain, a loss, nothing yet, or nothing that it could have."""

from core.evaluation.comparison import ALPHA, count_needed_gains, describe_p, photos_to_tell
from core.formats import count, percent
from core.registry.evidence import Evidence
from core.registry.words import say_points

WORSE = "The challenger is worse"


def judge_evidence(evidence: Evidence) -> str:
    """Returns the verdict in a few words."""
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
    """Returns why the verdict is what it is, and what would change it."""
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
    least = say_points((needed - evidence.lost) / n, n).removeprefix("+")
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
    """Returns why p-value and interval are stricter than usual; "" for a first challenger."""
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
    """Returns whether any challenger could be shown to be better than this champion."""
    wrong = evidence.n - round(evidence.accuracy_champion * evidence.n)
    return wrong >= count_needed_gains(0, evidence.level)
