"""The dataset versions of a workspace: read, list, compare, rename, delete."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.errors import DatasetMissing, PetalscopeError, ResultDamaged
from core.workspace import Workspace, digest_file, write_json
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


@dataclass(frozen=True, kw_only=True)
class DatasetSummary:
    """A dataset in a list, with counts of photos, classes and skipped photos, or its problem."""

    id: str
    name: str
    created: str = ""
    photos: int = 0
    classes: int = 0
    set_aside: int = 0
    parent: str | None = None
    ancestors: tuple[str, ...] = ()
    """Ids of all earlier versions, deleted ones too, from the import to the parent."""
    edition: int = 1
    problem: str | None = None


def write_facts(folder: Path, facts: Mapping[str, object]) -> None:
    """Write dataset.json, the last file: facts, with size and digest of all other files."""
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": digest_file(folder / name)}
        for name in FILES
    }
    write_json(folder / FACTS, {"version": VERSION, **facts, "files": files})


def read_dataset(workspace: Workspace, dataset_id: str) -> Dataset:
    """Return a dataset version.

    Raises:
        BadIdentifier: The id is malformed.
        DatasetMissing: There is no such dataset.
        ResultDamaged: A file is incomplete or altered.
    """
    folder = workspace.dataset_folder(dataset_id)
    facts = read_facts(folder)
    # The tables are small enough to be read twice; for photos only the size is checked here.
    _check_digests(folder, facts, MANIFEST, SET_ASIDE)
    plain = ("name", "source", "created", "split_origin", "parent", "edition")
    tables = [pd.read_parquet(folder / name) for name in (MANIFEST, SET_ASIDE)]
    pa.default_memory_pool().release_unused()  # 180 MB for a million photos
    return Dataset(
        **{fact: facts[fact] for fact in plain},
        id=dataset_id,
        classes=tuple(facts["classes"]),
        numbers=tuple(facts["numbers"]),
        packing=facts.get("packing", 1),
        folder=folder,
        manifest=tables[0],
        set_aside=tables[1],
    )


def check_photos(dataset: Dataset) -> None:
    """Check that no byte of the photos has changed since the import (about 1 s per GB).

    Raises:
        ResultDamaged: They were altered.
    """
    _check_digests(dataset.folder, read_facts(dataset.folder), PHOTOS, THUMBNAILS, ORIGINALS)


def read_whole(workspace: Workspace, dataset_id: str) -> Dataset | None:
    """Return a dataset with unaltered photos, or None if it is missing or damaged."""
    try:
        existing = read_dataset(workspace, dataset_id)
        check_photos(existing)
    except (DatasetMissing, ResultDamaged):
        return None
    return existing


def list_datasets(workspace: Workspace) -> list[DatasetSummary]:
    """Return all datasets, newest first; damaged ones with their problem."""
    folders = [folder for folder in workspace.datasets.glob("[!.]*") if folder.is_dir()]
    summaries = [_summarise(folder) for folder in sorted(folders)]
    return sorted(summaries, key=lambda summary: summary.created, reverse=True)


def rename_dataset(workspace: Workspace, dataset_id: str, name: str) -> None:
    """Change the name on screen; the id stays.

    Raises:
        DatasetMissing: There is no such dataset.
        ResultDamaged: The dataset is damaged.
    """
    folder = workspace.dataset_folder(dataset_id)
    write_json(folder / FACTS, read_facts(folder) | {"name": name.strip() or dataset_id})


def hide_dataset(workspace: Workspace, dataset_id: str) -> Path:
    """Move a dataset out of the list and return its new folder, to be removed.

    Raises:
        DatasetMissing: There is no such dataset.
    """
    folder = workspace.dataset_folder(dataset_id)
    hidden = folder.with_name(f".deleted-{os.urandom(4).hex()}-{dataset_id}")
    try:
        folder.rename(hidden)
    except FileNotFoundError as error:
        raise _report_missing(dataset_id) from error
    return hidden


def _summarise(folder: Path) -> DatasetSummary:
    try:
        facts = read_facts(folder)
    except PetalscopeError as error:
        return DatasetSummary(id=folder.name, name=folder.name, problem=error.problem)
    plain = ("name", "created", "photos", "set_aside", "parent", "edition")
    return DatasetSummary(
        **{fact: facts[fact] for fact in plain},
        id=folder.name,
        classes=len(facts["classes"]),
        ancestors=tuple(facts.get("ancestors") or filter(None, [facts["parent"]])),
    )


def read_facts(folder: Path) -> dict[str, Any]:
    """Return dataset.json after a check of the sizes of all files.

    Raises:
        DatasetMissing: There is no such dataset.
        ResultDamaged: A file is incomplete, altered or missing.
    """
    if not folder.is_dir():
        raise _report_missing(folder.name)
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if facts["version"] != VERSION:
            raise report_damage(folder, "another version of the program made it")
        for name in FILES:
            if (folder / name).stat().st_size != facts["files"][name]["bytes"]:
                raise report_damage(folder, f"{name} is incomplete or altered")
    except FileNotFoundError as error:
        raise report_damage(folder, f"{Path(error.filename).name} is missing") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise report_damage(folder, f"{FACTS} was altered") from error
    return facts


def _check_digests(folder: Path, facts: Mapping[str, Any], *names: str) -> None:
    for name in names:
        path = folder / name
        if not path.exists():
            raise report_damage(folder, f"{name} is missing")
        if digest_file(path) != facts["files"][name]["sha256"]:
            raise report_damage(folder, f"{name} was altered")


def _report_missing(dataset_id: str) -> DatasetMissing:
    return DatasetMissing(
        f"There is no dataset “{dataset_id}” in this workspace.",
        "Choose one from the list, or import it.",
        dataset=dataset_id,
    )


def report_damage(folder: Path, what: str) -> ResultDamaged:
    """Return the error for a damaged dataset."""
    return ResultDamaged(
        f"The dataset “{folder.name}” is damaged: {what}.",
        "Import it again; the same photos give the same dataset.",
        dataset=folder.name,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Differences:
    """The differences of a dataset b from a dataset a; rows are in the order of photos.

    Photos match by path and content, else by content alone, as after a move to another folder.
    """

    added: pd.DataFrame
    """Columns photo (number in b), path, class, split."""
    removed: pd.DataFrame
    """Columns photo (number in a), path, class, split."""
    relabelled: pd.DataFrame
    """Columns photo (number in b), photo_before (number in a), path, class, new_class."""
    moved: pd.DataFrame
    """Columns photo (number in b), photo_before (number in a), path, split, new_split."""
    unchanged: int
    """Photos with the same class and split in both."""
    new_classes: tuple[str, ...]
    gone_classes: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether both hold the same photos in the same classes and splits."""
        tables = (self.added, self.removed, self.relabelled, self.moved)
        return not any(len(table) for table in tables)


def compare_versions(a: Dataset, b: Dataset) -> Differences:
    """Return the differences of `b` from `a`, any two datasets."""
    before, after = match_photos(a.manifest, b.manifest)
    old = a.manifest[["path", "class", "split"]].iloc[before].reset_index(drop=True)
    new = b.manifest[["path", "class", "split"]].iloc[after].reset_index(drop=True)
    both = pd.DataFrame({"photo": after, "photo_before": before, "path": new["path"]})
    other_class = np.asarray(old["class"] != new["class"], dtype=bool)
    other_split = np.asarray(old["split"] != new["split"], dtype=bool)

    def list_changed(changed: np.ndarray, column: str) -> pd.DataFrame:
        values = both.assign(**{column: old[column], f"new_{column}": new[column]})
        return values[changed].reset_index(drop=True)

    return Differences(
        added=_list_others(b.manifest, after),
        removed=_list_others(a.manifest, before),
        relabelled=list_changed(other_class, "class"),
        moved=list_changed(other_split, "split"),
        unchanged=int((~other_class & ~other_split).sum()),
        new_classes=tuple(name for name in b.classes if name not in a.classes),
        gone_classes=tuple(name for name in a.classes if name not in b.classes),
    )


def match_photos(a: pd.DataFrame, b: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows in a and in b of photos in both, (m,) int64 each, ordered by row in b."""
    pairs = _match_by(a, b, ["path", "sha256"])
    rest_a, rest_b = a.drop(index=pairs["before"]), b.drop(index=pairs["after"])
    pairs = pd.concat([pairs, _match_by(rest_a, rest_b, ["sha256"])]).sort_values("after")
    return pairs["before"].to_numpy(np.int64), pairs["after"].to_numpy(np.int64)


def list_lineage(workspace: Workspace, dataset_id: str) -> list[DatasetSummary]:
    """Return all versions that go back to the same import, oldest first."""
    summaries = list_datasets(workspace)
    family = {dataset_id}
    size = 0
    while len(family) > size:
        size = len(family)
        for summary in summaries:
            links = {summary.id, *summary.ancestors}
            if links & family:
                family |= links
    members = [summary for summary in summaries if summary.id in family]
    return sorted(members, key=lambda summary: (summary.edition, summary.created, summary.id))


def _match_by(a: pd.DataFrame, b: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return columns before, after: indices of rows with equal values, paired in order."""
    left = a[columns].assign(turn=a.groupby(columns).cumcount(), before=a.index)
    right = b[columns].assign(turn=b.groupby(columns).cumcount(), after=b.index)
    return left.merge(right, on=[*columns, "turn"])[["before", "after"]]


def _list_others(manifest: pd.DataFrame, known: np.ndarray) -> pd.DataFrame:
    others = manifest[["path", "class", "split"]].drop(index=known)
    return others.rename_axis("photo").reset_index()
