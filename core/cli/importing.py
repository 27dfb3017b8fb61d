"""`import`: a dataset from any source, or with --dry-run the report of what it would be."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict

from core.cli.datasets import dataset_document
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.tables import format_table
from core.formats import count, size
from core.workspace import Workspace
from data.importing import Progress, keep_dataset, make_staging_folder, prepare_dataset
from data.report import ClassCount, ImportReport
from data.sources.catalogue import SOURCES
from data.sources.found import SourceRequest
from data.splits import SPLITS

_CLASSES_SHOWN = 20
_REFUSED_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="?",
        default="",
        help="a folder of class folders (or of train, validation and test folders of them), "
        "a .zip, .tar or .tgz of one, a .csv of path, class and split, or the word “sample”; "
        "oxford102 and flower_photos are downloaded when nothing is given",
    )
    parser.add_argument(
        "--source",
        dest="kind",
        choices=list(SOURCES),
        default="auto",
        help="what the source is (default: by what the path is)",
    )
    for source in SOURCES.values():
        for field in (*(field for way in source.ways for field in way.fields), *source.optional):
            if field.option:
                form = "JSON" if field.placeholder.endswith(".json") else "FILE"
                what = f"{source.kind}: {field.option}"
                parser.add_argument(f"--{field.name}", metavar=form, default="", help=what)
    parser.add_argument(
        "--own-split", action="store_true", help="draw splits, whatever the source says"
    )
    parser.add_argument(
        "--split-seed",
        type=_read_seed,
        default=0,
        help="seed of the splits that are drawn (default: 0)",
    )
    parser.add_argument("--name", help="what to call the dataset; default: the name of the source")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what the dataset would be, and keep nothing"
    )


def _read_seed(text: str) -> int:
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError("a seed is 0 or more")
    return seed


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    def report(step: Progress) -> None:
        progress.advance(step.phase, step.done, step.total)

    with make_staging_folder(workspace) as folder:
        prepared = prepare_dataset(
            workspace,
            _read_request(arguments),
            folder,
            name=arguments.name,
            split_seed=arguments.split_seed,
            on_progress=report,
        )
        if arguments.dry_run:
            text = f"{describe_report(prepared)}\nNothing was kept: this was a dry run."
            return Outcome(text=text, document={"dry_run": True, "report": asdict(prepared)})
        dataset = keep_dataset(workspace, folder)
    facts = ("notes", "reasons", "exact_duplicates", "already_imported")
    return Outcome(
        text=f"{dataset.name} · {dataset.id}\n{describe_report(prepared)}",
        document=dataset_document(dataset) | {name: getattr(prepared, name) for name in facts},
    )


def _read_request(arguments: argparse.Namespace) -> SourceRequest:
    return SourceRequest(
        kind=arguments.kind,
        path=arguments.source if arguments.source == "sample" else _expand(arguments.source),
        images=_expand(arguments.images),
        labels=_expand(arguments.labels),
        splits=_expand(arguments.splits),
        names=_expand(arguments.names),
        own_split=arguments.own_split,
    )


def _expand(path: str) -> str:
    # Not Path.expanduser, which raises for a user that is not there.
    return os.path.expanduser(path)  # noqa: PTH111


def describe_report(report: ImportReport) -> str:
    """Returns the report as text for people: figures, classes, notes, what was set aside."""
    splits = ", ".join(f"{report.count_split(split):,} {split}" for split in SPLITS)
    copies = count(report.exact_duplicates, "exact copy").replace("copys", "copies")
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
        lines += [f"  {photo.path}: {photo.problem}" for photo in report.refused[:_REFUSED_SHOWN]]
        if report.set_aside > _REFUSED_SHOWN:
            lines.append(f"  and {report.set_aside - _REFUSED_SHOWN:,} more")
    if report.already_imported:
        lines.append(f"The same dataset is in this workspace already: {report.dataset_id}")
    return "\n".join(lines).rstrip()


def _format_classes(classes: Sequence[ClassCount]) -> str:
    rows = [
        [row.name, *(f"{n:,}" for n in (row.photos, row.train, row.validation, row.test))]
        for row in classes[:_CLASSES_SHOWN]
    ]
    table = format_table(("class", "photos", *SPLITS), rows)
    left = len(classes) - _CLASSES_SHOWN
    return f"{table}\nand {left:,} more" if left > 0 else table
