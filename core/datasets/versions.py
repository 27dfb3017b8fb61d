"""Delete a dataset version, with its features, analyses and edits.

Other versions stay whole: they have links or copies of shared photos.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete

from core.errors import DatasetInUse
from core.formats import count
from core.runs.database import read_database, write_database
from core.runs.locks import is_locked
from core.runs.run_files import read_json
from core.runs.store import RunRecord, select_runs
from core.runs.tables import edits_table, runs_table
from core.runs.training.preparing import delete_features
from core.workspace import Workspace, check_identifier
from data.manifest import DatasetSummary, hide_dataset, list_datasets

_MOST_NAMES = 5


@dataclass(frozen=True, kw_only=True)
class Uses:
    """The runs and versions that depend on a dataset."""

    runs: tuple[RunRecord, ...]
    children: tuple[DatasetSummary, ...]
    """Versions made from it; they stay whole without it."""
    busy: bool = False
    """Whether an analysis of it is running."""

    @property
    def nothing(self) -> bool:
        return not self.runs and not self.children


def list_uses(workspace: Workspace, dataset_id: str) -> Uses:
    """Return the runs, newest first, and the versions that depend on a dataset."""
    with read_database(workspace) as connection:
        return _list_uses(workspace, connection, dataset_id)


def delete_version(workspace: Workspace, dataset_id: str, force: bool = False) -> Uses:
    """Delete a version and return its uses.

    Args:
        force: Delete it although runs or other versions depend on it.

    Raises:
        DatasetInUse: A run or version depends on it, or (forced or not) a run or analysis of it is
            queued or running.
        DatasetMissing: There is no such dataset.
    """
    check_identifier(dataset_id)
    # The write lock of the database: no run on the dataset is queued or started during this.
    with write_database(workspace) as connection:
        uses = _list_uses(workspace, connection, dataset_id)
        _check_free(uses, dataset_id, force)
        hidden = hide_dataset(workspace, dataset_id)
        connection.execute(delete(edits_table).where(edits_table.c.dataset == dataset_id))
    shutil.rmtree(hidden, ignore_errors=True)
    delete_features(workspace, dataset_id)
    for folder in _list_analyses(workspace, dataset_id):
        shutil.rmtree(folder, ignore_errors=True)
    return uses


def describe_uses(uses: Uses) -> str:
    """Return the uses in words: “2 runs (“a”, “b”) and 1 version (“c”)”; or ""."""
    parts = [
        f"{count(len(names), noun)} ({_list_names(names)})"
        for noun, names in (
            ("run", [run.name for run in uses.runs]),
            ("version", [child.name for child in uses.children]),
        )
        if names
    ]
    return " and ".join(parts)


def _check_free(uses: Uses, dataset_id: str, force: bool) -> None:
    if running := [run.name for run in uses.runs if not run.has_ended]:
        raise DatasetInUse(
            f"A run uses this dataset: {_list_names(running)}.",
            "Stop the run or wait until it ends, then delete the dataset.",
            dataset=dataset_id,
        )
    if uses.busy:
        raise DatasetInUse(
            "An analysis of this dataset is running.",
            "Wait until it ends, then delete the dataset.",
            dataset=dataset_id,
        )
    if not uses.nothing and not force:
        raise DatasetInUse(
            f"The dataset is used by {describe_uses(uses)}.",
            "Delete these first, or force it: the runs keep their numbers but lose their photos.",
            dataset=dataset_id,
            runs=[run.id for run in uses.runs],
            children=[child.id for child in uses.children],
        )


def _list_uses(workspace: Workspace, connection: Connection, dataset_id: str) -> Uses:
    summaries = list_datasets(workspace)
    return Uses(
        runs=tuple(select_runs(connection, runs_table.c.dataset == dataset_id)),
        children=tuple(summary for summary in summaries if summary.parent == dataset_id),
        busy=any(is_locked(f / "job.lock") for f in _list_analyses(workspace, dataset_id)),
    )


def _list_analyses(workspace: Workspace, dataset_id: str) -> list[Path]:
    """Return the folders of analyses of the dataset, complete or not."""
    # A finished one may have no job.json, a running one has no result yet.
    return [
        folder
        for folder in workspace.analyses.glob("[!.]*")
        if any(
            read_json(folder / name).get("dataset") == dataset_id
            for name in ("job.json", "result/facts.json")
        )
    ]


def _list_names(names: list[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:_MOST_NAMES])
    return shown + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "")
