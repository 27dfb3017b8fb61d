"""The photos behind a run's numbers, matched by what they are: order is checked, never trusted."""

import numpy as np

from core.errors import FeaturesMissing, ResultDamaged
from core.runs.result import RunResult
from core.workspace import Workspace
from data.dataset import Dataset
from models.extraction import read_features


def check_order(result: RunResult, dataset: Dataset) -> None:
    """Returns nothing when row i of the result is photo i of the dataset, under the same class.

    Raises:
        ResultDamaged: It is another dataset, or other photos, classes or an other order.
    """
    manifest = dataset.manifest
    same = (
        result.dataset_id == dataset.id
        and result.classes == dataset.classes
        and np.array_equal(result.paths, np.asarray(manifest["path"], dtype=np.str_))
        and np.array_equal(result.labels, dataset.labels)
    )
    if not same:
        raise ResultDamaged(
            "The photos of this run's result are not those of its dataset.",
            "Train the same recipe again: its scores are then computed for the photos as they are.",
            dataset=dataset.id,
        )


def read_run_features(workspace: Workspace, result: RunResult) -> np.ndarray:
    """Returns the features behind the run's scores, (n, 2048) float32, memory-mapped.

    Row i is photo i of the dataset. Those of a fine-tuned run are by its own backbone.

    Raises:
        FeaturesMissing: They were removed or altered.
    """
    features = read_features(workspace, result.features_id)
    if features is None or len(features) != len(result.paths):
        raise FeaturesMissing(
            "The features of this run are not in the workspace, or were altered.",
            f"Run “python -m core features {result.dataset_id}”; those of a fine-tuned run come "
            "back when it is deleted and its recipe is trained again.",
            features=result.features_id,
        )
    return features
