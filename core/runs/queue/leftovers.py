"""What is left when a run is deleted and belongs to nobody else: rows, the backbone that it tuned.

Standard library and SQLAlchemy only: the queue deletes, and the scheduler imports the queue.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from core.runs.integrity import read_facts
from core.runs.recipe.recipe import Recipe
from core.runs.tables import openings_table, runs_table
from core.workspace import Workspace, check_identifier

_BACKBONE_FACTS = "backbone.json"


def delete_rows(connection: Connection, run_id: str) -> None:
    """Returns nothing; the run and what was counted of it are gone from the database."""
    connection.execute(runs_table.delete().where(runs_table.c.id == run_id))
    connection.execute(openings_table.delete().where(openings_table.c.run == run_id))


def delete_tuned_backbone(workspace: Workspace, folder: Path, recipe: Recipe) -> None:
    """Returns nothing; the backbone that a run tuned, and features and maps by it, are gone.

    Those that it was given, and one that another run has too, stay.

    Args:
        workspace: Where the backbones are.
        folder: The run's own folder, already out of its place.
        recipe: The run's.
    """
    backbone = _find_backbone(folder)
    if not recipe.trained_stages or backbone is None:
        return
    if backbone in (_find_backbone(other) for other in workspace.runs.glob("[!.]*")):
        return
    tuned = workspace.backbone_folder(backbone)
    if _read_json(tuned / _BACKBONE_FACTS).get("weights_digest") in (None, recipe.weights_digest):
        return  # the best epoch was one in which nothing of it was trained
    for facts in _list_features(workspace, backbone):
        facts.unlink(missing_ok=True)  # first: without it they are not read
        facts.with_suffix(".npy").unlink(missing_ok=True)
    for maps in workspace.maps.glob(f"*/{backbone}-*"):
        shutil.rmtree(maps, ignore_errors=True)
    shutil.rmtree(tuned, ignore_errors=True)


def _find_backbone(folder: Path) -> str | None:
    """Returns the id of the backbone that gave the result in a folder; None without one."""
    try:
        return check_identifier(str(read_facts(folder)["backbone_id"]))
    except (OSError, ValueError, KeyError):
        return None


def _list_features(workspace: Workspace, backbone: str) -> Iterator[Path]:
    for file in workspace.features.glob("[!.]*.json"):
        if _read_json(file).get("backbone") == backbone:
            yield file


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
