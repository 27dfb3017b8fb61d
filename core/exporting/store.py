"""The exports of a workspace: exports/<id>/ holds the job that makes one, export.json and the zip.

The id names the model and the formats, so the same request is not made twice. export.json is
written last: where it exists, the zip is complete.
"""

import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from pydantic import TypeAdapter

from core.config import fingerprint
from core.errors import ExportRefused
from core.prediction.deciding import rule_to_facts
from core.prediction.rules import find_rule
from core.registry.loading import find_number
from core.registry.store import read_version
from core.runs.jobs import list_jobs, read_job, start_job
from core.runs.recipe.strategies import ADDED
from core.runs.result import digest_result, read_result
from core.runs.store import read_run
from core.workspace import Workspace

Format = Literal["keras", "onnx", "litert", "space"]
FORMATS: tuple[Format, ...] = get_args(Format)


class FormatFacts(NamedTuple):
    """A format in words."""

    label: str
    path: str
    """In the zip."""
    purpose: str


FACTS: dict[str, FormatFacts] = {
    "keras": FormatFacts("Keras", "model.keras", "Keras 3, also to train it further"),
    "onnx": FormatFacts("ONNX", "model.onnx", "ONNX Runtime in most languages, also in a browser"),
    "litert": FormatFacts("LiteRT", "model.tflite", "phones and small devices"),
    "space": FormatFacts("Space", "space", "a web page: a hosted Space, by Gradio"),
}

RECORD_FILE = "export.json"
_VERSION = 2
"""Raise it when the same request gives another zip."""


@dataclass(frozen=True, kw_only=True)
class ExportRecord:
    """A written export."""

    id: str
    model: str
    """“v3”, or the id of a run."""
    formats: tuple[str, ...]
    """In the order of FORMATS; older exports may have others."""
    title: str
    file: str
    bytes: int
    sha256: str
    created: datetime


_RECORD = TypeAdapter(ExportRecord)


def sort_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """Return the formats in their order, each once.

    Raises:
        ExportRefused: A format is unknown, or there is none.
    """
    chosen = set(formats)
    if not chosen or chosen - set(FORMATS):
        unknown = ", ".join(sorted(chosen - set(FORMATS)))
        raise ExportRefused(
            f"Unknown format “{unknown}”." if unknown else "No format is chosen.",
            f"Choose from {', '.join(FORMATS)}.",
        )
    return tuple(name for name in FORMATS if name in chosen)


def check_trained(strategy: str) -> None:
    """Check that a model was trained here.

    Raises:
        ExportRefused: It was added.
    """
    if strategy == ADDED:
        problem = "You have the model as a file already."
        raise ExportRefused(problem, "Choose a model that was trained here.")


def identify_export(workspace: Workspace, model: str, formats: Iterable[str]) -> str:
    """Return the id of the export of a model in these formats.

    Raises:
        ExportRefused: It is an added model, or a format is unknown.
    """
    number = find_number(model)
    if number is not None:
        version = read_version(workspace, number)
        check_trained(version.facts.get("recipe", {}).get("strategy", ""))
        digest = version.digest
    else:
        recipe = read_run(workspace, model).recipe
        if recipe.has_model:
            check_trained(recipe.strategy)
        run = recipe.run_id
        rule = find_rule(workspace, run, read_result(workspace, run))
        facts = {"result": digest_result(workspace, run), "rule": rule and rule_to_facts(rule)}
        digest = fingerprint(facts)
    asked = {"model": model, "formats": sort_formats(formats)}
    return fingerprint({"export": _VERSION, "digest": digest, **asked})


def start_export(workspace: Workspace, model: str, formats: Sequence[str]) -> str:
    """Start a process that makes the export, unless it is made; return its id."""
    identifier = identify_export(workspace, model, formats)
    if read_export(workspace, identifier) is None:
        parameters = {"model": model, "formats": sort_formats(formats)}
        start_job(workspace, workspace.export_folder(identifier), "export", parameters)
    return identifier


def read_export(workspace: Workspace, export_id: str) -> ExportRecord | None:
    """Return an export; None where it is missing, or its zip has not the right size."""
    with suppress(OSError, ValueError):
        content = (workspace.export_folder(export_id) / RECORD_FILE).read_bytes()
        record = _RECORD.validate_json(content)
        if find_zip(workspace, record).stat().st_size == record.bytes:
            return record
    return None


def list_exports(workspace: Workspace) -> list[ExportRecord]:
    """Return the exports, newest first."""
    files = workspace.exports.glob(f"[!.]*/{RECORD_FILE}")
    found = (read_export(workspace, file.parent.name) for file in files)
    return sorted(filter(None, found), key=lambda record: record.created, reverse=True)


def list_going(workspace: Workspace) -> list[str]:
    """Return the ids of the running exports."""
    jobs = list_jobs(workspace.exports)
    return [name for name, job in jobs.items() if job.state == "running"]


def find_zip(workspace: Workspace, record: ExportRecord) -> Path:
    """Return the path of the zip of an export."""
    return workspace.export_folder(record.id) / record.file


def delete_export(workspace: Workspace, export_id: str) -> None:
    """Delete the export."""
    folder = workspace.export_folder(export_id)
    job = read_job(folder)
    if job is not None and job.state == "running":
        raise ExportRefused("This export is being made.", "Delete it when it is done.")
    (folder / RECORD_FILE).unlink(missing_ok=True)  # first: half of it is never listed
    shutil.rmtree(folder, ignore_errors=True)
