"""The files of a run: whether its result is whole, and what goes when the run is deleted.

result.json names the digests of the other files; it is written last and removed first. Standard
library and SQLAlchemy only: the queue asks this inside the scheduler, which never loads NumPy.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from core.runs.recipe.recipe import Recipe
from core.runs.tables import openings_table, runs_table
from core.workspace import Workspace, check_identifier, digest_file

ARRAYS_FILE = "result.npz"
HEAD_FILE = "head.npz"
FACTS_FILE = "result.json"
VERSION = 1
_BACKBONE_FACTS = "backbone.json"


def is_result_whole(folder: Path) -> bool:
    """Return whether the result is there and no file of it was cut short or altered."""
    try:
        facts = read_facts(folder)
        names = {ARRAYS_FILE, HEAD_FILE, *facts["digests"]}  # tuned weights, too, where there are
        return all(is_file_whole(folder, name, facts) for name in names)
    except (FileNotFoundError, ValueError):
        return False


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what result.json says.

    Raises:
        FileNotFoundError: There is no result (yet).
        ValueError: It was cut short, altered, or written by another version of the program.
    """
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    if not isinstance(facts, dict) or facts.get("version") != VERSION or "digests" not in facts:
        raise ValueError(f"{FACTS_FILE} is not of version {VERSION}")
    return facts


def is_file_whole(folder: Path, name: str, facts: dict[str, Any]) -> bool:
    """Return whether a file is there with the digest that result.json says."""
    path = folder / name
    return path.exists() and digest_file(path) == facts["digests"].get(name)


def delete_rows(connection: Connection, run_id: str) -> None:
    """Delete the run, and what was counted of it, from the database."""
    connection.execute(runs_table.delete().where(runs_table.c.id == run_id))
    connection.execute(openings_table.delete().where(openings_table.c.run == run_id))


def delete_tuned_backbone(workspace: Workspace, folder: Path, recipe: Recipe) -> None:
    """Delete the backbone that a run tuned, and features and maps by it.

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
    """Return the id of the backbone that gave the result in a folder; None without one."""
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
