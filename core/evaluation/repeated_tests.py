"""What a number of test photos can show at all: the smallest gain that is more than chance."""

import math

from core.evaluation.comparison import ALPHA, exact_mcnemar


def count_needed_gains(lost: int, level: float = ALPHA) -> int:
    """Returns how many photos must be gained, where so many are lost, to be told from chance.

    By McNemar's exact test; 6 at level 0.05 where none is lost.
    """
    gained = lost + 1
    while exact_mcnemar(gained, lost) >= level:
        gained += 1
    return gained


def level_of_turn(turn: int) -> float:
    """Returns the level at which a challenger is told from chance.

    ALPHA for the champion's first (turn 1); then it falls, so that however many come that are no
    better, one of them looks better by chance with a probability below ALPHA: that takes half of
    a level each time (the other half makes one look worse), and all the halves add up to 0.045.

    Source:
        D. P. Foster, R. A. Stine (2008), J. R. Statist. Soc. B 70, 429-444, on spending alpha on a
        sequence without end; the shares 6 / (pi * turn)^2 add up to 1 (L. Euler, 1735).
    """
    return min(ALPHA, 2 * ALPHA * 6 / (math.pi * turn) ** 2)


def bound_unseen(n: int, level: float = ALPHA) -> float:
    """Returns the largest share of photos that may differ when none of n did, at 1 - level.

    Source:
        C. J. Clopper, E. S. Pearson (1934), Biometrika 26, 404-413: 1 - 0.025^(1/n).
    """
    return float(1 - (level / 2) ** (1 / n))
