"""`export`: the photos of a dataset as labelled folders, or its class names as mapping.json.

With --model it exports a model instead: core/cli/exporting_models.py.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from core.cli import exporting_models
from core.cli.choosing import choose_dataset
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.errors import ExportRefused
from core.formats import count, size
from core.workspace import Workspace, write_atomically
from data.dataset import Dataset
from data.export import describe_mapping, export_tree
from data.manifest import read_dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset",
        nargs="?",
        metavar="DATASET|ZIP",
        help="id, start of an id, name, or “latest”; with --model the zip to write (default: it "
        "is kept in the workspace)",
    )
    parser.add_argument("target", nargs="?", help="folder to write, empty or new")
    parser.add_argument(
        "--layout",
        choices=("splits", "classes"),
        default="splits",
        help="train/rose/1.jpg or rose/1.jpg (default: splits)",
    )
    parser.add_argument(
        "--mapping-only",
        metavar="FILE",
        help='write only the class numbers and names, as {"1": "pink primrose", …}',
    )
    exporting_models.add_arguments(parser)


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    if arguments.model or arguments.exports:
        return exporting_models.run(workspace, arguments, progress)
    if arguments.dataset is None:
        raise ExportRefused(
            "Nothing says what to export.",
            "Name a dataset and a folder, or a model: --model RUN, --model champion.",
        )
    dataset = read_dataset(workspace, choose_dataset(workspace, arguments.dataset))
    if arguments.mapping_only:
        return _write_mapping(dataset, Path(arguments.mapping_only).expanduser())
    if not arguments.target:
        raise ExportRefused(
            "Nothing says where to export to.", "Name a folder, or a file with --mapping-only."
        )
    report = export_tree(
        dataset,
        Path(arguments.target),
        layout=arguments.layout,
        on_progress=lambda done, total: progress.advance("writing photos", done, total),
    )
    text = (
        f"{count(report.photos, 'photo')} in {count(report.classes, 'class')}, "
        f"{size(report.bytes)}, written to {report.target}"
    )
    return Outcome(text=text, document={"dataset": dataset.id, **asdict(report)})


def _write_mapping(dataset: Dataset, file: Path) -> Outcome:
    try:
        with write_atomically(file) as temporary:
            temporary.write_text(describe_mapping(dataset), encoding="utf-8")
    except OSError as error:
        raise ExportRefused(
            f"“{file}” could not be written ({error.strerror}).", "Name another file."
        ) from error
    return Outcome(
        text=f"{len(dataset.classes):,} class names written to {file}",
        document={"dataset": dataset.id, "mapping": str(file), "classes": len(dataset.classes)},
    )
