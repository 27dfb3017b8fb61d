"""`export --model`: a model as one zip, in the formats that others read."""

import argparse
import re
from pathlib import Path
from typing import Any

from core.cli.choosing import choose_run
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.errors import ExportRefused, RunMissing, VersionMissing
from core.exporting.making import Making, describe_export, make_export
from core.exporting.store import (
    ExportRecord,
    find_zip,
    identify_export,
    list_exports,
    make_request,
)
from core.exporting.subject import FACTS, FORMATS
from core.formats import count, duration, moment, size
from core.registry.store import find_version
from core.workspace import Workspace

MODEL_HELP = (
    "id of a run, the start of one, its name or “latest”; or a version: “champion”, “challenger”, "
    "“v3” or the start of its digest"
)
_VERSION = re.compile(r"champion|challenger|v\d+", re.IGNORECASE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="RUN|VERSION", help=f"export a model into a zip: {MODEL_HELP}"
    )
    parser.add_argument(
        "--formats",
        metavar="LIST",
        default="",
        help=f"separated by commas: {','.join(FORMATS)} (default: all; with --space: none)",
    )
    parser.add_argument(
        "--space",
        action="store_true",
        help="put a folder for a hosted Space into the zip: Dockerfile, app and model",
    )
    parser.add_argument(
        "--golden",
        choices=("dataset", "drawn"),
        default="dataset",
        help="photos to check copies with: validation photos of the dataset, or drawn ones, free "
        "of any licence (default: dataset)",
    )
    parser.add_argument("--force", action="store_true", help="write over a zip that is there")
    parser.add_argument(
        "--exports", action="store_true", help="list the exports kept in the workspace"
    )


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    if arguments.exports:
        return _list(workspace)
    formats = [word for word in arguments.formats.replace(" ", "").split(",") if word]
    wish = make_request(
        choose_model(workspace, arguments.model),
        formats or ([] if arguments.space else FORMATS),
        space=arguments.space,
        golden=arguments.golden,
    )

    def tell(step: str, done: int, total: int) -> None:
        progress.advance(f"exporting: {step}", done, total)

    if arguments.dataset is None:
        record = make_export(workspace, wish, tell)
        return _describe(record, find_zip(workspace, record))
    target = _choose_file(arguments.dataset, force=arguments.force)
    making = Making(workspace, wish, tell)
    making.write(target)
    record = describe_export(identify_export(workspace, wish), wish, making, target)
    return _describe(record, target)


def choose_model(workspace: Workspace, text: str) -> str:
    """Returns the model that is meant: “v3”, or the id of a run.

    Raises:
        RunMissing: Neither a run nor a version is meant, or several are.
        VersionMissing: A version is meant that is not there.
    """
    if _VERSION.fullmatch(text):
        return find_version(workspace, text).label
    try:
        return choose_run(workspace, text).id
    except RunMissing:
        try:
            return find_version(workspace, text).label
        except VersionMissing:
            pass
        raise


def _choose_file(text: str, *, force: bool) -> Path:
    file = Path(text).expanduser().resolve()
    if file.suffix.lower() != ".zip":
        raise ExportRefused(f"“{file}” is no zip.", "Name a file that ends with .zip.")
    if not file.parent.is_dir():
        raise ExportRefused(f"The folder “{file.parent}” is not there.", "Make it first.")
    if file.exists() and not force:
        raise ExportRefused(
            f"“{file}” is there already.", "Name another file, or add --force to replace it."
        )
    return file


def _describe(record: ExportRecord, file: Path) -> Outcome:
    lines = [
        f"{file} ({size(record.bytes)})",
        f"{record.title}; {count(record.photos, 'golden photo')} ({record.golden})",
    ]
    for name, row in record.checked.items():
        label = FACTS[name].label if name in FACTS else "Space"
        if row["state"] == "right":
            lines.append(f"{label}: scores within {row['difference']:.1e}, same highest class")
        else:
            lines.append(f"{label}: written, but not checked here: {row['problem']}")
    took = sum(record.seconds.values())
    lines.append(f"Made in {duration(took)}. Whoever gets it checks it with: python check.py")
    return Outcome(text="\n".join(lines), document=_document(record, file))


def _document(record: ExportRecord, file: Path) -> dict[str, Any]:
    return {
        "file": file,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "model": record.model,
        "formats": record.formats,
        "space": record.space,
        "golden": record.golden,
        "golden_photos": record.photos,
        "checked": record.checked,
        "seconds": record.seconds,
    }


def _list(workspace: Workspace) -> Outcome:
    records = list_exports(workspace)
    lines = [
        f"{moment(record.created)}  {size(record.bytes):>7}  {record.title}: "
        f"{', '.join([*record.formats, *(['space'] if record.space else [])])}\n"
        f"    {find_zip(workspace, record)}"
        for record in records
    ]
    lines.append(f"{count(len(records), 'export')}, {size(sum(one.bytes for one in records))}")
    documents = [_document(record, find_zip(workspace, record)) for record in records]
    return Outcome(text="\n".join(lines), document={"exports": documents})
