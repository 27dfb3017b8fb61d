"""`import` and `datasets`: a dataset from any source; versions listed, compared and deleted."""

import os
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from core.cli.choosing import (
    DATASET,
    DATASET_HELP,
    choose_dataset,
    choose_run,
    count_opening,
    read_chosen,
    read_run_of,
)
from core.cli.command import command, flag, number, option
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.datasets.photo_table import ABSENT, describe_answers, describe_photos, write_photos
from core.datasets.quality.store import read_quality
from core.datasets.query import parse_query
from core.datasets.tags import read_tags
from core.datasets.versions import delete_version, describe_uses
from core.errors import DatasetInUse
from core.formats import count, size
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import keep_dataset, make_staging_folder, prepare_dataset
from data.manifest import (
    DatasetSummary,
    compare_versions,
    list_datasets,
    read_dataset,
    rename_dataset,
)
from data.report import ClassCount, ImportReport
from data.sources.catalogue import SOURCES
from data.sources.found import SourceRequest
from data.splits import SPLITS

_MOST_ROWS = 20
_FILES = [
    option(
        f"--{field.name}",
        f"{source.kind}: {field.option}",
        metavar="JSON" if field.placeholder.endswith(".json") else "FILE",
        default="",
    )
    for source in SOURCES.values()
    for field in (*(field for way in source.ways for field in way.fields), *source.optional)
    if field.option
]


@command(
    option(
        "source",
        "a folder of class folders (or of train, validation and test folders of them), "
        "a .zip, .tar or .tgz of one, a .csv of path, class and split, or the word “sample”; "
        "oxford102 and flower_photos are downloaded when nothing is given",
        nargs="?",
        default="",
    ),
    option(
        "--source",
        "what the source is (default: by what the path is)",
        dest="kind",
        choices=list(SOURCES),
        default="auto",
    ),
    *_FILES,
    flag("--own-split", "draw splits, whatever the source says"),
    option("--split-seed", "seed of the splits that are drawn", number(int, 0), default=0),
    option("--name", "what to call the dataset; default: the name of the source"),
    flag("--dry-run", "say what the dataset would be, and keep nothing"),
)
def import_(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Import a dataset, or with --dry-run report what it would be."""
    with make_staging_folder(workspace) as folder:
        prepared = prepare_dataset(
            workspace,
            _read_request(given),
            folder,
            name=given.name,
            split_seed=given.split_seed,
            on_progress=progress.report,
        )
        if given.dry_run:
            text = f"{_describe_report(prepared)}\nNothing was kept: this was a dry run."
            return Outcome(text, {"dry_run": True, "report": asdict(prepared)})
        dataset = keep_dataset(workspace, folder)
    facts = ("notes", "reasons", "exact_duplicates", "already_imported")
    return Outcome(
        f"{dataset.name} · {dataset.id}\n{_describe_report(prepared)}",
        dataset_document(dataset) | pick(prepared, *facts),
    )


def _read_request(given: Namespace) -> SourceRequest:
    # Not Path.expanduser, which raises for a user that is not there.
    paths = pick(given, "source", "images", "labels", "splits", "names")
    expanded = {name: os.path.expanduser(path) for name, path in paths.items()}  # noqa: PTH111
    return SourceRequest(
        kind=given.kind,
        path=expanded.pop("source"),
        own_split=given.own_split,
        from_page=False,  # whoever has a shell reads what the system lets them read
        **expanded,
    )


def _describe_report(report: ImportReport) -> str:
    """Describe figures, classes, notes and what was set aside."""
    splits = ", ".join(f"{report.count_split(split):,} {split}" for split in SPLITS)
    copies = count(report.exact_duplicates, "exact copy")
    lines = [
        f"{count(report.photos, 'photo')} in "
        f"{count(len(report.classes), 'class')}: {splits} (splits: {report.split_origin})",
        f"From {report.source}; {copies}; {report.set_aside:,} set aside; {size(report.bytes)}.",
        "",
        _format_classes(report.classes),
        "",
        *(f"Note: {note}" for note in report.notes),
    ]
    if report.set_aside:
        lines.append(f"{count(report.set_aside, 'photo')} set aside:")
        lines += [f"  {photo.path}: {photo.problem}" for photo in report.refused[:_MOST_ROWS]]
        if report.set_aside > _MOST_ROWS:
            lines.append(f"  and {report.set_aside - _MOST_ROWS:,} more")
    if report.already_imported:
        lines.append(f"The same dataset is in this workspace already: {report.dataset_id}")
    return "\n".join(lines).rstrip()


def _format_classes(classes: Sequence[ClassCount]) -> str:
    columns = ("name", "photos", *SPLITS)
    rows = [pick(row, *columns).values() for row in classes[:_MOST_ROWS]]
    table = format_table(("class", "photos", *SPLITS), rows)
    left = len(classes) - _MOST_ROWS
    return f"{table}\nand {left:,} more" if left > 0 else table


datasets = command(default="list")


@datasets.action("list", "list the datasets, newest first")
def _list(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    summaries = list_datasets(workspace)
    document = {"datasets": [vars(summary) for summary in summaries]}
    if not summaries:
        return Outcome("No dataset yet. Make one: python -m core import sample", document)
    headings = ("id", "name", "photos", "classes", "set aside", "made of", "created (UTC)")
    rows = [_row(summary) for summary in summaries]
    return Outcome(format_table((*headings, "problem"), rows), document)


def _row(summary: DatasetSummary) -> list[object]:
    created = summary.created[:16].replace("T", " ")
    facts = pick(summary, "id", "name", "photos", "classes", "set_aside").values()
    return [*facts, summary.parent or "", created, summary.problem or ""]


@datasets.action(
    "compare",
    "show what is different in B from A",
    option("a", DATASET_HELP),
    option("b", "the same of another dataset"),
    example="datasets compare latest flowers",
)
def _compare(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    a, b = (read_dataset(workspace, choose_dataset(workspace, one)) for one in (given.a, given.b))
    differences = compare_versions(a, b)
    tables = pick(differences, "added", "removed", "relabelled", "moved")
    counts = ", ".join(f"{len(table):,} {name}" for name, table in tables.items())
    parts = [f"{b.name} against {a.name}: {counts}, {differences.unchanged:,} unchanged."]
    parts += [_format_changes(name, table) for name, table in tables.items() if len(table)]
    return Outcome(
        "\n\n".join(parts),
        {"a": a.id, "b": b.id, **tables}
        | pick(differences, "unchanged", "new_classes", "gone_classes"),
    )


def _format_changes(name: str, table: pd.DataFrame) -> str:
    columns = [column for column in table.columns if not column.startswith("photo")]
    rows = [[str(row[column]) for column in columns] for row in table.to_dict("records")]
    more = f"\n… and {len(rows) - _MOST_ROWS:,} more" if len(rows) > _MOST_ROWS else ""
    headings = [name, *(column.replace("_", " ") for column in columns[1:])]
    return format_table(headings, rows[:_MOST_ROWS]) + more


@datasets.action(
    "photos",
    "list the photos that a query means, with all that is known of them, as CSV",
    DATASET,
    option("--where QUERY", "which photos (default: all of them)", default=""),
    option("--run RUN", "also what this run of the dataset says of them", default=""),
    flag("--open-test", "also of test photos: keep that for the very end, it is counted"),
    example="datasets photos latest --run latest --where 'wrong and not (blurred or score < 0.6)'",
)
def _photos(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    query = parse_query(given.where) if given.where.strip() else None
    dataset = read_chosen(workspace, given)
    tags = read_tags(workspace, dataset)
    table = describe_photos(dataset, read_quality(workspace, dataset.id), tags)
    if given.run:
        result = read_run_of(workspace, dataset.id, given.run)
        if given.open_test:
            count_opening(workspace, choose_run(workspace, given.run), "test")
        sealed = (result.splits == "test") & (not given.open_test)
        table = table.join(describe_answers(result, sealed))
    found = table if query is None else table[query.find(table, ABSENT)]
    rows = found.astype(object).where(found.notna(), None).rename_axis("photo").reset_index()
    return Outcome(
        write_photos(found).rstrip("\n"),
        {"dataset": dataset.id, "of": len(dataset), "photos": rows},
    )


@datasets.action(
    "rename",
    "change the name that is shown",
    DATASET,
    option("name", "the new name"),
    example="datasets rename latest flowers",
)
def _rename(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = choose_dataset(workspace, given.dataset)
    rename_dataset(workspace, dataset, given.name)
    shown = read_dataset(workspace, dataset).name
    return Outcome(f"{dataset} is called {shown} now.", {"id": dataset, "name": shown})


@datasets.action(
    "delete",
    "delete a dataset with its features, analyses and edits",
    DATASET,
    flag("--force", "also when runs or versions rest on it"),
    example="datasets delete 3f2a",
)
def _delete(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = choose_dataset(workspace, given.dataset)
    try:
        uses = delete_version(workspace, dataset, given.force)
    except DatasetInUse as error:
        if error.facts.get("runs") or error.facts.get("children"):
            raise DatasetInUse(error.problem, f"{error.remedy} (--force)", **error.facts) from error
        raise
    lost = describe_uses(uses)
    return Outcome(
        f"{dataset} was deleted." + (f" It was used by {lost}." if lost else ""),
        {
            "deleted": dataset,
            "runs": [run.id for run in uses.runs],
            "versions": [child.id for child in uses.children],
        },
    )


def dataset_document(dataset: Dataset) -> dict[str, Any]:
    """Describe one dataset as JSON output shows it."""
    return {
        **pick(dataset, "id", "name", "source", "created", "parent", "edition"),
        "photos": len(dataset),
        "classes": dataset.classes,
        "splits": {split: len(dataset.photo_numbers(split)) for split in SPLITS},
        "split_origin": dataset.split_origin,
        "set_aside": dataset.set_aside[["path", "code", "problem"]],
    }
