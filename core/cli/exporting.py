"""`export` and `report`: write datasets, models, notebooks and reports into files."""

from argparse import Namespace
from functools import partial
from pathlib import Path

from core.cli.choosing import RUN, WHO, choose_model, read_chosen
from core.cli.command import command, flag, option
from core.cli.outcome import Outcome, ProgressLine, check_free, pick, write_file
from core.errors import ExportRefused
from core.exporting.making import write_zip
from core.exporting.notebook import write_notebook
from core.exporting.store import FORMATS
from core.formats import size
from core.reporting.contents import collect_report
from core.reporting.writing import write_html, write_model_card
from core.runs.choosing import choose_run, count_opening, describe_openings
from core.runs.result import read_result
from core.workspace import Workspace
from data.export import describe_mapping, export_tree

_NOTEBOOK = ".ipynb"
_STEPS = 3
_DEFAULTS = {
    "target": None,
    "layout": "splits",
    "mapping_only": None,
    "formats": ",".join(FORMATS),
    "force": False,
}


@command(
    option(
        "dataset DATASET|ZIP",
        "dataset: its id, the start of the id, its name, or “latest”; the run to export if the "
        "target is FILE.ipynb; the zip to write with --model",
        nargs="?",
    ),
    option(
        "target",
        "folder to write, empty or new; or FILE.ipynb, a notebook in plain Keras that repeats the "
        "training",
        nargs="?",
    ),
    option(
        "--layout",
        "train/rose/1.jpg or rose/1.jpg",
        choices=("splits", "classes"),
        default=_DEFAULTS["layout"],
    ),
    option(
        "--mapping-only FILE",
        'write only the class numbers and names, as {"1": "pink primrose", …}',
    ),
    option(
        "--model RUN|VERSION",
        "export a model as a zip; a run (its id, the start of the id, its name or “latest”) or a "
        "version (“champion”, “challenger”, “v3” or the start of its digest)",
    ),
    option(
        "--formats LIST",
        "formats of the model, separated by commas (default: all)",
        default=_DEFAULTS["formats"],
    ),
    flag("--force", "overwrite an existing zip or notebook"),
)
def export(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Export a dataset, a run as a notebook, or with --model a model."""
    if (given.target or given.dataset or "").lower().endswith(_NOTEBOOK):
        return _export_notebook(workspace, given)
    if given.model:
        return _export_model(workspace, given, progress)
    if given.dataset is None:
        raise ExportRefused(
            "It is not clear what to export.",
            "Name a dataset and a folder, or a model: --model RUN, --model champion.",
        )
    dataset = read_chosen(workspace, given)
    if given.mapping_only:
        _refuse_unused(given, "class numbers are", "target", "layout", "formats")
        file = Path(given.mapping_only).expanduser()
        write_file(file, describe_mapping(dataset))
        numbered = {"dataset": dataset.id, "mapping": file, "classes": len(dataset.classes)}
        return Outcome(numbered)
    if not given.target:
        raise ExportRefused(
            "The target of the export is missing.", "Name a folder, or a file with --mapping-only."
        )
    _refuse_unused(given, "photos are", "formats", "force")
    tell = partial(progress.advance, "writing photos")
    report = export_tree(dataset, Path(given.target), layout=given.layout, on_progress=tell)
    return Outcome({"dataset": dataset.id, **report})


def _export_model(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    if given.dataset is None:
        raise ExportRefused("The target of the export is missing.", "Name a zip: flowers.zip.")
    _refuse_unused(given, "a model is", "target", "layout", "mapping_only")
    target = _choose_file(given.dataset, ".zip", force=given.force)
    formats = [word for word in given.formats.replace(" ", "").split(",") if word]
    model = choose_model(workspace, given.model)
    record = write_zip(workspace, model, formats, target, progress.advance)
    return Outcome({"file": target, **pick(record, "bytes", "sha256", "model", "formats")})


def _export_notebook(workspace: Workspace, given: Namespace) -> Outcome:
    _refuse_unused(given, "a notebook is", "layout", "mapping_only", "formats")
    file = _choose_file(given.target or given.dataset, _NOTEBOOK, force=given.force)
    run = choose_run(workspace, given.model or given.dataset)
    write_file(file, write_notebook(workspace, run))
    return Outcome({"run": run.id, "notebook": file, "bytes": file.stat().st_size})


def _refuse_unused(given: Namespace, exported: str, *unused: str) -> None:
    """Refuse options that this kind of export would ignore."""
    for name in unused:
        if getattr(given, name) != _DEFAULTS[name]:
            option = name if name == "target" else f"--{name.replace('_', '-')}"
            raise ExportRefused(f"{option} has no effect when {exported} exported.", "Omit it.")


def _choose_file(text: str, *suffixes: str, force: bool) -> Path:
    file = Path(text).expanduser().resolve()
    if file.suffix.lower() not in suffixes:
        ends = " or ".join(suffixes)
        raise ExportRefused(f"“{file}” does not end with {ends}.", "Choose another name.")
    if not file.parent.is_dir():
        raise ExportRefused(f"The folder “{file.parent}” does not exist.", "Create it first.")
    if not force:
        check_free(file)
    return file


@command(
    RUN,
    option(
        "--split",
        "photos to evaluate; each use of the test photos is counted",
        choices=("validation", "test"),
        default="validation",
    ),
    option(
        "--to FILE",
        "the HTML file or the model card (.md); the other one is written next to it "
        "(default: report-RUN-SPLIT.html in this folder)",
    ),
    flag("--force", "overwrite existing files"),
)
def report(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Write the report of a run as one HTML file, with its model card."""
    record = choose_run(workspace, given.run)
    to = given.to or f"report-{record.id}-{given.split}.html"
    page = _choose_file(to, ".html", ".htm", ".md", force=given.force)
    page = page.with_suffix(".html") if page.suffix.lower() == ".md" else page
    card = page.with_suffix(".md")
    if not given.force:
        check_free(page, card)
    read_result(workspace, record.id)  # raises before a view of the test photos is counted
    openings = count_opening(workspace, record, given.split, WHO)
    progress.advance("collecting", 0, _STEPS)
    found = collect_report(workspace, record, given.split)
    progress.advance("drawing", 1, _STEPS)
    contents = {page: write_html(found)}
    if not record.recipe.is_added:  # a card is of a model that was trained here
        contents[card] = write_model_card(found)
    progress.advance("writing", 2, _STEPS)
    for file, content in contents.items():
        write_file(file, content)
    accuracy, written = found.estimates["accuracy"], page.stat().st_size
    document = {"run": record.id, "split": given.split, "html": page}
    document |= {"model_card": card if card in contents else None}
    document |= {"bytes": written, "n": accuracy.n, "accuracy": accuracy.value}
    document |= {"openings": len(openings)}
    cards = str(card) if card in contents else ""
    parts = (f"{page} ({size(written)})", cards, describe_openings(openings))
    return Outcome(document, parts)
