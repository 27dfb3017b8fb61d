"""Check questions of a lesson: each judges an answer by the figures of its picture.

Each function returns a verdict with facts for the words.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from core.evaluation.comparison import Comparison
from core.formats import percent
from core.teaching.live_head import LiveEpoch

Check = Literal[
    "reach_loss", "best_epoch", "first_flip", "enough_photos", "most_taken", "reach_right",
    "need_photos", "most_excited",
]  # fmt: skip


class Sayable(NamedTuple):
    """Kinds of wrong answers, and names in braces, that the words of a check may use."""

    wrong: tuple[str, ...]
    facts: tuple[str, ...]


FACTS: dict[Check, Sayable] = {
    "reach_loss": Sayable(("too_slow", "too_fast"), ("limit", "loss")),
    "best_epoch": Sayable(("too_early", "too_late"), ("best", "least", "loss")),
    "first_flip": Sayable(("too_small", "too_large"), ("asked", "first", "answer")),
    "enough_photos": Sayable(("too_few", "too_many"), ("target", "asked", "reached", "photos")),
    "most_taken": Sayable(("not_most",), ("class", "asked", "times", "photos")),
    "reach_right": Sayable(("too_low", "too_high"), ("target", "share", "answered")),
    "most_excited": Sayable(("not_this", "not_one"), ("feature", "share")),
    "need_photos": Sayable(("too_few", "too_many"), ("run", "gained", "lost", "photos", "needed")),
}

EPOCH = 5
"""The epoch of the question about the loss."""
_NEAR_EPOCHS, _NEAR_LOSS = 2, 1.01
"""An epoch this near to the best, or with a loss this near, is right."""
_SLACK = 1.1
NEEDS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
"""Numbers of photos to choose from; one more answer is: more."""
_REACHED_BY = 3
"""The limit of the loss is 10 % above the third best rate."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an answer is right, with facts for the words."""

    wrong: str = ""
    """A kind of `FACTS`; empty: right."""
    facts: dict[str, str] = field(default_factory=dict)


def find_limit(curves: Sequence[Sequence[LiveEpoch]]) -> float:
    """Return the limit of the loss after epoch 5, from the curves of all rates."""
    losses = sorted(curve[EPOCH - 1].validation_loss for curve in curves)
    return float(np.ceil(100 * _SLACK * losses[min(_REACHED_BY, len(losses)) - 1]) / 100)


def judge_rate(epochs: Sequence[LiveEpoch], limit: float) -> Verdict:
    """Judge whether the loss is low enough after epoch 5."""
    losses = [epoch.validation_loss for epoch in epochs[:EPOCH]]
    facts = {"limit": say_loss(limit), "loss": say_loss(losses[-1])}
    if losses[-1] <= limit:
        return Verdict(facts=facts)
    falls = all(after < before for before, after in pairwise(losses))
    return Verdict(wrong="too_slow" if falls else "too_fast", facts=facts)


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
    """Judge whether `asked` is the first rotation with another prediction, or the last of all.

    Args:
        answers: The prediction by rotation.
    """
    first = list(flips).index(True) if any(flips) else len(flips) - 1
    facts = {"asked": f"{degrees[asked]:g}", "first": f"{degrees[first]:g}"}
    facts["answer"] = answers[first]
    wrong = "" if asked == first else "too_small" if asked < first else "too_large"
    return Verdict(wrong=wrong, facts=facts)


def judge_photos(
    sizes: Sequence[int], shares: np.ndarray, judged: int, target: float, asked: int
) -> Verdict:
    """Judge whether `asked` is the first size that reaches the target."""
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


def judge_threshold(by_threshold: np.ndarray, judged: int, target: float, asked: int) -> Verdict:
    """Judge whether `asked` is the lowest threshold that reaches the target.

    Args:
        by_threshold: (t, 2) int, photos with an answer and with a correct one, by threshold.
    """
    answered, right = by_threshold.T
    shares = right / np.maximum(answered, 1)
    share = percent(float(shares[asked]), int(answered[asked]))
    if share == percent(target, 1) and shares[asked] < target:
        share = f"{100 * shares[asked]:.1f} %"  # rounded, it would look like enough
    facts = {"target": percent(target, 1), "share": share}
    facts["answered"] = percent(float(answered[asked] / judged), judged)
    if shares[asked] < target:
        return Verdict(wrong="too_low", facts=facts)
    return Verdict(wrong="" if asked == np.argmax(shares >= target) else "too_high", facts=facts)


def judge_need(comparison: Comparison, asked: int) -> Verdict:
    """Judge whether `asked` is the first of `NEEDS` that proves the difference of two runs."""
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
