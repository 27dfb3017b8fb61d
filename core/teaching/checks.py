"""Check questions of a lesson: each judges an answer by the figures of its picture.

Each function returns a verdict with facts for the words.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from core.evaluation.comparison import Comparison
from core.evaluation.intervals import wilson_interval
from core.formats import percent
from core.teaching.live_head import LiveEpoch

Check = Literal[
    "reach_accuracy", "best_epoch", "first_flip", "enough_photos", "most_taken", "reach_right",
    "need_photos", "most_excited",
]  # fmt: skip


class Sayable(NamedTuple):
    """Kinds of wrong answers, and names in braces, that the words of a check may use."""

    wrong: tuple[str, ...]
    facts: tuple[str, ...]
    seen: tuple[str, ...] = ()
    """Names in the sentence about the person's own picture."""


FACTS: dict[Check, Sayable] = {
    "reach_accuracy": Sayable(("too_slow", "too_fast"), ("target", "reached"), ("target", "rates")),
    "best_epoch": Sayable(("too_early", "too_late"), ("best", "least", "loss"), ("stops",)),
    "first_flip": Sayable(("too_small", "too_large"), ("asked", "first", "answer"), ("first",)),
    "enough_photos": Sayable(
        ("too_few", "too_many"),
        ("target", "asked", "reached", "photos"),
        ("few", "more", "early", "half", "photos", "late"),
    ),
    "most_taken": Sayable(
        ("not_most",), ("class", "asked", "times", "photos"), ("class", "lost", "mistakes")
    ),
    "reach_right": Sayable(
        ("too_low", "too_high", "too_few"),
        ("target", "share", "low", "answers", "answered"),
        ("share", "low", "high", "every"),
    ),
    "most_excited": Sayable(("not_this", "not_one"), ("feature", "share"), ("same", "of", "class")),
    "need_photos": Sayable(
        ("too_few", "too_many"),
        ("run", "asked", "gained", "lost", "photos", "needed"),
        ("run", "seconds", "longer", "points", "p"),
    ),
}

_NEAR_EPOCHS, _NEAR_LOSS = 2, 1.01
"""An epoch this near to the best, or with a loss this near, is right."""
NEEDS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
"""Numbers of photos to choose from; one more answer is: more."""
_REACHED_BY = 3
"""The third best rate reaches the target."""
_TINY = 1e-9
FEWEST_ANSWERS = 20
"""Photos with an answer below which their accuracy says little."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an answer is right, with facts for the words."""

    wrong: str = ""
    """A kind of `FACTS`; empty: right."""
    facts: dict[str, str] = field(default_factory=dict)


def find_target(shares: np.ndarray) -> float:
    """Return the accuracy that a few of the rates reach, from the last accuracy of each (v,)."""
    return round_down(float(np.sort(shares)[-min(_REACHED_BY, len(shares))]))


def judge_rate(shares: np.ndarray, judged: int, target: float, asked: int) -> Verdict:
    """Judge whether the accuracy of a rate is high enough after the last epoch.

    A wrong rate is too low or too high by the nearest rate that reaches the target.

    Args:
        shares: (v,), of rates in ascending order.
    """
    facts = {"target": percent(target, 1), "reached": _say_reached(shares[asked], judged, target)}
    if reaches(shares[asked], target):
        return Verdict(facts=facts)
    reach = np.flatnonzero(reaches(shares, target))
    nearest = reach[np.abs(reach - asked).argmin()]
    return Verdict(wrong="too_slow" if nearest > asked else "too_fast", facts=facts)


def judge_epoch(epochs: Sequence[LiveEpoch], asked: int) -> Verdict:
    """Judge whether training would stop near the lowest validation loss."""
    losses = [epoch.validation_loss for epoch in epochs]
    best = int(np.argmin(losses))
    facts = {"best": str(best + 1), "least": say_loss(losses[best])}
    facts["loss"] = say_loss(losses[asked - 1])
    near = abs(asked - 1 - best) <= _NEAR_EPOCHS
    if near or losses[asked - 1] <= _NEAR_LOSS * losses[best]:
        return Verdict(facts=facts)
    return Verdict(wrong="too_early" if asked - 1 < best else "too_late", facts=facts)


def judge_flip(
    degrees: Sequence[float], flips: Sequence[bool], answers: Sequence[str], asked: int
) -> Verdict:
    """Judge whether `asked` is the first rotation with another prediction.

    Args:
        answers: The prediction by rotation.
        asked: The place of a rotation; the place after the last: the prediction never changes.
    """
    first = [*flips, True].index(True)
    places = [*(f"at {value:g}°" for value in degrees), "never"]
    facts = {"asked": places[asked], "first": places[first], "answer": [*answers, ""][first]}
    wrong = "" if asked == first else "too_small" if asked < first else "too_large"
    return Verdict(wrong=wrong, facts=facts)


def judge_photos(
    sizes: Sequence[int], shares: np.ndarray, judged: int, target: float, asked: int
) -> Verdict:
    """Judge whether `asked` is the first size that reaches the target."""
    reach = reaches(shares, target)
    first = int(np.argmax(reach))
    facts = {
        "target": percent(target, 1),
        "asked": f"{sizes[asked]:,}",
        "photos": f"{sizes[first]:,}",
        "reached": _say_reached(shares[asked], judged, target),
    }
    if asked == first:
        return Verdict(facts=facts)
    return Verdict(wrong="too_many" if reach[asked] else "too_few", facts=facts)


def judge_excited(
    offered: Mapping[int, float], values: np.ndarray, chosen: Sequence[int]
) -> Verdict:
    """Judge whether the chosen photo has the highest value.

    Args:
        offered: Photo → its value.
        values: (m,) values of all photos, for its rank.
    """
    if len(chosen) != 1:
        return Verdict(wrong="not_one")
    value = offered[chosen[0]]
    facts = {"share": percent(float((values < value).mean()), len(values))}
    return Verdict(wrong="" if value == max(offered.values()) else "not_this", facts=facts)


def judge_confusion(matrix: np.ndarray, classes: Sequence[str], true: int, asked: int) -> Verdict:
    """Judge whether no other class is a more frequent mistake; rows of the matrix are true."""
    errors = matrix[true].copy()
    errors[true] = 0
    facts = {
        "class": classes[true],
        "asked": classes[asked],
        "times": str(int(errors[asked])),
        "photos": str(int(errors.max())),
    }
    right = errors[asked] == errors.max()
    return Verdict(wrong="" if right else "not_most", facts=facts)


def find_lows(by_threshold: np.ndarray) -> np.ndarray:
    """Return the lower ends of the 95 % intervals of accuracy, (t,); 0 for fewer than 20 answers.

    Args:
        by_threshold: (t, 2) int, photos with an answer and with a correct one, by threshold.
    """
    return np.array(
        [
            wilson_interval(right, answered)[0] if answered >= FEWEST_ANSWERS else 0.0
            for answered, right in by_threshold.tolist()
        ]
    )


def judge_threshold(by_threshold: np.ndarray, judged: int, target: float, asked: int) -> Verdict:
    """Judge whether `asked` is the lowest threshold whose interval reaches the target.

    Args:
        by_threshold: As of `find_lows`.
    """
    (answered, right), lows = by_threshold[asked].tolist(), find_lows(by_threshold)
    reach = reaches(lows, target)
    first = int(np.argmax(reach))
    low = wilson_interval(right, answered)[0]
    facts = {
        "target": percent(target, 1),
        "share": percent(right / answered if answered else np.nan, answered),
        "low": _say_reached(low, answered, target),
        "answers": f"{answered:,}",
        "answered": percent(answered / judged, judged),
    }
    if asked <= first:
        return Verdict(wrong="" if asked == first else "too_low", facts=facts)
    return Verdict(wrong="too_high" if reach[asked] else "too_few", facts=facts)


def judge_need(comparison: Comparison, asked: int) -> Verdict:
    """Judge whether `asked` is the first of `NEEDS` that proves the difference of two runs."""
    needed = comparison.photos_needed
    first = len(NEEDS) if needed is None else bisect_left(NEEDS, needed)
    facts = {
        "asked": say_need(asked),
        "gained": f"{comparison.gained:,}",
        "lost": f"{comparison.lost:,}",
        "photos": f"{comparison.n:,}",
        "needed": f"about {needed:,}" if needed and first < len(NEEDS) else say_need(len(NEEDS)),
    }
    wrong = "" if asked == first else "too_few" if asked < first else "too_many"
    return Verdict(wrong=wrong, facts=facts)


def say_need(place: int) -> str:
    """Return a number of photos to choose, in words."""
    return f"{NEEDS[place]:,}" if place < len(NEEDS) else f"more than {NEEDS[-1]:,}"


def round_down(share: float) -> float:
    """Return a share in whole percent, not above it."""
    return float(np.floor(100 * (share + _TINY)) / 100)


def reaches(shares: np.ndarray, target: float) -> np.ndarray:
    """Return whether shares reach a target; means of equal shares differ in their last digits."""
    return np.asarray(shares >= target - _TINY)


def _say_reached(share: float, n: int, target: float) -> str:
    """Return a share as a percentage that does not look like a target that it misses."""
    said = percent(float(share), n)
    short = share < target - _TINY and float(said.split()[0]) >= round(100 * target, 1)
    return f"{100 * share:.2f} %" if short else said


def say_loss(loss: float) -> str:
    """Return a loss with two digits behind the point."""
    return f"{loss:.2f}" if np.isfinite(loss) else "∞"
