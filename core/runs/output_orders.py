"""Orders of the outputs of a model from elsewhere: the stated ones, and the best found on photos.

An order names for each class of the dataset the number of its output, or -1 for none. It is found
by assignment on one half of the photos and judged on the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import scipy

CLEARLY = 0.15
"""Gain in accuracy from which another order than the stated one is proposed."""
_SMALLEST = 1e-7
Origin = Literal["names", "alphabetical", "natural", "found"]


class Share(NamedTuple):
    """Right answers of the photos that were tried."""

    right: int
    photos: int
    log_score: float = 0.0
    """Mean logarithm of the score of the true class; it tells near ways apart."""

    @property
    def accuracy(self) -> float:
        return self.right / max(self.photos, 1)


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order of the outputs, and its accuracy."""

    outputs: tuple[int, ...]
    """For each class of the dataset the number of its output, or -1."""
    share: Share


def judge_orders(
    scores: np.ndarray,
    labels: np.ndarray,
    given: Mapping[Origin, tuple[int, ...]],
    n_classes: int,
) -> dict[Origin, Order]:
    """Return the given orders and the one found on these photos, with their accuracy.

    Args:
        scores: (m, k) of all outputs.
        labels: (m,) int, the true classes.
    """
    orders = {
        origin: Order(outputs=outputs, share=_measure(scores, labels, outputs))
        for origin, outputs in given.items()
    }
    turns = pd.Series(labels).groupby(labels).cumcount().to_numpy()  # both halves have all classes
    halves = turns % 2 == 0, turns % 2 == 1
    found = [_assign(scores[half], labels[half], n_classes) for half in halves]
    judged = [
        _measure(scores[half], labels[half], outputs)
        for half, outputs in zip(halves[::-1], found, strict=True)
    ]
    share = Share(
        sum(one.right for one in judged),
        len(labels),
        float(np.mean([one.log_score for one in judged])),
    )
    return {**orders, "found": Order(outputs=_assign(scores, labels, n_classes), share=share)}


def _assign(scores: np.ndarray, labels: np.ndarray, n_classes: int) -> tuple[int, ...]:
    """Return the output of each class that gives most right answers, or -1."""
    table = np.zeros((n_classes, scores.shape[1]))
    np.add.at(table, labels, scores)
    rows, columns = scipy.optimize.linear_sum_assignment(-table)
    outputs = np.full(n_classes, -1)
    outputs[rows] = columns
    return tuple(outputs.tolist())


def _measure(scores: np.ndarray, labels: np.ndarray, outputs: Sequence[int]) -> Share:
    """Return the right answers of the outputs in this order."""
    if not len(labels):
        return Share(0, 0)
    own = arrange(scores, outputs)
    of_label = own[np.arange(len(labels)), labels]
    log_score = float(np.log(np.maximum(of_label, _SMALLEST)).mean())
    return Share(int((own.argmax(axis=1) == labels).sum()), len(labels), log_score)


def arrange(scores: np.ndarray, outputs: Sequence[int]) -> np.ndarray:
    """Return the scores of the classes (m, c) of those of the outputs (m, k); 0 without one."""
    chosen = np.asarray(outputs)
    return np.where(chosen < 0, 0.0, scores[:, chosen])


def pick_order(orders: Mapping[Origin, Order]) -> tuple[Origin, Order]:
    """Return the order to propose: the stated one, unless the found one is clearly better."""
    accuracies = {origin: order.share.accuracy for origin, order in orders.items()}
    found = accuracies.pop("found")
    best: Origin = max(accuracies, key=accuracies.__getitem__, default="found")
    chosen: Origin = best if found - accuracies.get(best, -1) < CLEARLY else "found"
    return chosen, orders[chosen]
