"""The estimated time of a run, from the last run of its kind.

Runs of one kind train the same part of the network in the same precision. The mean time of an epoch
is scaled by the training photos.
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
    """The estimated time of all epochs, and the measured run."""

    seconds: float
    run: RunRecord


def estimate_run(workspace: Workspace, recipe: Recipe, dataset: Dataset) -> Estimate | None:
    """Return the estimated time of a recipe; None without a run of its kind."""
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
    """Return the number of training photos of a run; 0 where its dataset was deleted."""
    try:
        return _count_train(read_dataset(workspace, recipe.dataset), recipe)
    except DatasetMissing:
        return 0


def _count_train(dataset: Dataset, recipe: Recipe) -> int:
    return int(np.sum(dataset.choose_splits(recipe.split_seed) == "train"))
