"""A job that fetches weights and then trains what waited for them; a reload does not end it.

`python -m core.runs.fetching FOLDER`, as core/runs/jobs.py starts it.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import WeightsDamaged
from core.runs.jobs import JobStatus, Tell, read_job, run_job, start_job
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import Recipe
from core.workspace import Workspace, open_workspace
from models.downloads import download_weights
from models.weights import Weights


def start_fetch(workspace: Workspace, **run: str) -> None:
    """Start the job, unless it is running.

    Args:
        run: `dataset`, to train its usual recipe when they are here; `name` of that run.
    """
    start_job(workspace, _folder(workspace), "core.runs.fetching", {"run": run})


def read_fetch(workspace: Workspace) -> JobStatus | None:
    """Return the state of the job; None when it was never started."""
    return read_job(_folder(workspace))


def probe_weights(workspace: Workspace, weights: Weights) -> None:
    """Build the network of weights that came new, and see what it makes of a few drawn photos.

    Raises:
        WeightsDamaged: No features; the file was removed.
    """
    from models.keras_backbone import make_backbone  # loads Keras

    try:
        make_backbone(workspace, weights, "resnet")
    except WeightsDamaged:
        if weights.file is not None and weights.file.parent == workspace.weights:
            weights.file.unlink(missing_ok=True)
        raise


def _folder(workspace: Workspace) -> Path:
    return workspace.downloads / "weights-pretrained"


def _fetch(parameters: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
    workspace, run = open_workspace(), parameters["run"]
    found = download_weights(workspace, lambda done, total: tell("downloading", done, total))
    tell("building its network, to check it", 0, 0)
    probe_weights(workspace, found)
    if "dataset" not in run:
        return {}
    recipe = Recipe(dataset=run["dataset"], weights=found.name, weights_digest=found.digest)
    record, _ = submit_run(workspace, recipe, run["name"])
    ensure_scheduler(workspace)
    return {"run": record.id}


if __name__ == "__main__":
    run_job(Path(sys.argv[1]), _fetch)
