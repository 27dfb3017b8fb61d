"""What a run learnt from that is like a photo: the nearest training photos of a class."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.runs.result import RunResult
from core.runs.run_photos import read_run_features
from core.workspace import Workspace


class NearestPhotos(NamedTuple):
    """Training photos, the nearest first; ties by photo number."""

    photos: np.ndarray
    """(m,) int64, photo numbers."""
    cosines: np.ndarray
    """(m,) float32, of their features with those of the photo; 1 is equal."""


def find_nearest_training(
    workspace: Workspace, result: RunResult, photo: int, classes: Sequence[int], count: int = 6
) -> dict[int, NearestPhotos]:
    """Returns for each class the training photos of it that are nearest to a photo.

    Among the photos that the run was trained with, by their true class. The photo itself is never
    one of them; identical copies of it are, because they explain an answer.

    Args:
        workspace: Holds the run's features.
        result: Of the run: its splits, labels and features are used.
        photo: Number of a photo of the run's dataset, of any split.
        classes: Class numbers.
        count: How many of each class, at most.

    Raises:
        FeaturesMissing: The features of the run were removed or altered.
    """
    features = read_run_features(workspace, result)
    wanted = np.asarray(features[photo])
    learnt = result.splits == "train"
    learnt[photo] = False
    found = {}
    for number in dict.fromkeys(int(number) for number in classes):
        photos = np.flatnonzero(learnt & (result.labels == number))
        cosines = _measure_cosines(features[photos], wanted)
        order = np.argsort(-cosines, kind="stable")[:count]
        found[number] = NearestPhotos(photos[order], cosines[order])
    return found


def find_nearest_learnt(
    workspace: Workspace, result: RunResult, features: np.ndarray, count: int = 6
) -> NearestPhotos:
    """Returns the training photos, of any class, that are nearest to a photo of no dataset.

    Args:
        workspace: Holds the run's features.
        result: Of the run that answered: its splits and features are used.
        features: (2048,) float, of the photo by the same backbone.
        count: How many, at most.

    Raises:
        FeaturesMissing: The features of the run were removed or altered.
    """
    learnt = np.flatnonzero(result.splits == "train")
    kept = read_run_features(workspace, result)
    cosines = _measure_cosines(kept[learnt], np.asarray(features, dtype=kept.dtype))
    order = np.argsort(-cosines, kind="stable")[:count]
    return NearestPhotos(learnt[order], cosines[order])


def _measure_cosines(features: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Returns the cosine of each row (m, 2048) with one feature (2048,), (m,) float32."""
    # Row by row: a matrix product gives equal rows unequal last digits, and ties would be chance.
    products = np.einsum("ij,j->i", features, wanted)
    lengths = np.sqrt(np.einsum("ij,ij->i", features, features) * (wanted @ wanted))
    cosines: np.ndarray = np.divide(
        products, lengths, out=np.zeros(len(features), np.float32), where=lengths > 0
    )
    return cosines.clip(-1.0, 1.0)
