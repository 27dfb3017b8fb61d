"""`import`, `datasets`, `features`: import, list, compare, delete; compute features."""

import os
import time
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from typing import Any

from core.cli.choosing import DATASET, DATASET_HELP, WHO, read_chosen
from core.cli.command import command, flag, natural, option
from core.cli.outcome import Outcome, ProgressLine, pick, tabulate
from core.cli.runs import BACKBONE
from core.config import read_framing
from core.datasets.photo_table import ABSENT, describe_answers, describe_photos, write_photos
from core.datasets.quality.store import read_quality
from core.datasets.query import parse_query
from core.datasets.tags import read_tags
from core.datasets.versions import delete_version, describe_uses
from core.errors import RunMissing, SourceRefused
from core.formats import count, size
from core.runs.choosing import NOTHING_YET, choose_dataset, choose_run, count_opening
from core.runs.following import show_phase
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import keep_dataset, make_staging_folder, prepare_dataset
from data.manifest import compare_versions, list_datasets, read_dataset, rename_dataset
from data.report import ImportReport
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
        "a folder with a folder for each class (or train, validation and test folders of them), "
        "a .zip, .tar or .tgz of one, a .csv with path, class and split, or the word “sample”; "
        "without a source, oxford102 and flower_photos are downloaded",
        nargs="?",
        default="",
    ),
    option(
        "--source",
        "kind of the source (default: detected from the path)",
        dest="kind",
        choices=list(SOURCES),
        default="auto",
    ),
    *_FILES,
    option(
        "--names JSON",
        'names of classes that are numbers: {"1": "pink primrose", …}',
        default="",
    ),
    option(
        "--layout",
        "the meaning of the folders, where it is not clear; a refusal lists the possible ones",
        default="",
    ),
    option(
        "--group COLUMN",
        "the column of a .csv, such as patient, whose photos of equal value stay in one split",
        default="",
    ),
    flag("--own-split", "draw new splits even if the source has some"),
    option("--split-seed", "seed for drawing splits", natural, default=0),
    option("--name", "name of the dataset; default: the name of the source"),
    flag("--dry-run", "report the result without saving anything"),
)
def import_(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Import a dataset, or only report the result with --dry-run."""
    with make_staging_folder(workspace) as folder:
        prepared = prepare_dataset(
            workspace,
            _read_request(given),
            folder,
            name=given.name,
            split_seed=given.split_seed,
            on_progress=progress.advance,
        )
        if given.split_seed and "drawn" not in prepared.split_origin:
            raise SourceRefused(
                "--split-seed draws splits, but this source has its own.",
                "Leave it out, or add --own-split.",
            )
        if given.dry_run:
            parts = (*_describe_report(prepared), "Dry run: nothing was saved.")
            return Outcome({"dry_run": True, "report": prepared}, parts)
        dataset = keep_dataset(workspace, folder, prepared.dataset_id)
    facts = pick(
        prepared, "layout", "tree", "notes", "reasons", "exact_duplicates", "already_imported"
    )
    parts = (f"{dataset.name} · {dataset.id}", *_describe_report(prepared))
    return Outcome(dataset_document(dataset) | facts, parts)


def _read_request(given: Namespace) -> SourceRequest:
    # Not Path.expanduser, which raises for a user that does not exist.
    paths = pick(given, "source", "images", "labels", "splits", "names")
    expanded = {name: os.path.expanduser(path) for name, path in paths.items()}  # noqa: PTH111
    return SourceRequest(
        kind=given.kind,
        path=expanded.pop("source"),
        layout=given.layout,
        group=given.group,
        own_split=given.own_split,
        from_page=False,  # a person with a shell may read any file that the system lets them read
        **expanded,
    )


def _describe_report(report: ImportReport) -> list[str]:
    """Return the figures of an import, its classes, notes and skipped files."""
    splits = ", ".join(f"{report.count_split(split):,} {split}" for split in SPLITS)
    copies = count(report.exact_duplicates, "exact copy")
    already = f"The same dataset is in this workspace already: {report.dataset_id}"
    return [
        f"{count(report.photos, 'photo')} in "
        f"{count(len(report.classes), 'class')}: {splits} (splits: {report.split_origin})",
        f"Folders read as: {report.layout}." if report.layout else "",
        report.tree,
        f"From {report.source}; {copies}; {report.set_aside:,} skipped; {size(report.bytes)}.",
        _list_first(report.classes, f"name photos {' '.join(SPLITS)}"),
        *(f"Note: {note}" for note in report.notes),
        _list_first(report.refused, "path problem", "Skipped files:"),
        already if report.already_imported else "",
    ]


def _list_first(rows: Sequence[Any], columns: str, title: str = "") -> str:
    """Return the first rows as a table and the number of the others; "" without rows."""
    more = f"and {len(rows) - _MOST_ROWS:,} more" if len(rows) > _MOST_ROWS else ""
    table = tabulate(rows[:_MOST_ROWS], columns) if rows else ""
    return "\n".join(filter(None, (title if rows else "", table, more)))


datasets = command(default="list")


@datasets.action("list", "list the datasets, newest first")
def _list(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    found = list_datasets(workspace)
    table = tabulate(
        found,
        "id name photos classes",
        skipped="set_aside",
        parent="parent",
        created=lambda one: one.created[:16].replace("T", " "),
        problem=lambda one: one.problem or "",
    )
    return Outcome({"datasets": found}, (table,) if found else NOTHING_YET["dataset"])


@datasets.action(
    "compare",
    "show how version B differs from version A",
    option("a", DATASET_HELP),
    option("b", "the other dataset"),
    example="datasets compare latest flowers",
)
def _compare(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    a, b = (read_dataset(workspace, choose_dataset(workspace, one)) for one in (given.a, given.b))
    differences = compare_versions(a, b)
    tables = pick(differences, "added", "removed", "relabelled", "moved")
    counts = ", ".join(f"{len(table):,} {name}" for name, table in tables.items())
    shown = []
    for name, table in tables.items():
        columns = [column for column in table if not column.startswith("photo")]
        shown.append(_list_first(table.to_dict("records"), " ".join(columns), name))
    document = {"a": a.id, "b": b.id, **tables}
    document |= pick(differences, "unchanged", "new_classes", "gone_classes")
    headline = f"{b.name} compared with {a.name}: {counts}, {differences.unchanged:,} unchanged."
    return Outcome(document, (headline, *shown))


@datasets.action(
    "photos",
    "list the photos that match a query, with everything known about them, as CSV",
    DATASET,
    option("--where QUERY", "the query (default: all photos)", default=""),
    option("--run RUN", "add the answers of a run of this dataset", default=""),
    flag("--open-test", "add its answers for test photos, too; this view is counted"),
    example="datasets photos latest --run latest --where 'wrong and not (blurred or score < 0.6)'",
)
def _photos(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    query = parse_query(given.where) if given.where.strip() else None
    dataset = read_chosen(workspace, given)
    tags = read_tags(workspace, dataset)
    table = describe_photos(dataset, read_quality(workspace, dataset.id), tags)
    if given.run:
        from core.runs.result import read_result  # NumPy: imported only when it is needed

        run = choose_run(workspace, given.run)
        if run.recipe.dataset != dataset.id:
            raise RunMissing(
                f"The run was trained on another dataset ({run.recipe.dataset}).",
                "Choose a run of this dataset: python -m core runs lists them.",
            )
        result = read_result(workspace, run.id)
        if given.open_test:
            count_opening(workspace, run, "test", WHO)
        sealed = (result.splits == "test") & (not given.open_test)
        table = table.join(describe_answers(result, sealed))
    found = table if query is None else table[query.find(table, ABSENT)]
    rows = found.astype(object).where(found.notna(), None).rename_axis("photo").reset_index()
    document = {"dataset": dataset.id, "of": len(dataset), "photos": rows}
    return Outcome(document, (write_photos(found).rstrip("\n"),))


@datasets.action(
    "rename",
    "change the name of a dataset",
    DATASET,
    option("name", "the new name"),
    example="datasets rename latest flowers",
)
def _rename(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = choose_dataset(workspace, given.dataset)
    rename_dataset(workspace, dataset, given.name)
    return Outcome({"id": dataset, "name": read_dataset(workspace, dataset).name})


@datasets.action(
    "delete",
    "delete a dataset with its features, analyses and edits",
    DATASET,
    flag("--force", "delete it although runs or versions depend on it"),
    example="datasets delete 3f2a",
)
def _delete(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = choose_dataset(workspace, given.dataset)
    uses = delete_version(workspace, dataset, given.force)
    lost = describe_uses(uses)
    document = {
        "deleted": dataset,
        "runs": [run.id for run in uses.runs],
        "versions": [child.id for child in uses.children],
    }
    return Outcome(document, (f"Deleted {dataset}.", f"It was used by {lost}." if lost else ""))


def dataset_document(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset as JSON output shows it."""
    return {
        **pick(dataset, "id", "name", "source", "created", "parent", "edition"),
        "photos": len(dataset),
        "classes": dataset.classes,
        "splits": {split: len(dataset.photo_numbers(split)) for split in SPLITS},
        "split_origin": dataset.split_origin,
        "set_aside": dataset.set_aside[["path", "code", "problem"]],
    }


@command(
    DATASET,
    *BACKBONE,
    flag(
        "--drop-views",
        "instead delete the cached views, activations, resized photos and Grad-CAM maps of the "
        "dataset; they are computed again when they are needed",
    ),
)
def features(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Compute the features of a dataset, or delete its cached views and activations."""
    # OpenVINO: imported only when it is needed.
    from core.runs.training.preparing import Preparation, delete_views, prepare_features
    from models.weights import find_weights

    dataset = read_chosen(workspace, given)
    if given.drop_views:
        return Outcome({"dataset": dataset.id, "bytes": delete_views(workspace, dataset.id)})
    framing = read_framing(vars(given))
    found = find_weights(workspace, given.weights)
    start = time.perf_counter()
    by = Preparation(workspace=workspace, tell=partial(show_phase, progress))
    made = prepare_features(by, dataset, found, given.preprocessing, framing)
    return Outcome(
        {
            "dataset": dataset.id,
            "weights": found.label,
            "backbone": made.backbone_id,
            "features": made.features_id,
            "file": workspace.features_file(made.features_id),
            "photos": len(dataset),
            "seconds": time.perf_counter() - start,
        },
    )
