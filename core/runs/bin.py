"""The bin: runs and datasets that were deleted, whole, for 30 days.

A folder only moves: bin/<kind>/<id>/, what went with it inside.
"""

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import NotInBin
from core.runs.database import write_database
from core.runs.repairing import read_folders
from core.runs.run_files import WITH_IT, read_json
from core.workspace import Workspace, check_identifier

KEEP_DAYS = 30
_FACTS = {"run": "run.json", "dataset": "dataset.json"}


@dataclass(frozen=True, kw_only=True)
class Binned:
    """What lies in the bin."""

    kind: str
    id: str
    name: str
    deleted: datetime

    @property
    def days_left(self) -> int:
        """Whole days until it is gone."""
        return max(0, KEEP_DAYS - (datetime.now(UTC) - self.deleted).days)


def throw_away(workspace: Workspace, kind: str, thing: str, folder: Path) -> Path:
    """Return where the folder is now; one of the same id that was there is gone, and old ones."""
    sweep_bin(workspace)
    place = workspace.bin / kind / thing
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove(workspace, place)
    folder.replace(place)  # one step: nothing half-deleted is ever seen
    os.utime(place)
    return place


def list_binned(workspace: Workspace) -> list[Binned]:
    """Return what was deleted, the last first."""
    found = []
    for place in _list_places(workspace):
        facts, kind = read_json(place / _FACTS[place.parent.name]), place.parent.name
        name = str(facts.get("name") or f"{kind.title()} {facts.get('number') or place.name}")
        deleted = datetime.fromtimestamp(place.stat().st_mtime, UTC)
        found.append(Binned(kind=kind, id=place.name, name=name, deleted=deleted))
    return sorted(found, key=lambda one: one.deleted, reverse=True)


def put_back(workspace: Workspace, kind: str, thing: str) -> None:
    """Put a run or a dataset back where it was; a dataset's features are computed when wanted.

    Raises:
        NotInBin: It is not there, or the same was made again since.
    """
    binned = workspace.bin / kind / check_identifier(thing)
    place = workspace.run_folder(thing) if kind == "run" else workspace.dataset_folder(thing)
    if binned not in _list_places(workspace) or place.exists():
        why = "made again since" if place.exists() else "not in the bin (any more)"
        raise NotInBin(f"This {kind} is {why}.", "Look at the list of what is in the bin.")
    with write_database(workspace) as connection:
        binned.replace(place)
        for part in place.glob(f"{WITH_IT}/*/*"):
            if not (target := workspace.root / part.parent.name / part.name).exists():
                part.replace(target)
        shutil.rmtree(place / WITH_IT, ignore_errors=True)
        if kind == "run":
            read_folders(workspace, connection)


def empty_bin(workspace: Workspace) -> None:
    """Delete for good what is in the bin."""
    sweep_bin(workspace, keep_days=0)


def sweep_bin(workspace: Workspace, keep_days: float = KEEP_DAYS) -> None:
    """Delete for good what was deleted longer ago."""
    for place in _list_places(workspace):
        with suppress(FileNotFoundError):  # another was faster
            if abs(time.time() - place.stat().st_mtime) >= 86_400 * keep_days:
                _remove(workspace, place)


def _list_places(workspace: Workspace) -> list[Path]:
    return [place for kind in _FACTS for place in sorted(workspace.bin.glob(f"{kind}/*"))]


def _remove(workspace: Workspace, place: Path) -> None:
    if place.exists():
        workspace.temporary.mkdir(parents=True, exist_ok=True)
        rubbish = workspace.temporary / f"deleted-{os.urandom(4).hex()}"
        place.replace(rubbish)
        shutil.rmtree(rubbish, ignore_errors=True)
