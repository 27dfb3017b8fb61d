"""Fetch weights in a job, then train the run that waits for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import WeightsDamaged
from core.runs.jobs import Report, start_job
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import Recipe
from core.workspace import Workspace
from models.weights import Weights, download_weights


def start_fetch(workspace: Workspace, **run: str) -> None:
    """Start the job, unless it is running.

    Args:
        run: `dataset` and `name` of a run with the default recipe, which waits for the weights.
    """
    start_job(workspace, find_fetch(workspace), "weights", {"run": run})


def find_fetch(workspace: Workspace) -> Path:
    """Return the folder of the job."""
    return workspace.downloads / "weights-pretrained"


def probe_weights(workspace: Workspace, weights: Weights) -> None:
    """Build the backbone of new weights and check its features.

    Raises:
        WeightsDamaged: The features are useless; the file was deleted.
    """
    from models.keras_backbone import make_backbone  # loads Keras

    try:
        make_backbone(workspace, weights, "resnet")
    except WeightsDamaged:
        if weights.file is not None and weights.file.parent == workspace.weights:
            weights.file.unlink(missing_ok=True)
        raise


def fetch_weights(
    workspace: Workspace, parameters: Mapping[str, Any], report: Report
) -> Mapping[str, Any]:
    """Do the job and return the submitted run, if any."""
    run = parameters["run"]
    found = download_weights(workspace, lambda done, total: report("downloading", done, total))
    report("checking the weights", 0, 0)
    probe_weights(workspace, found)
    if "dataset" not in run:
        return {}
    recipe = Recipe(dataset=run["dataset"], weights=found.name, weights_digest=found.digest)
    record, _ = submit_run(workspace, recipe, run["name"])
    ensure_scheduler(workspace)
    return {"run": record.id}
