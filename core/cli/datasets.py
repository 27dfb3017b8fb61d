"""`datasets`: the datasets of the workspace as a table; versions compared, renamed and deleted."""

import argparse
from typing import Any

import pandas as pd

from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.tables import format_table
from core.datasets.versions import delete_version, describe_uses
from core.errors import DatasetInUse
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import (
    DatasetSummary,
    compare_versions,
    list_datasets,
    read_dataset,
    rename_dataset,
)
from data.splits import SPLITS

_MOST_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="list|compare|rename|delete")
    for name, what in (
        ("list", "list the datasets, newest first"),
        ("compare", "show what is different in B from A"),
        ("rename", "change the name that is shown"),
        ("delete", "delete a dataset with its features, analyses and edits"),
    ):
        action = actions.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        action.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print one JSON document on stdout",
        )
        if name == "compare":
            action.add_argument("a", metavar="A", help=DATASET_HELP)
            action.add_argument("b", metavar="B", help="the same of another dataset")
        elif name != "list":
            action.add_argument("dataset", metavar="DATASET", help=DATASET_HELP)
        if name == "rename":
            action.add_argument("name", metavar="NAME", help="the new name")
        if name == "delete":
            action.add_argument(
                "--force", action="store_true", help="also when runs or versions rest on it"
            )


def run(workspace: Workspace, arguments: argparse.Namespace, _progress: ProgressLine) -> Outcome:
    if arguments.action == "compare":
        a, b = (
            read_dataset(workspace, choose_dataset(workspace, text))
            for text in (arguments.a, arguments.b)
        )
        return _compare(a, b)
    if arguments.action == "rename":
        return _rename(workspace, choose_dataset(workspace, arguments.dataset), arguments.name)
    if arguments.action == "delete":
        return _delete(workspace, choose_dataset(workspace, arguments.dataset), arguments.force)
    return _list(workspace)


def _list(workspace: Workspace) -> Outcome:
    summaries = list_datasets(workspace)
    if not summaries:
        return Outcome(
            text="No dataset yet. Make one: python -m core import sample", document={"datasets": []}
        )
    headings = ("id", "name", "photos", "classes", "set aside", "made of", "created (UTC)")
    return Outcome(
        text=format_table((*headings, "problem"), [_row(summary) for summary in summaries]),
        document={"datasets": [vars(summary) for summary in summaries]},
    )


def _row(summary: DatasetSummary) -> list[str]:
    return [
        summary.id,
        summary.name,
        f"{summary.photos:,}",
        f"{summary.classes:,}",
        f"{summary.set_aside:,}",
        summary.parent or "",
        summary.created[:16].replace("T", " "),
        summary.problem or "",
    ]


def _compare(a: Dataset, b: Dataset) -> Outcome:
    differences = compare_versions(a, b)
    tables = {
        name: getattr(differences, name) for name in ("added", "removed", "relabelled", "moved")
    }
    counts = ", ".join(f"{len(table):,} {name}" for name, table in tables.items())
    parts = [f"{b.name} against {a.name}: {counts}, {differences.unchanged:,} unchanged."]
    parts += [_format_table(name, table) for name, table in tables.items() if len(table)]
    return Outcome(
        text="\n\n".join(parts),
        document={
            "a": a.id,
            "b": b.id,
            **{name: table.to_dict("records") for name, table in tables.items()},
            "unchanged": differences.unchanged,
            "new_classes": differences.new_classes,
            "gone_classes": differences.gone_classes,
        },
    )


def _format_table(name: str, table: pd.DataFrame) -> str:
    columns = [column for column in table.columns if not column.startswith("photo")]
    rows = [[str(row[column]) for column in columns] for row in table.to_dict("records")]
    more = f"\n… and {len(rows) - _MOST_ROWS:,} more" if len(rows) > _MOST_ROWS else ""
    headings = [name, *(column.replace("_", " ") for column in columns[1:])]
    return format_table(headings, rows[:_MOST_ROWS]) + more


def _rename(workspace: Workspace, dataset_id: str, name: str) -> Outcome:
    rename_dataset(workspace, dataset_id, name)
    shown = read_dataset(workspace, dataset_id).name
    return Outcome(
        text=f"{dataset_id} is called {shown} now.", document={"id": dataset_id, "name": shown}
    )


def _delete(workspace: Workspace, dataset_id: str, force: bool) -> Outcome:
    try:
        uses = delete_version(workspace, dataset_id, force)
    except DatasetInUse as error:
        if error.facts.get("runs") or error.facts.get("children"):
            raise DatasetInUse(error.problem, f"{error.remedy} (--force)", **error.facts) from error
        raise
    lost = describe_uses(uses)
    return Outcome(
        text=f"{dataset_id} was deleted." + (f" It was used by {lost}." if lost else ""),
        document={
            "deleted": dataset_id,
            "runs": [run.id for run in uses.runs],
            "versions": [child.id for child in uses.children],
        },
    )


def dataset_document(dataset: Dataset) -> dict[str, Any]:
    """Returns what JSON output says of one dataset."""
    return {
        "id": dataset.id,
        "name": dataset.name,
        "source": dataset.source,
        "created": dataset.created,
        "parent": dataset.parent,
        "edition": dataset.edition,
        "photos": len(dataset),
        "classes": dataset.classes,
        "splits": {split: len(dataset.photo_numbers(split)) for split in SPLITS},
        "split_origin": dataset.split_origin,
        "set_aside": [
            {"path": row.path, "code": row.code, "problem": row.problem}
            for row in dataset.set_aside.itertuples()
        ],
    }
