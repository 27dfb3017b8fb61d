"""Whether a faster backbone answers like the usual one: the exact head of each, by photos that it
did not learn from."""

from dataclasses import dataclass

import numpy as np

from core.formats import count, percent

LEAST_EQUAL = 0.995
"""Share of equal answers from which on the faster one may be used."""
_ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Counts of training photos, each answered by the heads that did not learn from it."""

    photos: int
    equal: int
    """Answered alike."""
    right: int
    """By the usual one."""
    gained: int
    """Right by the faster one alone."""
    lost: int
    """Right by the usual one alone."""

    @property
    def passes(self) -> bool:
        """Whether enough answers are equal, and accuracy is not told to be less (McNemar)."""
        from scipy.stats import binomtest

        worse = self.lost > self.gained and (
            binomtest(self.lost, self.lost + self.gained).pvalue < _ALPHA
        )
        return self.equal >= LEAST_EQUAL * self.photos and not worse

    def say(self) -> str:
        """Return the figures in a sentence."""
        n, right = self.photos, self.right + self.gained - self.lost
        same, usual = (self._say_share(hits) for hits in (self.equal, self.right))
        return (
            f"{same} of {count(n, 'training photo')}, each left out once, get the same answer; "
            f"{percent(right / n, n)} are right, with the usual network {usual}."
        )

    def _say_share(self, hits: int) -> str:
        from scipy.stats import binomtest

        n = self.photos
        ends = binomtest(hits, n).proportion_ci(method="wilson")
        return f"{percent(hits / n, n)} ({percent(ends.low, n)} to {percent(ends.high, n)})"


def compare_answers(usual: np.ndarray, fast: np.ndarray, labels: np.ndarray) -> Judgement:
    """Return the counts; all are (m,) int, the classes that photos are taken for and are of."""
    right, right_too = usual == labels, fast == labels
    return Judgement(
        photos=len(labels),
        equal=int((usual == fast).sum()),
        right=int(right.sum()),
        gained=int((right_too & ~right).sum()),
        lost=int((right & ~right_too).sum()),
    )
