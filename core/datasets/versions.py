"""Deleting a dataset version: never one that something rests on, unless that is forced.

Its features, views, analyses and the edits in its tray go with it. Other versions stay whole: they
have links or copies of the photos that they share with it.
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
    """What rests on a dataset."""

    runs: tuple[RunRecord, ...]
    children: tuple[DatasetSummary, ...]
    """Versions made of it by edits; they stay whole without it."""
    busy: bool = False
    """An analysis of it is being made."""

    @property
    def nothing(self) -> bool:
        return not self.runs and not self.children

    @property
    def going(self) -> tuple[RunRecord, ...]:
        """Run that a worker has, or that wait for one."""
        return tuple(run for run in self.runs if not run.has_ended)


def list_uses(workspace: Workspace, dataset_id: str) -> Uses:
    """Return what rests on a dataset: runs, newest first, and versions made of it."""
    with read_database(workspace) as connection:
        return _list_uses(workspace, connection, dataset_id)


def delete_version(workspace: Workspace, dataset_id: str, force: bool = False) -> Uses:
    """Return what lost its dataset.

    Args:
        force: Delete it also when runs or other versions rest on it.

    Raises:
        DatasetInUse: Something rests on it and it was not forced; or a run or an analysis is going
            or waiting, forced or not.
        DatasetMissing: There is no such dataset.
    """
    check_identifier(dataset_id)
    # The write lock of the database: no run on the dataset is queued or begun meanwhile.
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
    """Return in words what rests on a dataset: “2 runs (“a”, “b”) and 1 version (“c”)”; or ""."""
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
    if uses.going:
        raise DatasetInUse(
            f"The dataset is being used by {_list_names([run.name for run in uses.going])}, "
            "which has not ended.",
            "Stop the run or wait for its end, then delete the dataset.",
            dataset=dataset_id,
        )
    if uses.busy:
        raise DatasetInUse(
            "The dataset is being analysed.",
            "Wait for the end of the analysis, then delete the dataset.",
            dataset=dataset_id,
        )
    if not uses.nothing and not force:
        raise DatasetInUse(
            f"The dataset is used by {describe_uses(uses)}.",
            "Delete these first, or force it: the runs keep their figures but lose their photos.",
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
    # One that the command line made has no job.json, one that is going has no result yet.
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
