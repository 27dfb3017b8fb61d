"""What a recipe needs and the workspace does not have yet: backbone, features, views.

Goes by the names of files: it costs milliseconds, and damage is noticed when they are used.
"""

from typing import get_args

import numpy as np

from core.runs.recipe.recipe import Recipe
from core.runs.training.feature_store import find_donors
from core.runs.training.wanted_views import count_missing, list_sources
from core.workspace import Workspace
from data.dataset import Dataset
from models.backbone import FACTS_FILE, Precision, backbone_id
from models.extraction import features_id
from models.keeping import ViewKind
from models.weights import Weights

_PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def has_backbone(workspace: Workspace, recipe: Recipe) -> bool:
    """Returns whether the backbone of the recipe was made."""
    return (workspace.backbone_folder(_identify(recipe)) / FACTS_FILE).exists()


def count_unknown_features(workspace: Workspace, recipe: Recipe, dataset: Dataset) -> int:
    """Returns how many photos of the dataset have no kept feature, in no dataset."""
    backbone = _identify(recipe)
    files = (
        workspace.features_file(features_id(dataset.id, backbone, precision)).with_suffix(".json")
        for precision in _PRECISIONS
    )
    if any(file.exists() for file in files):
        return 0
    return min(
        len(find_donors(workspace, dataset, backbone, precision).find_unknown(0))
        for precision in _PRECISIONS
    )


def count_unknown_views(
    workspace: Workspace, recipe: Recipe, dataset: Dataset, photos: np.ndarray, kind: ViewKind
) -> int:
    """Returns how many rows of the recipe's views of these photos are not kept.

    Args:
        photos: (m,) int photo numbers.
    """
    if not len(photos):
        return 0
    sources = list_sources(kind, _identify(recipe), recipe.augmentation, recipe.views, recipe.seed)
    return count_missing(workspace, dataset, photos, sources)


def _identify(recipe: Recipe) -> str:
    weights = Weights(  # the id asks for no more than their digest
        kind=recipe.weights, file=None, digest=recipe.weights_digest, origin="", official=False
    )
    return backbone_id(weights, recipe.preprocessing)
