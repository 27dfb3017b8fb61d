"""A head trained in a second, epoch by epoch, in NumPy: the recipe of a run.

The recipe decides all chance. Training and validation are both measured after the epoch and without
dropout.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import Literal

import numpy as np
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

Optimizer = Literal["adam", "sgd"]
_BATCH = 32
_MOMENTUM = 0.9
_BETAS = 0.9, 0.999
_TINY = 1e-7
"""Adam's β and ε are Keras' defaults."""
_ALONE = Lock()
"""Only one thread of a process can limit the threads: the second would train with more."""


@dataclass(frozen=True, kw_only=True)
class LiveRecipe:
    """Settings of a lesson, with the defaults of a run."""

    hidden: int = 0
    """Units of one hidden layer; 0: none."""
    optimizer: Optimizer = "adam"
    learning_rate: float = 1e-3
    epochs: int = 10
    dropout: float = 0.5
    wrong: float = 0.0
    """Share of training photos with a wrong label."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """Features (n, d) float32, standardised by the training photos, and labels (n,) int."""

    train: np.ndarray
    train_labels: np.ndarray
    validation: np.ndarray
    validation_labels: np.ndarray
    n_classes: int


@dataclass(frozen=True)
class LiveEpoch:
    """Results of an epoch, from 1: losses in nats per photo (infinite where training diverged)."""

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


def learn(known: Known, recipe: LiveRecipe) -> Iterator[LiveEpoch]:
    """Train, and yield the results of each epoch.

    One thread, because the products are small. Training with a high rate may diverge, on purpose.
    """
    rng = np.random.default_rng(recipe.seed)
    features = known.train
    labels = spoil(known.train_labels, recipe.wrong, known.n_classes, rng)
    head = _Head(known.train.shape[1], known.n_classes, recipe, rng)
    pools = ThreadpoolController()
    for number in range(1, recipe.epochs + 1):
        order = rng.permutation(len(labels))
        with _ALONE, pools.limit(limits=1), np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(order), _BATCH):
                rows = order[start : start + _BATCH]
                head.step(features[rows], labels[rows])
            learnt = _measure(head.answer(features), labels)
            judged = _measure(head.answer(known.validation), known.validation_labels)
        yield LiveEpoch(number, *learnt, *judged)


def spoil(labels: np.ndarray, share: float, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Return the labels with a share of them replaced by other classes."""
    spoilt = labels.copy()
    wrong = rng.permutation(len(labels))[: round(share * len(labels))]
    spoilt[wrong] = (labels[wrong] + rng.integers(1, n_classes, len(wrong))) % n_classes
    return spoilt


class _Head:
    """Dense layers, their gradients and the optimizer's state."""

    def __init__(self, width: int, n_classes: int, recipe: LiveRecipe, rng: np.random.Generator):
        self._recipe, self._rng, self._steps = recipe, rng, 0
        sizes = [width, *([recipe.hidden] if recipe.hidden else []), n_classes]
        self._arrays: list[np.ndarray] = []
        for number, (before, after) in enumerate(pairwise(sizes), 1):
            last = number == len(sizes) - 1
            limit = np.sqrt(6 / (before + after)) if last else np.sqrt(6 / before)
            kernel = rng.uniform(-limit, limit, (before, after)).astype(np.float32)
            self._arrays += [np.asfortranarray(kernel), np.zeros(after, np.float32)]
        self._first = [np.zeros_like(array) for array in self._arrays]
        self._second = [np.zeros_like(array) for array in self._arrays]

    def answer(self, features: np.ndarray) -> np.ndarray:
        """Return scores (n, k)."""
        *hidden, kernel, bias = self._arrays
        if hidden:
            features = np.maximum(features @ hidden[0] + hidden[1], 0)
        return _soften(features @ kernel + bias)

    def step(self, features: np.ndarray, labels: np.ndarray) -> None:
        """Train on a batch."""
        *hidden, kernel, bias = self._arrays
        inner = np.maximum(features @ hidden[0] + hidden[1], 0) if hidden else features
        inner, scale = self._drop(inner)
        wanted = _soften(scale * (inner @ kernel) + bias)
        wanted[np.arange(len(labels)), labels] -= 1
        wanted /= len(labels)
        slopes = [scale * (wanted.T @ inner).T, wanted.sum(axis=0)]
        if hidden:
            back = scale * (wanted @ kernel.T) * (inner > 0)
            slopes = [(back.T @ features).T, back.sum(axis=0), *slopes]
        self._follow(slopes)

    def _drop(self, inner: np.ndarray) -> tuple[np.ndarray, np.float32]:
        """Return the values after dropout, and the scale that compensates for it."""
        cut = round(256 * self._recipe.dropout)
        if not cut:
            return inner, np.float32(1)
        drawn = np.frombuffer(self._rng.bytes(inner.size), np.uint8).reshape(inner.shape)
        return inner * (drawn >= cut), np.float32(256 / (256 - cut))

    def _follow(self, slopes: list[np.ndarray]) -> None:
        """Update the arrays as Keras' Adam or SGD with momentum does."""
        self._steps += 1
        rate, (keep, keep_squares) = self._recipe.learning_rate, _BETAS
        for array, slope, first, second in zip(
            self._arrays, slopes, self._first, self._second, strict=True
        ):
            if self._recipe.optimizer == "sgd":
                first *= _MOMENTUM
                first -= rate * slope
                array += first
                continue
            first += (1 - keep) * (slope - first)
            second += (1 - keep_squares) * (slope**2 - second)
            scale = np.sqrt(1 - keep_squares**self._steps) / (1 - keep**self._steps)
            array -= rate * scale * first / (np.sqrt(second) + _TINY)


def _soften(outputs: np.ndarray) -> np.ndarray:
    raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _measure(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the mean log loss and the accuracy."""
    if not np.isfinite(scores).all():
        return float("inf"), float((labels == 0).mean())  # every prediction is the first class
    given = scores[np.arange(len(labels)), labels]
    loss = np.log(1 / np.maximum(given, 1e-7)).mean()  # never -0
    return float(loss), float((scores.argmax(axis=1) == labels).mean())
