"""The baselines beside a run: what the same training photos give without training a network.

Computed for one split when it is first looked at, and kept beside the run.
"""

from typing import get_args

import numpy as np

from core.errors import RunUnfinished
from core.evaluation.baselines import (
    describe_colours,
    predict_majority,
    predict_neighbours,
)
from core.runs.derived import keep_arrays
from core.runs.recipe.recipe import Recipe
from core.runs.result import RunResult
from core.runs.run_photos import check_order
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.dataset import Dataset
from models.backbone import Precision, backbone_id
from models.extraction import features_id, read_features
from models.weights import Weights

_VERSION = 1
_STRIDE = 8
"""Every eighth pixel of a packed photo, both ways: 784 of them say enough of its colours."""
_CHUNK = 512
_VOTERS = (1, 5)


def predict_baselines(
    workspace: Workspace, run: RunRecord, result: RunResult, dataset: Dataset, split: str
) -> dict[str, np.ndarray]:
    """Returns name → answers (m,) int64 for the photos of a split, learnt from the run's train.

    Names: majority, colours_1, colours_5 (nearest neighbours by colour histogram), and features_1,
    features_5 (by the frozen features, of the weights that the run was given) where these are kept.

    Raises:
        ResultDamaged: The result is of other photos.
        RunUnfinished: The run has no result, or no training photos.
    """
    check_order(result, dataset)
    train, asked = result.photo_numbers("train"), result.photo_numbers(split)
    if len(train) < 2:
        raise RunUnfinished("This run has no training photos to compare with.", "Choose another.")
    features = read_frozen_features(workspace, run.recipe, result)
    facts = {"version": _VERSION, "split": split, "features": None if features is None else "kept"}

    def compute() -> dict[str, np.ndarray]:
        colours = _read_colours(dataset, np.union1d(train, asked))
        described = {"colours": colours} | ({} if features is None else {"features": features})
        answers = {"majority": predict_majority(result.labels, train, asked)}
        for name, rows in described.items():
            for k in _VOTERS:
                answers[f"{name}_{k}"] = predict_neighbours(rows, result.labels, train, asked, k)
        return answers

    return keep_arrays(workspace, run.id, f"baselines-{split}", facts, compute)


def read_frozen_features(
    workspace: Workspace, recipe: Recipe, result: RunResult
) -> np.ndarray | None:
    """Returns the features (n, 2048) by the backbone as the run was given it; None if not kept.

    Those of a fine-tuned run's own backbone were learnt with its labels: they are no baseline.
    """
    given = Weights(  # the id asks for no more than their digest
        kind=recipe.weights, file=None, digest=recipe.weights_digest, origin="", official=False
    )
    backbone = backbone_id(given, recipe.preprocessing)
    precisions: tuple[Precision, ...] = get_args(Precision)
    for precision in precisions:
        identifier = features_id(result.dataset_id, backbone, precision)
        features = read_features(workspace, identifier)
        if features is not None and len(features) == len(result.paths):
            return features
    return None


def _read_colours(dataset: Dataset, photos: np.ndarray) -> np.ndarray:
    """Returns (n, d) float32 for all photos of the dataset; zeros but for the photos asked."""
    packed = dataset.photos
    first = describe_colours(np.asarray(packed[:1, ::_STRIDE, ::_STRIDE]))
    described = np.zeros((len(packed), first.shape[1]), dtype=np.float32)
    for start in range(0, len(photos), _CHUNK):
        chosen = photos[start : start + _CHUNK]
        pixels = packed[:, ::_STRIDE, ::_STRIDE][chosen]
        described[chosen] = describe_colours(pixels)
    return described
