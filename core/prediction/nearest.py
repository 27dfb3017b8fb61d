"""Nearest training photos, moves by augmentation, and baselines, all by features.

Distances are cosine distances (1 - cosine, 0 to 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np

from core.errors import FeaturesMissing, RunUnfinished
from core.evaluation.baselines import (
    Beside,
    compare_baselines,
    describe_colours,
    predict_majority,
    predict_neighbours,
)
from core.prediction.predictor import Predictor
from core.runs.recipe.recipe import Recipe
from core.runs.result import RunResult, check_order, keep_arrays, read_run_features
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.dataset import Dataset
from models.backbone import Precision, backbone_id
from models.extraction import features_id
from models.rows import is_kept, read_kept
from models.weights import Weights


class NearestPhotos(NamedTuple):
    """Training photos, the nearest first; ties by photo number."""

    photos: np.ndarray
    """(m,) int64, photo numbers."""
    cosines: np.ndarray
    """(m,) float32, of their features with the photo's; 1 is equal."""


def find_nearest_training(
    workspace: Workspace, result: RunResult, photo: int, classes: Sequence[int], count: int = 6
) -> dict[int, NearestPhotos]:
    """Return the nearest training photos of each class to a photo, without itself.

    Raises:
        FeaturesMissing: The features of the run were removed or altered.
    """
    features = read_run_features(workspace, result)
    learnt = result.splits == "train"
    learnt[photo] = False
    return {
        number: _find_nearest(
            features, np.flatnonzero(learnt & (result.labels == number)), features[photo], count
        )
        for number in map(int, classes)
    }


def find_nearest_learnt(
    workspace: Workspace, result: RunResult, features: np.ndarray, count: int = 6
) -> NearestPhotos:
    """Return the training photos of any class nearest to `features` (2048,) of the same backbone.

    Raises:
        FeaturesMissing: The features of the run were removed or altered.
    """
    kept = read_run_features(workspace, result)
    wanted = np.asarray(features, dtype=kept.dtype)
    return _find_nearest(kept, np.flatnonzero(result.splits == "train"), wanted, count)


def _find_nearest(
    features: np.ndarray, photos: np.ndarray, wanted: np.ndarray, count: int
) -> NearestPhotos:
    """Return the nearest of these photos by their features (n, 2048) to one feature (2048,)."""
    cosines = measure_cosines(features[photos], wanted)
    order = np.argsort(-cosines, kind="stable")[:count]
    return NearestPhotos(photos[order], cosines[order])


def measure_cosines(features: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the cosine of each row (m, 2048) with one feature (2048,), (m,) float32."""
    # Row by row: a matrix product may give equal rows different last digits.
    products = np.einsum("ij,j->i", features, wanted)
    lengths = np.sqrt(np.einsum("ij,ij->i", features, features) * (wanted @ wanted))
    cosines: np.ndarray = np.divide(
        products, lengths, out=np.zeros(len(features), np.float32), where=lengths > 0
    )
    return cosines.clip(-1.0, 1.0)


_SAMPLE, _AMONG = 256, 20_000
_BLOCK = 8192


@dataclass(frozen=True, kw_only=True, eq=False)
class Moves:
    """A photo in several augmented draws."""

    answer: int
    score: float
    distances: np.ndarray
    """(m,) float64, of each draw from the original photo."""
    answers: np.ndarray
    """(m,) int, the predicted class of each draw."""
    scores: np.ndarray
    """(m,) float32, the scores of these predictions."""

    @property
    def kept(self) -> np.ndarray:
        """Whether the prediction stayed the same, (m,) bool."""
        return np.asarray(self.answers == self.answer)


@dataclass(frozen=True, kw_only=True)
class Ruler:
    """Median distances to the nearest photo, over `n` random photos."""

    same: float
    """Of the same class."""
    other: float
    """Of another class."""
    n: int
    drawn: int | None
    """Number of photos searched where the dataset has very many; else None."""


def measure_moves(predictor: Predictor, photo: np.ndarray, draws: Sequence[np.ndarray]) -> Moves:
    """Return the distance of each draw (an augmented photo) and its prediction."""
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
    """Return the cosine distance of each row to each of the others, (m, n); 0 for equal rows."""
    cosines = _shorten(some) @ _shorten(others).T
    return np.asarray(np.where(cosines > 1 - 1e-12, 0.0, 1 - cosines))


def measure_ruler(features: np.ndarray, labels: np.ndarray) -> Ruler | None:
    """Return the ruler of a dataset; None without photos of two classes."""
    drawn = np.random.default_rng(0).permutation(len(labels))
    chosen, among = np.sort(drawn[:_SAMPLE]), np.sort(drawn[:_AMONG])
    same, other = np.full(len(chosen), np.inf), np.full(len(chosen), np.inf)
    for start in range(0, len(among), _BLOCK):
        numbers = among[start : start + _BLOCK]
        distances = measure_distances(features[chosen], features[numbers])
        alike = labels[chosen][:, None] == labels[numbers][None]
        itself = chosen[:, None] == numbers[None]
        same = np.minimum(same, np.where(alike & ~itself, distances, np.inf).min(axis=1))
        other = np.minimum(other, np.where(alike, np.inf, distances).min(axis=1))
    measured = np.isfinite(same) & np.isfinite(other)
    if not measured.any():
        return None
    return Ruler(
        same=float(np.median(same[measured])),
        other=float(np.median(other[measured])),
        n=int(measured.sum()),
        drawn=len(among) if len(among) < len(labels) else None,
    )


def _shorten(features: np.ndarray) -> np.ndarray:
    """Return the rows scaled to length 1, float64."""
    rows = np.asarray(features, dtype=np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


_VERSION = 1
_STRIDE = 8
"""Every eighth pixel of a packed photo, both ways: 784 are enough for its colours."""
_CHUNK = 128
_VOTERS = (1, 5)
_MOST_WHOLE, _ASKED = 7_000, 3_000
"""Photos up to which all are used; of more, this number is drawn."""


def compare_with_baselines(
    workspace: Workspace, run: RunRecord, result: RunResult, dataset: Dataset, split: str
) -> list[Beside]:
    """Return the comparison with each baseline on a split, or on a sample of very many photos."""
    answers = predict_baselines(workspace, run, result, dataset, split)
    photos = _draw_asked(result, split)
    given = result.scores[photos].argmax(axis=1)
    return compare_baselines(result.labels[photos], given, answers, result.classes)


def _draw_asked(result: RunResult, split: str) -> np.ndarray:
    photos = result.photo_numbers(split)
    return photos if len(photos) <= _MOST_WHOLE else result.draw_photos(split, _ASKED)


def predict_baselines(
    workspace: Workspace, run: RunRecord, result: RunResult, dataset: Dataset, split: str
) -> dict[str, np.ndarray]:
    """Return baseline → predictions (m,) int64 for a split, fitted to the training photos.

    Baselines: majority, colours_1 and colours_5 (nearest neighbours by colour histogram), and
    features_1 and features_5 (by the frozen features, where these are cached).

    Raises:
        ResultDamaged: The result is of other photos.
        RunUnfinished: The run has no result, or no training photos.
        FeaturesMissing: The frozen features were altered.
    """
    check_order(result, dataset)
    train, asked = result.draw_photos("train", _MOST_WHOLE), _draw_asked(result, split)
    if len(train) < 2:
        raise RunUnfinished("This run has no training photos to compare with.", "Choose another.")
    kept = find_frozen_features(workspace, run.recipe, result)
    facts = {"version": _VERSION, "split": split, "features": "kept" if kept else None}
    drawn = [len(train), len(asked)]
    if drawn != [len(result.photo_numbers(one)) for one in ("train", split)]:
        facts["drawn"] = drawn

    def compute() -> dict[str, np.ndarray]:
        features = read_kept(workspace, kept) if kept else None
        if kept and (features is None or len(features) != len(dataset)):
            raise FeaturesMissing(
                "The frozen features of this run's photos were altered.",
                f"Run “python -m core features {dataset.id}”.",
            )
        colours = _read_colours(dataset, np.union1d(train, asked))
        described = {"colours": colours} | ({} if features is None else {"features": features})
        answers = {"majority": predict_majority(result.labels, train, asked)}
        for name, rows in described.items():
            for k in _VOTERS:
                answers[f"{name}_{k}"] = predict_neighbours(rows, result.labels, train, asked, k)
        return answers

    return keep_arrays(workspace, run.id, f"baselines-{split}", facts, compute)


def find_frozen_features(workspace: Workspace, recipe: Recipe, result: RunResult) -> str | None:
    """Return the id of the features by the run's backbone before training; None if not cached.

    The backbone of an added model was trained already.
    """
    if recipe.is_added:
        return None
    given = Weights(  # only the digest is in the id
        name=recipe.weights, file=None, digest=recipe.weights_digest, origin="", official=False
    )
    backbone = backbone_id(given, recipe.preprocessing, recipe.seen_as)
    backbone = backbone if recipe.trained_stages else result.backbone_id
    precisions: tuple[Precision, ...] = get_args(Precision)
    known = (features_id(result.dataset_id, backbone, one) for one in precisions)
    return next((one for one in known if is_kept(workspace, one)), None)


def _read_colours(dataset: Dataset, photos: np.ndarray) -> np.ndarray:
    """Return colours (n, d) float32 of a dataset's photos; zeros except for `photos`."""
    colours = [
        # Mapped anew for each block: the pages of all photos would fill the memory.
        describe_colours(dataset.photos[photos[start : start + _CHUNK], ::_STRIDE, ::_STRIDE])
        for start in range(0, len(photos), _CHUNK)
    ]
    found = np.concatenate(colours)
    described = np.zeros((len(dataset), found.shape[1]), dtype=np.float32)
    described[photos] = found
    return described
