"""Weights side by side on the same training photos of a dataset: what one gains over another.

Each training photo is answered by the exact head that has not learned from it, so that differences
are paired over photos. Intervals are as wide as the number of comparisons wants it. In simulations
of ours (4 weights, 100 and 400 photos) one held the true difference in 94 to 97 %, all three in 95
to 96 %.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core.config import FRAMING, Framing
from core.evaluation.comparison import ALPHA, count_changes, difference_interval
from core.evaluation.intervals import wilson_interval
from core.formats import count, percent, points, size
from models.weights import WeightsKind

METHOD = (
    "The best linear head by a formula (ridge regression on the features) answers each training "
    "photo as if it had not learned from it; how strongly it is held back (λ) is chosen in the "
    "same way for each of the weights. All are asked about the same photos, so a difference rests "
    "on those that one answers right and the other wrong. The best of several is partly the "
    "luckiest: with more than two, each interval is made wider (Bonferroni), so that all of them "
    "hold together in 95 of 100 comparisons, whichever is picked. Another way of training may put "
    "close ones in another order. Validation and test photos are not used."
)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured: weights, and how photos are shown to them."""

    weights: WeightsKind
    framing: Framing = FRAMING

    def describe(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"weights": self.weights, **self.framing.describe()}

    @property
    def suffix(self) -> str:
        """What is said behind the name of the weights."""
        return f", {self.framing.words}" if self.framing.words else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """How a subject does on the training photos, each left out once."""

    subject: Subject
    label: str
    right: np.ndarray
    """(m,) bool."""
    per_second: float
    """Photos through the network."""
    seconds: float
    """Until it was measured, features and all."""
    width: int
    """Length of a feature."""
    size_bytes: int
    """Of the weights' file; 0 where there is none."""

    @property
    def accuracy(self) -> float:
        """Share of photos that are answered right when left out."""
        return float(self.right.mean())

    @property
    def ends(self) -> tuple[float, float]:
        """95 % interval of the accuracy."""
        return wilson_interval(int(self.right.sum()), len(self.right))


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What one gains over another: the difference in accuracy and its interval."""

    difference: float
    low: float
    high: float

    @property
    def is_told(self) -> bool:
        """Whether it is told from chance."""
        return self.low > 0 or self.high < 0

    def say(self, n: int) -> str:
        """Return the ends of the interval in points."""
        if np.isnan(self.low):
            return "no photo differs"
        low, high = (points(end, n).split()[0] for end in (self.low, self.high))
        return f"{low} to {high}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """All subjects that are measured on some photos of a dataset, the best first."""

    photos: np.ndarray
    """(m,) int64, the training photos."""
    of: int
    """Training photos that there are."""
    measured: tuple[Measured, ...] = ()
    missing: tuple[Subject, ...] = ()
    """On this machine, and not measured on these photos yet."""
    base: WeightsKind = ""
    """The weights that gains are over."""

    @cached_property
    def in_use(self) -> Measured | None:
        """What gains are over: the weights in use, photos shown as usual."""
        wanted = Subject(weights=self.base)
        return next((one for one in self.measured if one.subject == wanted), None)

    def compare(self, one: Measured) -> Gain | None:
        """Return the gain over the one in use; None for itself, or where that is not measured.

        Intervals are as wide as the number of comparisons wants it (Bonferroni).
        """
        base = self.in_use
        if base is None or one is base:
            return None
        n, _, gained, lost = count_changes(base.right, one.right).values()
        level = ALPHA / (len(self.measured) - 1)
        low, high = difference_interval(gained, lost, n, level=level)
        return Gain(difference=(gained - lost) / n, low=low, high=high)

    def say(self) -> str:
        """Return in a sentence which is best; empty while nothing is measured."""
        if not self.measured:
            return ""
        best, n = self.measured[0], len(self.photos)
        if best is self.in_use and len(self.measured) > 1:
            best = self.measured[1]
        gain = self.compare(best)
        if gain is None or self.in_use is None:
            share = f"{percent(best.accuracy, n)} of {count(n, 'training photo')}"
            return f"{best.label} answers {share} right, each left out once."
        used = self.in_use.label
        if np.isnan(gain.low):
            return f"{best.label} and {used} are right on the same {count(n, 'photo')}."
        said = f"({gain.say(n)})"
        if gain.is_told and gain.difference > 0:
            gained = points(gain.difference, n).lstrip("+")
            return f"{best.label} gains {gained} over {used} {said}."
        if gain.is_told:
            lost = points(-gain.difference, n).lstrip("+")
            return f"{used}, in use, is best. {best.label}, the next, loses {lost} {said}."
        apart = points(gain.difference, n)
        return f"{best.label} and {used} are not told apart: {apart} {said} may be chance."

    def describe_photos(self) -> str:
        """Return on how many photos this rests, and what follows where these are not all."""
        n = len(self.photos)
        if n == self.of:
            return f"{count(n, 'training photo')}, each left out once."
        return (
            f"{n:,} of {count(self.of, 'training photo')}, drawn by class, each left out once. "
            "With all of them accuracies are mostly higher, and close ones may change places."
        )


HEADINGS = ("weights", "right", "95 %", "gain", "95 %", "photos/s", "width", "file")


def tell_measured(contest: Contest, one: Measured) -> tuple[str, ...]:
    """Return a row of the table in words, as HEADINGS says."""
    n, gain = len(contest.photos), contest.compare(one)
    low, high = (percent(end, n) for end in one.ends)
    gained = points(gain.difference, n).split()[0] if gain else "in use"
    file = size(one.size_bytes) if one.size_bytes else "none"
    speed = f"{one.per_second:,.{0 if one.per_second >= 10 else 1}f}"
    ends = f"{low} to {high}", gained, gain.say(n) if gain else ""
    return one.label, percent(one.accuracy, n), *ends, speed, f"{one.width:,}", file


def describe_measured(contest: Contest, one: Measured) -> dict[str, Any]:
    """Return what is known of a subject, for programs."""
    gain, facts = contest.compare(one), vars(one) | vars(one.subject)
    known = {name: facts[name] for name in facts if name not in ("subject", "right", "framing")}
    known |= one.subject.framing.describe() | {"accuracy": one.accuracy, "interval": one.ends}
    ends = {"gain": gain.difference, "gain_interval": (gain.low, gain.high)} if gain else {}
    return known | ends
