"""The dataset versions of a workspace: read, listed, renamed, deleted; damage is noticed.

dataset.json is written last and names size and digest of the other files, so a folder is a whole
dataset or says what is wrong with it.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import DatasetMissing, PetalscopeError, ResultDamaged
from core.workspace import Workspace, digest_file, write_atomically
from data.dataset import (
    FACTS,
    FILES,
    MANIFEST,
    ORIGINALS,
    PHOTOS,
    SET_ASIDE,
    THUMBNAILS,
    VERSION,
    Dataset,
)
from data.splits import SPLITS

__all__ = ["SPLITS", "Dataset", "DatasetSummary", "list_datasets", "read_dataset"]


@dataclass(frozen=True, kw_only=True)
class DatasetSummary:
    """A dataset in a list: counts of photos, classes and photos set aside; a problem if damaged."""

    id: str
    name: str
    created: str = ""
    photos: int = 0
    classes: int = 0
    set_aside: int = 0
    parent: str | None = None
    ancestors: tuple[str, ...] = ()
    """Ids of the parent and of all before it, deleted ones too; the import first."""
    edition: int = 1
    problem: str | None = None


def write_facts(folder: Path, facts: Mapping[str, object]) -> None:
    """Writes dataset.json last: facts, and size and digest of the files that must be there."""
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": digest_file(folder / name)}
        for name in FILES
    }
    _write_json(folder / FACTS, {"version": VERSION, **facts, "files": files})


def read_dataset(workspace: Workspace, dataset_id: str) -> Dataset:
    """Returns a dataset version.

    Raises:
        BadIdentifier: The id is none.
        DatasetMissing: There is no dataset of that id.
        ResultDamaged: A file of it was cut short or altered.
    """
    folder = workspace.dataset_folder(dataset_id)
    facts = _read_facts(folder)
    # The tables are small enough to be read twice; of the photos only the size is checked here.
    _check_digests(folder, facts, MANIFEST, SET_ASIDE)
    return Dataset(
        id=dataset_id,
        name=facts["name"],
        source=facts["source"],
        created=facts["created"],
        split_origin=facts["split_origin"],
        classes=tuple(facts["classes"]),
        numbers=tuple(facts["numbers"]),
        parent=facts["parent"],
        edition=facts["edition"],
        folder=folder,
        manifest=pd.read_parquet(folder / MANIFEST),
        set_aside=pd.read_parquet(folder / SET_ASIDE),
    )


def check_photos(dataset: Dataset) -> None:
    """Returns nothing when all photos are, byte for byte, as imported (about 1 s a GB).

    Raises:
        ResultDamaged: They were altered.
    """
    _check_digests(dataset.folder, _read_facts(dataset.folder), PHOTOS, THUMBNAILS, ORIGINALS)


def list_datasets(workspace: Workspace) -> list[DatasetSummary]:
    """Returns all datasets of the workspace, newest first; damaged ones say what is wrong."""
    folders = [folder for folder in workspace.datasets.glob("[!.]*") if folder.is_dir()]
    summaries = [_summarise(folder) for folder in sorted(folders)]
    return sorted(summaries, key=lambda summary: summary.created, reverse=True)


def rename_dataset(workspace: Workspace, dataset_id: str, name: str) -> None:
    """Changes the name that is shown; the version stays what it is.

    Raises:
        DatasetMissing: There is no dataset of that id.
        ResultDamaged: It is damaged.
    """
    folder = workspace.dataset_folder(dataset_id)
    _write_json(folder / FACTS, _read_facts(folder) | {"name": name.strip() or dataset_id})


def delete_dataset(workspace: Workspace, dataset_id: str) -> None:
    """Removes a dataset; for others it is gone at once, not file by file.

    Raises:
        DatasetMissing: There is no dataset of that id.
    """
    folder = workspace.dataset_folder(dataset_id)
    hidden = folder.with_name(f".deleted-{os.urandom(4).hex()}-{dataset_id}")
    try:
        folder.rename(hidden)
    except FileNotFoundError as error:
        raise _report_missing(dataset_id) from error
    shutil.rmtree(hidden)


def _summarise(folder: Path) -> DatasetSummary:
    try:
        facts = _read_facts(folder)
    except PetalscopeError as error:
        return DatasetSummary(id=folder.name, name=folder.name, problem=error.problem)
    return DatasetSummary(
        id=folder.name,
        name=facts["name"],
        created=facts["created"],
        photos=facts["photos"],
        classes=len(facts["classes"]),
        set_aside=facts["set_aside"],
        parent=facts["parent"],
        ancestors=tuple(facts.get("ancestors") or filter(None, [facts["parent"]])),
        edition=facts["edition"],
    )


def _read_facts(folder: Path) -> dict[str, Any]:
    """Returns dataset.json once the files it names have the sizes it says."""
    if not folder.is_dir():
        raise _report_missing(folder.name)
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if facts["version"] != VERSION:
            raise _report_damage(folder, "it was made by another version of the program")
        for name in FILES:
            if (folder / name).stat().st_size != facts["files"][name]["bytes"]:
                raise _report_damage(folder, f"{name} was cut short or altered")
    except FileNotFoundError as error:
        raise _report_damage(folder, f"{Path(error.filename).name} is missing") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _report_damage(folder, f"{FACTS} was altered") from error
    return facts


def _check_digests(folder: Path, facts: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if digest_file(folder / name) != facts["files"][name]["sha256"]:
            raise _report_damage(folder, f"{name} was altered")


def _write_json(file: Path, content: Mapping[str, object]) -> None:
    with write_atomically(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def _report_missing(dataset_id: str) -> DatasetMissing:
    return DatasetMissing(
        f"There is no dataset “{dataset_id}” in this workspace.",
        "Choose one from the list, or import it.",
        dataset=dataset_id,
    )


def _report_damage(folder: Path, what: str) -> ResultDamaged:
    return ResultDamaged(
        f"The dataset “{folder.name}” is damaged: {what}.",
        "Import it again; the same photos give the same dataset.",
        dataset=folder.name,
    )
