"""Recipes, workers and copies of workspaces for tests that train for real, on random weights."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.runs.recipe.plans import Value
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_runs, read_run
from core.runs.training.study import TrialResult
from core.workspace import Workspace
from tests.forking import fork_worker
from tests.processes import PATIENCE_S

MEASURED = {"time", "event", "seconds", "photos_per_second"}
"""What of an epoch depends on the machine, not on the recipe."""


def leave_out_measures(epochs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a curve says of the learning, not of the machine."""
    return [{key: value for key, value in epoch.items() if key not in MEASURED} for epoch in epochs]


def make_recipe(workspace: Workspace, dataset_id: str, **changes: object) -> Recipe:
    """Return a recipe for a dataset of the workspace, by default with random weights."""
    from models.weights import find_weights

    settings: dict[str, object] = {"weights": "random", "epochs": 5, **changes}
    digest = find_weights(workspace, str(settings["weights"])).digest
    return Recipe(dataset=dataset_id, weights_digest=digest, **settings)  # type: ignore[arg-type]


def change_recipe(workspace: Workspace, **changes: object) -> Recipe:
    """Return the recipe of the trained workspace's run with some values changed."""
    return make_recipe(workspace, list_runs(workspace)[-1].recipe.dataset, **changes)


def make_trial(
    number: int, recipe: Recipe, settings: Mapping[str, Value], **changes: Any
) -> TrialResult:
    """Return a trial of a sweep as nobody trained it, of one epoch with an accuracy of 50 %."""
    epoch = {"val_accuracy": (0.5,), "val_loss": (1.0,), "best_epoch": 1}
    facts = {"recipe": recipe, "settings": {**settings}, "pruned": False, "seconds": 1.0, **epoch}
    return TrialResult(number=number, **facts | changes)


def train(workspace: Workspace, run: RunRecord) -> RunRecord:
    """Return the run after a worker process trained it, without a scheduler."""
    fork_worker(workspace, run, None, 5 * PATIENCE_S)
    return read_run(workspace, run.id)


def copy_workspace(source: Workspace, target: Workspace) -> None:
    """Copy a workspace; large files, which are never written in place, are linked.

    What pages have derived from its runs meanwhile stays behind: each test begins alike.
    """
    ignore = shutil.ignore_patterns("derived", "maps")
    shutil.copytree(
        source.root, target.root, ignore=ignore, copy_function=copy_or_link, dirs_exist_ok=True
    )


def copy_or_link(source: str, target: str) -> None:
    """Link a large file, copy a small one."""
    # The database and its log are written in place: two workspaces must not share them.
    if Path(source).stat().st_size > 1_000_000 and "petalscope.db" not in Path(source).name:
        with suppress(OSError):  # it lies on another file system
            os.link(source, target)
            return
    shutil.copy2(source, target)
