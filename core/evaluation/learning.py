"""A verdict on learning curves: still learning, flat, overfitting or diverged.

A trend is named only after several epochs and above noise. The best epoch has the lowest validation
loss. Training and validation are compared after the same epoch (train_…, val_…); running means
(loss, accuracy) only with each other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.formats import percent

Verdict = Literal["early", "diverged", "stuck", "learning", "overfitting", "flat", "unjudged"]

_FEWEST = 4
"""Epochs needed for a trend."""
_PATIENCE = 3
"""Epochs after the best one that make a trend."""
_TREND = 0.02
"""Smallest relative change of a loss."""
_KNOWS_THEM = 0.95
"""Training accuracy above which a constant loss is fine."""
_DIVERGED = 2.0
"""Ratio of last and first training loss that counts as diverged."""


@dataclass(frozen=True)
class Learning:
    """A verdict on the curves, and the gap between training and validation."""

    verdict: Verdict
    since: int | None
    """First epoch of the verdict, if it has one."""
    sentence: str
    gap: float | None
    """Training minus validation accuracy after the best epoch, if measured."""
    gap_sentence: str
    """Empty without validation photos."""


def judge_learning(
    epochs: Sequence[Mapping[str, Any]],
    best_epoch: int | None,
    val_photos: int,
    *,
    ended: bool = True,
) -> Learning:
    """Return the verdict on the curves.

    Args:
        epochs: Mappings with epoch, loss, accuracy, train_loss, train_accuracy, val_loss and
            val_accuracy, in order; None where not finite or not measured.
        best_epoch: Epoch of the lowest validation loss, if there is one.
        val_photos: n of the validation accuracy.
    """
    best = next((epoch for epoch in epochs if epoch["epoch"] == best_epoch), None)
    gap, gap_sentence = _describe_gap(best, val_photos)
    verdict, since, sentence = _judge(epochs, best, val_photos, ended)
    return Learning(verdict, since, sentence, gap, gap_sentence)


_Judged = tuple[Verdict, int | None, str]


def _judge(
    epochs: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any] | None,
    val_photos: int,
    ended: bool,
) -> _Judged:
    if broken := _find_divergence(epochs):
        return broken
    if len(epochs) < _FEWEST:
        return "early", None, "Too few epochs to see a trend."
    if stuck := _find_stuck(epochs):
        return stuck
    if best is None or best.get("val_loss") is None:
        sentence = "Without validation photos, overfitting cannot be detected."
        return "unjudged", None, sentence
    after = [epoch for epoch in epochs if epoch["epoch"] > best["epoch"]]
    if len(after) < _PATIENCE:
        return _judge_around_best(epochs, best, ended)
    return _judge_after_best(epochs, best, after, val_photos)


def _find_divergence(epochs: Sequence[Mapping[str, Any]]) -> _Judged | None:
    broken = next((epoch for epoch in epochs if epoch["loss"] is None), None)
    if broken is None:
        if not epochs or epochs[-1]["loss"] <= _DIVERGED * epochs[0]["loss"]:
            return None
        broken = next(epoch for epoch in epochs if epoch["loss"] > epochs[0]["loss"])
    sentence = (
        f"The training loss rises from epoch {broken['epoch']} on: the learning rate is too high."
    )
    return "diverged", broken["epoch"], sentence


def _find_stuck(epochs: Sequence[Mapping[str, Any]]) -> _Judged | None:
    first, lowest = epochs[0]["loss"], min(epoch["loss"] for epoch in epochs)
    if lowest < first * (1 - _TREND) or epochs[-1]["accuracy"] > _KNOWS_THEM:
        return None
    sentence = (
        "The training loss hardly falls: the learning rate may be too low, or far too high. Try a "
        "sweep."
    )
    return "stuck", None, sentence


def _judge_around_best(
    epochs: Sequence[Mapping[str, Any]], best: Mapping[str, Any], ended: bool
) -> _Judged:
    """Return the verdict when the best epoch is one of the last ones."""
    until = [epoch for epoch in epochs if epoch["epoch"] <= best["epoch"]]
    earlier = [epoch["val_loss"] for epoch in until[:-_PATIENCE] if epoch["val_loss"] is not None]
    if not earlier:
        return "early", None, "The best epoch comes early: too soon to see a trend."
    if best["val_loss"] < min(earlier) * (1 - _TREND):
        sentence = f"Still learning: the validation loss was falling at epoch {best['epoch']}"
        return "learning", None, f"{sentence}{'; more epochs may help' if ended else ''}."
    return _judge_flat(epochs, best)


def _judge_after_best(
    epochs: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any],
    after: Sequence[Mapping[str, Any]],
    val_photos: int,
) -> _Judged:
    """Return the verdict when the best epoch is followed by several others."""
    since = int(best["epoch"]) + 1
    late = [epoch["val_loss"] for epoch in after[-_PATIENCE:]]
    rises = None in late or min(late) > best["val_loss"] * (1 + _TREND)
    last = after[-1]
    # Not the best epoch: its running mean may be of an untrained head.
    falls = last["loss"] < after[0]["loss"] * (1 - _TREND)
    known = last["loss"] if last.get("train_loss") is None else last["train_loss"]
    fits_better = last["val_loss"] is None or known < last["val_loss"]
    if rises and falls and fits_better:
        sentence = (
            f"Overfitting since epoch {since}: the training loss still falls, the validation loss "
            f"rises. {_describe_accuracy(best, after, val_photos)}Stronger augmentation or more "
            "dropout may help."
        )
        return "overfitting", since, sentence
    if rises:
        sentence = f"Worse since epoch {since}: a lower or decreasing learning rate may help."
        return "diverged", since, sentence
    return _judge_flat(epochs, best)


def _describe_accuracy(
    best: Mapping[str, Any], after: Sequence[Mapping[str, Any]], val_photos: int
) -> str:
    """Return a sentence about the validation accuracy, which need not follow the loss."""
    was, last = best.get("val_accuracy"), after[-1].get("val_accuracy")
    if was is None or last is None:
        return ""
    late = [epoch["val_accuracy"] for epoch in after[-_PATIENCE:]]
    path = f"from {percent(was, val_photos)} to {percent(last, val_photos)}"
    if min(late) >= was:
        return f"Accuracy did not fall ({path}): the scores became over-confident. "
    return f"Validation accuracy went {path}. "


def _judge_flat(epochs: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> _Judged:
    """Return the first epoch with about the lowest validation loss."""
    level = best["val_loss"] * (1 + _TREND)
    known = (epoch for epoch in epochs if epoch["val_loss"] is not None)
    since = next(int(epoch["epoch"]) for epoch in known if epoch["val_loss"] <= level)
    return "flat", since, f"Flat since epoch {since}: more epochs would change little."


def _describe_gap(best: Mapping[str, Any] | None, val_photos: int) -> tuple[float | None, str]:
    """Return the gap in accuracy at the best epoch, and a sentence about it."""
    names = ("train_accuracy", "val_accuracy")
    if best is None or not val_photos or None in map(best.get, names):
        return None, ""
    right, gap = best["val_accuracy"], best["train_accuracy"] - best["val_accuracy"]
    # Half a 95 % interval of a share; at least one photo.
    chance = max(1.96 * math.sqrt(right * (1 - right) / val_photos), 1 / val_photos)
    points = f"{100 * abs(gap):.{0 if val_photos < 200 else 1}f}"
    points += " point" if points == "1" else " points"
    if abs(gap) <= chance:
        meaning = f"within noise for n = {val_photos:,}"
    elif gap > 0:
        meaning = "the model fits its training photos better than new ones"
    else:
        meaning = "the validation photos are easier"
    side = "above" if gap >= 0 else "below"
    sentence = f"At the best epoch, training accuracy is {points} {side} validation: {meaning}."
    return gap, sentence
