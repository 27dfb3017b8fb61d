"""What a comparison of two runs says in words: is it more than chance, and what would tell."""

from core.evaluation.comparison import ALPHA, Comparison
from core.formats import count


def describe_verdict(compared: Comparison, p_value: float | None = None) -> str:
    """Returns in two sentences whether the difference is real, and what would tell.

    Args:
        compared: How the two runs compare.
        p_value: As adjusted for several comparisons; None: there is one.
    """
    if compared.n == 0:
        return "The two runs have no photo in common in this split."
    verdict = compared.judge(p_value)
    if verdict == "same":
        return (
            f"No difference. Both are right, and wrong, on the same {count(compared.n, 'photo')}."
        )
    chance = describe_p(compared.p_value)
    if verdict in ("better", "worse"):
        return (
            f"The difference is unlikely to be chance. If the two runs were equally good, they "
            f"would split the photos so unevenly in {chance} comparisons."
        )
    first = "Not told apart. "
    several = " Among several comparisons one such is no surprise."
    several = several if compared.p_value < ALPHA else ""
    if compared.gained == compared.lost:
        return first + "As many photos were gained as lost."
    return first + (
        f"Two equally good runs would split the photos so unevenly, or more, in {chance} "
        f"comparisons.{_describe_need(compared)}"
        + (
            " Among several comparisons one such is no surprise."
            if compared.p_value < ALPHA
            else ""
        )
    )


def _describe_need(compared: Comparison) -> str:
    """Returns how many photos it takes, unless these would do (but for the other comparisons)."""
    needed = compared.photos_needed
    if needed is None or needed <= compared.n:
        return ""
    return (
        f" To tell a difference of this size takes about {_round(needed):,} photos; these are "
        f"{compared.n:,}."
    )


def describe_p(p_value: float) -> str:
    """Returns a p-value as a frequency: “3 of 100”, “fewer than 1 of 1,000”."""
    if p_value < 0.001:
        return "fewer than 1 of 1,000"
    if p_value < 0.01:
        return f"{1000 * p_value:.0f} of 1,000"
    return f"{100 * p_value:.0f} of 100"


def _round(number: int) -> int:
    """Returns an estimated number with the two digits that it deserves."""
    return int(float(f"{number:.2g}"))
