"""How long a run would take: about as long as the last run of its kind here took.

Two runs are of one kind when they train the same part of the network, in the same precision and on
squares of the same size. The mean epoch of the last one is scaled by training photos and epochs.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from core.errors import DatasetMissing
from core.runs.recipe.recipe import Recipe
from core.runs.run_files import curve, read_events
from core.runs.store import RunRecord, list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset


class Estimate(NamedTuple):
    """How long the epochs of a run would take."""

    seconds: float
    run: RunRecord
    """The run that was measured."""


def estimate_run(workspace: Workspace, recipe: Recipe, dataset: Dataset) -> Estimate | None:
    """Return how long the epochs of this recipe would take; None without a run of its kind."""
    for run in list_runs(workspace):
        if run.state != "done" or _find_kind(run.recipe) != _find_kind(recipe):
            continue
        known = curve(read_events(workspace.run_folder(run.id))[0])
        photos = _count_photos(workspace, run.recipe)
        if known and photos:
            mean = sum(float(epoch["seconds"]) for epoch in known) / len(known)
            share = _count_train(dataset, recipe) / photos
            return Estimate(seconds=share * recipe.epochs * mean, run=run)
    return None


def _find_kind(recipe: Recipe) -> tuple[object, ...]:
    """Return the settings that runs of one kind share."""
    return recipe.strategy, recipe.trained_stages, recipe.precision, recipe.photo_side


@lru_cache(maxsize=64)
def _count_photos(workspace: Workspace, recipe: Recipe) -> int:
    """Return how many photos a run was trained on; 0 where its dataset was deleted."""
    try:
        return _count_train(read_dataset(workspace, recipe.dataset), recipe)
    except DatasetMissing:
        return 0


def _count_train(dataset: Dataset, recipe: Recipe) -> int:
    return int(np.sum(dataset.choose_splits(recipe.split_seed) == "train"))
