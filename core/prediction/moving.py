"""How far augmentation moves a photo in feature space, and whether a run's answer survives it.

Distances are cosine distances (1 - cosine, 0 to 2) of the features. The ruler beside them: how far
photos of the dataset lie from their nearest of the same class and of another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.prediction.predictor import Predictor

_SAMPLE = 256
_BLOCK = 8192


@dataclass(frozen=True, kw_only=True, eq=False)
class Moves:
    """What became of a photo in several draws."""

    answer: int
    """Class number that the run gives to the photo as it is."""
    score: float
    """The score of that answer, 0 to 1."""
    distances: np.ndarray
    """(m,) float64, how far each draw lies from the photo as it is."""
    answers: np.ndarray
    """(m,) int, the class number that the run gives to each draw."""
    scores: np.ndarray
    """(m,) float32, the score of each of those answers."""

    @property
    def kept(self) -> np.ndarray:
        """Whether the answer stayed the same, (m,) bool."""
        return np.asarray(self.answers == self.answer)


@dataclass(frozen=True, kw_only=True)
class Ruler:
    """Medians of the distance to the nearest photo, over `n` photos drawn evenly."""

    same: float
    """Of the same class."""
    other: float
    """Of another class."""
    n: int


def measure_moves(predictor: Predictor, photo: np.ndarray, draws: Sequence[np.ndarray]) -> Moves:
    """Returns how far each draw moves from the photo, and what the run says of it.

    Args:
        predictor: Of the run that is asked.
        photo: (224, 224, 3) uint8, as it is.
        draws: The same photo, augmented.
    """
    features, scores = predictor.answer_packed(np.stack([photo, *draws]))
    answers = scores.argmax(axis=1)
    return Moves(
        answer=int(answers[0]),
        score=float(scores[0, answers[0]]),
        distances=measure_distances(features[:1], features[1:])[0],
        answers=answers[1:],
        scores=scores[1:].max(axis=1),
    )


def measure_distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the cosine distance of each row of one to each of the other, (m, n) float64.

    Exactly 0 where two rows are equal.
    """
    cosines = _shorten(some) @ _shorten(others).T
    return np.asarray(np.where(cosines > 1 - 1e-12, 0.0, 1 - cosines))


def measure_ruler(features: np.ndarray, labels: np.ndarray, seed: int = 0) -> Ruler | None:
    """Returns the ruler of a dataset; None where no photo has one of its class and another.

    Args:
        features: (n, d) float, read in blocks.
        labels: (n,) int.
        seed: Of the draw of at most 256 photos that are measured against all.
    """
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(labels))[:_SAMPLE])
    unit = _shorten(features[chosen])
    same, other = np.full(len(chosen), np.inf), np.full(len(chosen), np.inf)
    for start in range(0, len(labels), _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, len(labels)))
        distances = 1 - unit @ _shorten(features[numbers]).T
        alike = labels[chosen][:, None] == labels[numbers][None]
        itself = chosen[:, None] == numbers[None]
        same = np.minimum(same, np.where(alike & ~itself, distances, np.inf).min(axis=1))
        other = np.minimum(other, np.where(alike, np.inf, distances).min(axis=1))
    measured = np.isfinite(same) & np.isfinite(other)
    if not measured.any():
        return None
    return Ruler(
        same=max(0.0, float(np.median(same[measured]))),
        other=max(0.0, float(np.median(other[measured]))),
        n=int(measured.sum()),
    )


def _shorten(features: np.ndarray) -> np.ndarray:
    """Returns the rows in length 1, float64."""
    rows = np.asarray(features, dtype=np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
