"""Check questions of a lesson: what is asked of the reader's own figures, and whether it is right.

Each check takes what the picture shows and the answer, and returns a verdict with facts for words.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from core.evaluation.comparison import Comparison
from core.formats import percent, points
from core.teaching.live_head import LiveEpoch

Check = Literal[
    "reach_loss", "best_epoch", "first_flip", "enough_photos", "wrong_labels", "most_taken",
    "reach_right", "need_photos", "most_excited", "widest_gap",
]  # fmt: skip


class Sayable(NamedTuple):
    """What words about a check may be asked for."""

    wrong: tuple[str, ...]
    facts: tuple[str, ...]


FACTS: dict[Check, Sayable] = {
    "reach_loss": Sayable(("too_slow", "too_fast"), ("limit", "loss")),
    "best_epoch": Sayable(("too_early", "too_late"), ("best", "least", "loss")),
    "first_flip": Sayable(("too_small", "too_large"), ("asked", "first", "answer")),
    "enough_photos": Sayable(("too_few", "too_many"), ("target", "asked", "reached", "photos")),
    "wrong_labels": Sayable(("not_these",), ("found",)),
    "most_taken": Sayable(("not_most",), ("class", "asked", "times", "photos")),
    "reach_right": Sayable(("too_low", "too_high"), ("target", "share", "answered")),
    "most_excited": Sayable(("not_this", "not_one"), ("feature", "share")),
    "widest_gap": Sayable(("not_widest",), ("asked", "gap", "widest")),
    "need_photos": Sayable(("too_few", "too_many"), ("run", "gained", "lost", "photos", "needed")),
}
"""Kinds of wrong answers, and names in braces."""

EPOCH = 5
"""After which the loss is asked for."""
_NEAR_EPOCHS, _NEAR_LOSS = 2, 1.01
"""An epoch is right so near to the best one, or with so little more than its loss."""
_SLACK = 1.1
NEEDS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
"""Numbers of photos to choose from; one more answer is: more."""
_REACHED_BY = 3
"""The loss that is asked for is what so many of the rates reach, and a tenth more."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an answer is right; else why not, and what to say of it."""

    wrong: str = ""
    """A kind of `FACTS`; empty: it is right."""
    facts: dict[str, str] = field(default_factory=dict)


def find_limit(curves: Sequence[Sequence[LiveEpoch]]) -> float:
    """Return the loss after epoch 5 that a few of the rates reach."""
    losses = sorted(curve[EPOCH - 1].validation_loss for curve in curves)
    return float(np.ceil(100 * _SLACK * losses[min(_REACHED_BY, len(losses)) - 1]) / 100)


def judge_rate(epochs: Sequence[LiveEpoch], limit: float) -> Verdict:
    """Return whether the loss is low enough after epoch 5."""
    losses = [epoch.validation_loss for epoch in epochs[:EPOCH]]
    facts = {"limit": say_loss(limit), "loss": say_loss(losses[-1])}
    if losses[-1] <= limit:
        return Verdict(facts=facts)
    falls = all(after < before for before, after in pairwise(losses))
    return Verdict(wrong="too_slow" if falls else "too_fast", facts=facts)


def judge_epoch(epochs: Sequence[LiveEpoch], asked: int) -> Verdict:
    """Return whether training would end where validation photos went best, or nearly."""
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
    """Return whether `asked` is the first turn with another answer; the last where none has.

    Args:
        answers: What the photo is called, by turn.
    """
    first = list(flips).index(True) if any(flips) else len(flips) - 1
    facts = {"asked": f"{degrees[asked]:g}", "first": f"{degrees[first]:g}"}
    facts["answer"] = answers[first]
    wrong = "" if asked == first else "too_small" if asked < first else "too_large"
    return Verdict(wrong=wrong, facts=facts)


def judge_photos(
    sizes: Sequence[int], shares: np.ndarray, judged: int, target: float, asked: int
) -> Verdict:
    """Return whether `asked` is the first of the sizes that brings so large a share."""
    first = int(np.argmax(shares >= target))
    facts = {
        "target": percent(target, 1),
        "asked": f"{sizes[asked]:,}",
        "photos": f"{sizes[first]:,}",
        "reached": percent(float(shares[asked]), judged),
    }
    if asked == first:
        return Verdict(facts=facts)
    return Verdict(wrong="too_few" if shares[asked] < target else "too_many", facts=facts)


def judge_labels(planted: Sequence[int], chosen: Sequence[int]) -> Verdict:
    """Return whether the chosen photos are those with a wrong label."""
    found = len(set(planted) & set(chosen))
    right = set(planted) == set(chosen)
    return Verdict(wrong="" if right else "not_these", facts={"found": str(found)})


def judge_excited(
    offered: Mapping[int, float], values: np.ndarray, chosen: Sequence[int]
) -> Verdict:
    """Return whether the one chosen photo has the highest value of those offered.

    Args:
        offered: Photo → its value.
        values: (m,) those of all photos, to say how high one stands among them.
    """
    if len(chosen) != 1:
        return Verdict(wrong="not_one")
    value = offered[chosen[0]]
    facts = {"share": percent(float((values < value).mean()), len(values))}
    return Verdict(wrong="" if value == max(offered.values()) else "not_this", facts=facts)


def judge_gap(trained: np.ndarray, random: np.ndarray, n: int, asked: int) -> Verdict:
    """Return whether the first is ahead of the second nowhere more than at `asked`.

    Args:
        trained: (s,) share of n right answers by stage; so is random.
    """
    gaps = np.rint(n * (trained - random)) / n
    facts = {"asked": str(asked + 1), "gap": points(gaps[asked], n)}
    facts["widest"] = points(gaps.max(), n)
    return Verdict(wrong="" if gaps[asked] == gaps.max() else "not_widest", facts=facts)


def judge_confusion(matrix: np.ndarray, classes: Sequence[str], true: int, asked: int) -> Verdict:
    """Return whether a class is taken for no other one more often; the matrix has rows true."""
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


def judge_threshold(by_threshold: np.ndarray, judged: int, target: float, asked: int) -> Verdict:
    """Return whether `asked` is the lowest threshold with so large a share of right answers.

    Args:
        by_threshold: (t, 2) int, photos with an answer and with a right one, thresholds ascending.
    """
    answered, right = by_threshold.T
    shares = right / np.maximum(answered, 1)
    share = percent(float(shares[asked]), int(answered[asked]))
    if share == percent(target, 1) and shares[asked] < target:
        share = f"{100 * shares[asked]:.1f} %"  # rounded, it would seem to be enough
    facts = {"target": percent(target, 1), "share": share}
    facts["answered"] = percent(float(answered[asked] / judged), judged)
    if shares[asked] < target:
        return Verdict(wrong="too_low", facts=facts)
    return Verdict(wrong="" if asked == np.argmax(shares >= target) else "too_high", facts=facts)


def judge_need(comparison: Comparison, asked: int) -> Verdict:
    """Return whether `asked` is the first of `NEEDS` that tells two runs apart; behind: more."""
    needed = comparison.photos_needed
    first = len(NEEDS) if needed is None else bisect_left(NEEDS, needed)
    facts = {
        "gained": f"{comparison.gained:,}",
        "lost": f"{comparison.lost:,}",
        "photos": f"{comparison.n:,}",
        "needed": "∞" if needed is None else f"{needed:,}",
    }
    wrong = "" if asked == first else "too_few" if asked < first else "too_many"
    return Verdict(wrong=wrong, facts=facts)


def say_need(place: int) -> str:
    """Return a number of photos to choose, in words."""
    return f"{NEEDS[place]:,}" if place < len(NEEDS) else f"> {NEEDS[-1]:,}"


def say_loss(loss: float) -> str:
    """Return a loss with two digits behind the point."""
    return f"{loss:.2f}" if np.isfinite(loss) else "∞"
