"""What a number of test photos can show at all: the smallest gain that is more than chance."""

from core.evaluation.comparison import ALPHA, exact_mcnemar


def count_needed_gains(lost: int) -> int:
    """Returns how many photos must be gained, where so many are lost, to be told from chance.

    By McNemar's exact test at level ALPHA; 6 where none is lost.
    """
    gained = lost + 1
    while exact_mcnemar(gained, lost) >= ALPHA:
        gained += 1
    return gained


def chance_of_false_gain(comparisons: int) -> float:
    """Returns how probable it is that one of so many equally good challengers looks better.

    Each does so by chance in half of ALPHA, for the other half makes it look worse; as if the
    comparisons were independent, which is the most it can be.
    """
    return float(1 - (1 - ALPHA / 2) ** comparisons)


def bound_unseen(n: int) -> float:
    """Returns the largest share of photos that may differ when none of n did, at 95 %.

    Source:
        C. J. Clopper, E. S. Pearson (1934), Biometrika 26, 404-413: 1 - 0.025^(1/n).
    """
    return float(1 - (ALPHA / 2) ** (1 / n))
