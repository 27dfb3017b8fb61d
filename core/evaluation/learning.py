"""What learning curves say, in words: is it still learning, flat, overfitting, or going wrong?

Careful by intent: a trend is named only after several epochs and above what chance moves, because
a sentence is believed more readily than a curve. The best epoch is that of the lowest validation
loss. Training and validation are compared as both are after an epoch (train_…, val_…); the running
means while it learned (loss, accuracy) only with one another.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.formats import percent

Verdict = Literal["early", "diverged", "stuck", "learning", "overfitting", "flat", "unjudged"]

_FEWEST = 4
"""Epochs before anything is said of a trend."""
_PATIENCE = 3
"""Epochs after the best one before it counts as passed."""
_TREND = 0.02
"""Share of a loss below which its change is called none."""
_KNOWS_THEM = 0.95
"""Training accuracy above which a loss that does not fall is no fault."""
_DIVERGED = 2.0
"""How many times the first training loss the last one must be to be called diverged."""


@dataclass(frozen=True)
class Learning:
    """What the curves say."""

    verdict: Verdict
    since: int | None
    """First epoch of what the verdict says; None where it has no beginning."""
    sentence: str
    gap: float | None
    """Training accuracy less validation accuracy at the best epoch, in shares, both as they are
    after it; None: not measured."""
    gap_sentence: str
    """Empty without validation photos."""


def judge_learning(
    epochs: Sequence[Mapping[str, Any]],
    best_epoch: int | None,
    val_photos: int,
    *,
    ended: bool = True,
) -> Learning:
    """Return what the curves say, in words.

    Args:
        epochs: Mappings with epoch, loss, accuracy, train_loss, train_accuracy, val_loss and
            val_accuracy, in order; what was not finite or not measured is None.
        best_epoch: That of the lowest validation loss; None while there is none.
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
        sentence = "Without validation photos nobody can tell learning from learning by heart."
        return "unjudged", None, sentence
    after = [epoch for epoch in epochs if epoch["epoch"] > best["epoch"]]
    if len(after) < _PATIENCE:
        return _judge_around_best(epochs, best, ended)
    return _judge_after_best(epochs, best, after, val_photos)


def _find_divergence(epochs: Sequence[Mapping[str, Any]]) -> _Judged | None:
    broken = next((epoch for epoch in epochs if epoch["loss"] is None), None)
    if broken is None:
        first, last = (epochs[0], epochs[-1]) if epochs else (None, None)
        if first is None or last is None or last["loss"] <= _DIVERGED * first["loss"]:
            return None
        broken = next(epoch for epoch in epochs if epoch["loss"] > first["loss"])
    sentence = (
        f"The training loss grows since epoch {broken['epoch']}: the learning rate is too high."
    )
    return "diverged", broken["epoch"], sentence


def _find_stuck(epochs: Sequence[Mapping[str, Any]]) -> _Judged | None:
    first, lowest = epochs[0]["loss"], min(epoch["loss"] for epoch in epochs)
    if lowest < first * (1 - _TREND) or epochs[-1]["accuracy"] > _KNOWS_THEM:
        return None
    sentence = (
        "The training loss hardly falls: the learning rate may be too low, or far too high. A "
        "sweep over it shows which."
    )
    return "stuck", None, sentence


def _judge_around_best(
    epochs: Sequence[Mapping[str, Any]], best: Mapping[str, Any], ended: bool
) -> _Judged:
    """Judges when the best epoch is one of the last: is the validation loss still falling?"""
    until = [epoch for epoch in epochs if epoch["epoch"] <= best["epoch"]]
    earlier = [epoch["val_loss"] for epoch in until[:-_PATIENCE] if epoch["val_loss"] is not None]
    if not earlier:
        return "early", None, "The best epoch comes early: too soon to see a trend."
    if best["val_loss"] < min(earlier) * (1 - _TREND):
        more = "more epochs may help" if ended else "it goes on getting better"
        sentence = f"Still learning: the validation loss was still falling at epoch {best['epoch']}"
        return "learning", None, f"{sentence}; {more}."
    return _judge_flat(epochs, best)


def _judge_after_best(
    epochs: Sequence[Mapping[str, Any]],
    best: Mapping[str, Any],
    after: Sequence[Mapping[str, Any]],
    val_photos: int,
) -> _Judged:
    """Judges what came after a best epoch that is passed: did it get worse, or stay flat?"""
    since = int(best["epoch"]) + 1
    late = [epoch["val_loss"] for epoch in after[-_PATIENCE:]]
    rises = None in late or min(late) > best["val_loss"] * (1 + _TREND)
    last = after[-1]  # against the first after the best: the best may be of an untrained head
    falls = last["loss"] < after[0]["loss"] * (1 - _TREND)
    known = last["loss"] if last.get("train_loss") is None else last["train_loss"]
    fits_better = last["val_loss"] is None or known < last["val_loss"]
    if rises and falls and fits_better:
        sentence = (
            f"Overfitting since epoch {since}, by the loss: the training loss goes on falling, the "
            f"validation loss rises. {_describe_accuracy(best, after, val_photos)}"
            f"Epoch {best['epoch']} is kept; stronger augmentation, more dropout or early stopping "
            "may help."
        )
        return "overfitting", since, sentence
    if rises:
        sentence = (
            f"Worse since epoch {since}: a lower learning rate, or one that falls, may help. "
            f"Epoch {best['epoch']} is kept."
        )
        return "diverged", since, sentence
    return _judge_flat(epochs, best)


def _describe_accuracy(
    best: Mapping[str, Any], after: Sequence[Mapping[str, Any]], val_photos: int
) -> str:
    """Return what validation accuracy did meanwhile: it need not follow its loss."""
    was, last = best.get("val_accuracy"), after[-1].get("val_accuracy")
    if was is None or last is None:
        return ""
    late = [epoch["val_accuracy"] for epoch in after[-_PATIENCE:]]
    path = f"from {percent(was, val_photos)} to {percent(last, val_photos)}"
    if min(late) >= was:
        return f"Accuracy did not fall ({path}): the answers got no worse, their scores too sure. "
    return f"Validation accuracy went {path}. "


def _judge_flat(epochs: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> _Judged:
    """Names the first epoch whose validation loss is about as low as it gets."""
    level = best["val_loss"] * (1 + _TREND)
    known = (epoch for epoch in epochs if epoch["val_loss"] is not None)
    since = next(int(epoch["epoch"]) for epoch in known if epoch["val_loss"] <= level)
    return "flat", since, f"Flat since epoch {since}: more epochs of the same would change little."


def _describe_gap(best: Mapping[str, Any] | None, val_photos: int) -> tuple[float | None, str]:
    """Return the gap in accuracy at the best epoch, and what it means at this n."""
    if best is None or best.get("val_accuracy") is None or not val_photos:
        return None, ""
    if best.get("train_accuracy") is None:
        return None, (
            "Training accuracy was not measured without dropout, so nothing is said of the "
            "distance to validation."
        )
    right, gap = best["val_accuracy"], best["train_accuracy"] - best["val_accuracy"]
    # Half a 95 % interval of a share; one photo at the least, where all or none are right.
    chance = max(1.96 * math.sqrt(right * (1 - right) / val_photos), 1 / val_photos)
    points = f"{100 * abs(gap):.{0 if val_photos < 200 else 1}f}"
    points += " point" if points == "1" else " points"
    if abs(gap) <= chance:
        meaning = f"no more than chance moves among {val_photos:,} validation photos"
    elif gap > 0:
        meaning = "it knows its training photos better than new ones"
    else:
        meaning = "for it the validation photos are the easier ones"
    side = "above" if gap >= 0 else "below"
    sentence = f"At the best epoch training accuracy is {points} {side} validation: {meaning}."
    return gap, sentence
