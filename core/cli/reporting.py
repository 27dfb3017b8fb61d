"""`report`: all that is known of a run in one HTML file, and its model card beside it."""

import argparse
from pathlib import Path

from core.cli.choosing import RUN_HELP, choose_run
from core.cli.openings import count_opening, describe_openings
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.errors import ExportRefused
from core.formats import size
from core.reporting.contents import collect_report
from core.reporting.writing import write_html, write_model_card
from core.runs.result import read_result
from core.runs.store import RunRecord
from core.workspace import Workspace, write_atomically

_STEPS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "--split",
        choices=("validation", "test"),
        default="validation",
        help="photos to judge by (default: validation; each use of test is counted)",
    )
    parser.add_argument(
        "--to",
        metavar="FILE",
        help="the HTML file; the model card stands beside it with the ending .md "
        "(default: report-RUN-SPLIT.html here)",
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    record = choose_run(workspace, arguments.run)
    page = _choose_file(record, arguments.split, arguments.to)
    card = page.with_suffix(".md")
    if not arguments.force:
        _check_free(page, card)
    read_result(workspace, record.id)  # a run without one has nothing to be opened
    openings = count_opening(workspace, record, arguments.split)
    progress.advance("collecting", 0, _STEPS)
    report = collect_report(workspace, record, arguments.split)
    progress.advance("drawing", 1, _STEPS)
    contents = {page: write_html(report), card: write_model_card(report)}
    progress.advance("writing", 2, _STEPS)
    for file, content in contents.items():
        _write(file, content)
    accuracy = report.estimates["accuracy"]
    written, said = page.stat().st_size, describe_openings(openings)
    return Outcome(
        text="\n".join(filter(None, (f"{page} ({size(written)})", str(card), said))),
        document={
            "run": record.id,
            "split": arguments.split,
            "html": page,
            "model_card": card,
            "bytes": written,
            "n": accuracy.n,
            "accuracy": accuracy.value,
            "openings": len(openings),
        },
    )


def _choose_file(record: RunRecord, split: str, stated: str | None) -> Path:
    page = Path(stated or f"report-{record.id}-{split}.html").expanduser()
    if page.suffix.lower() not in (".html", ".htm"):
        raise ExportRefused(f"“{page}” is no HTML file.", "Name a file that ends with .html.")
    return page


def _check_free(*files: Path) -> None:
    for file in files:
        if file.exists():
            raise ExportRefused(
                f"“{file}” is there already.", "Name another file, or add --force to replace it."
            )


def _write(file: Path, content: str) -> None:
    try:
        with write_atomically(file) as temporary:
            temporary.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ExportRefused(
            f"“{file}” could not be written ({error.strerror}).", "Name another file."
        ) from error
