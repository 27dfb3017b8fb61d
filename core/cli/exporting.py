"""`export` and `report`: datasets, models, notebooks and reports into files."""

from argparse import Namespace
from dataclasses import asdict
from functools import partial
from pathlib import Path

from core.cli.choosing import (
    RUN,
    choose_model,
    choose_run,
    count_opening,
    describe_openings,
    read_chosen,
)
from core.cli.command import command, flag, option
from core.cli.outcome import Outcome, ProgressLine, check_free, pick, write_text
from core.errors import ExportRefused
from core.exporting.making import write_zip
from core.exporting.notebook import write_notebook
from core.exporting.store import FORMATS, make_request
from core.formats import count, size
from core.reporting.contents import collect_report
from core.reporting.writing import write_html, write_model_card
from core.runs.result import read_result
from core.workspace import Workspace
from data.dataset import Dataset
from data.export import describe_mapping, export_tree

_NOTEBOOK = ".ipynb"
_STEPS = 3


@command(
    option(
        "dataset DATASET|ZIP",
        "id, start of an id, name, or “latest”, of a dataset, or of a run in front of FILE.ipynb; "
        "with --model the zip to write",
        nargs="?",
    ),
    option(
        "target",
        "folder to write, empty or new; or FILE.ipynb: a notebook of plain Keras that trains the "
        "run again",
        nargs="?",
    ),
    option(
        "--layout",
        "train/rose/1.jpg or rose/1.jpg",
        choices=("splits", "classes"),
        default="splits",
    ),
    option(
        "--mapping-only FILE",
        'write only the class numbers and names, as {"1": "pink primrose", …}',
    ),
    option(
        "--model RUN|VERSION",
        "export a model into a zip: id of a run, the start of one, its name or “latest”; or a "
        "version: “champion”, “challenger”, “v3” or the start of its digest",
    ),
    option(
        "--formats LIST",
        "of the model, separated by commas (default: all of them)",
        default=",".join(FORMATS),
    ),
    flag("--force", "write over a zip or notebook that is there"),
)
def export(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Export a dataset, a run as a notebook, or with --model a model."""
    if (given.target or given.dataset or "").lower().endswith(_NOTEBOOK):
        return _export_notebook(workspace, given)
    if given.model:
        return _export_model(workspace, given, progress)
    if given.dataset is None:
        raise ExportRefused(
            "Nothing says what to export.",
            "Name a dataset and a folder, or a model: --model RUN, --model champion.",
        )
    dataset = read_chosen(workspace, given)
    if given.mapping_only:
        return _write_mapping(dataset, Path(given.mapping_only).expanduser())
    if not given.target:
        raise ExportRefused(
            "Nothing says where to export to.", "Name a folder, or a file with --mapping-only."
        )
    tell = partial(progress.advance, "writing photos")
    report = export_tree(dataset, Path(given.target), layout=given.layout, on_progress=tell)
    text = (
        f"{count(report.photos, 'photo')} in {count(report.classes, 'class')}, "
        f"{size(report.bytes)}, written to {report.target}"
    )
    return Outcome(text, {"dataset": dataset.id, **asdict(report)})


def _write_mapping(dataset: Dataset, file: Path) -> Outcome:
    write_text(file, describe_mapping(dataset))
    return Outcome(
        f"{len(dataset.classes):,} class names written to {file}",
        {"dataset": dataset.id, "mapping": str(file), "classes": len(dataset.classes)},
    )


def _export_model(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    if given.dataset is None:
        raise ExportRefused("Nothing says where to export to.", "Name a zip: flowers.zip.")
    target = _choose_file(given.dataset, ".zip", force=given.force)
    formats = [word for word in given.formats.replace(" ", "").split(",") if word]
    wish = make_request(choose_model(workspace, given.model), formats)
    record = write_zip(workspace, wish, target, progress.advance)
    return Outcome(
        f"{target} ({size(record.bytes)})\n{record.title}: {', '.join(record.formats)}",
        {"file": target, **pick(record, "bytes", "sha256", "model", "formats")},
    )


def _export_notebook(workspace: Workspace, given: Namespace) -> Outcome:
    file = _choose_file(given.target or given.dataset, _NOTEBOOK, force=given.force)
    run = choose_run(workspace, given.model or given.dataset)
    write_text(file, write_notebook(workspace, run))
    written = file.stat().st_size
    return Outcome(
        f"{file} ({size(written)}); its first lines say how it finds the photos",
        {"run": run.id, "notebook": file, "bytes": written},
    )


def _choose_file(text: str, suffix: str, *, force: bool) -> Path:
    file = Path(text).expanduser().resolve()
    if file.suffix.lower() != suffix:
        raise ExportRefused(
            f"“{file}” is no {suffix[1:]}.", f"Name a file that ends with {suffix}."
        )
    if not file.parent.is_dir():
        raise ExportRefused(f"The folder “{file.parent}” is not there.", "Make it first.")
    if not force:
        check_free(file)
    return file


@command(
    RUN,
    option(
        "--split",
        "photos to judge by; each use of test is counted",
        choices=("validation", "test"),
        default="validation",
    ),
    option(
        "--to FILE",
        "the HTML file or the model card (.md); the other is written beside it "
        "(default: report-RUN-SPLIT.html here)",
    ),
    flag("--force", "write over files that are there"),
)
def report(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Write all that is known of a run into one HTML file, and its model card beside it."""
    record = choose_run(workspace, given.run)
    page = Path(given.to or f"report-{record.id}-{given.split}.html").expanduser()
    page = page.with_suffix(".html") if page.suffix.lower() == ".md" else page
    if page.suffix.lower() not in (".html", ".htm"):
        raise ExportRefused(
            f"“{page}” is neither an HTML file nor a model card.",
            "Name a file that ends with .html or .md.",
        )
    card = page.with_suffix(".md")
    if not given.force:
        check_free(page, card)
    read_result(workspace, record.id)  # a run without one has nothing to be opened
    openings = count_opening(workspace, record, given.split)
    progress.advance("collecting", 0, _STEPS)
    found = collect_report(workspace, record, given.split)
    progress.advance("drawing", 1, _STEPS)
    contents = {page: write_html(found), card: write_model_card(found)}
    progress.advance("writing", 2, _STEPS)
    for file, content in contents.items():
        write_text(file, content)
    accuracy, written = found.estimates["accuracy"], page.stat().st_size
    lines = (f"{page} ({size(written)})", str(card), describe_openings(openings))
    document = {"run": record.id, "split": given.split, "html": page, "model_card": card}
    document |= {"bytes": written, "n": accuracy.n, "accuracy": accuracy.value}
    return Outcome("\n".join(filter(None, lines)), document | {"openings": len(openings)})
