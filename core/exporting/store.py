"""The exports of a workspace: exports/<id>/ holds the job that makes one, export.json and the zip.

The id names the model, the formats and the golden photos, so the same request is not made twice.
export.json is written last: where it is, the zip is whole.
"""

import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from core.config import fingerprint
from core.errors import ExportMissing, ExportRefused
from core.exporting.documents import Origin
from core.exporting.subject import FORMATS, Format, digest_subject
from core.runs.jobs import JobStatus, Tell, read_job, run_job, start_job
from core.workspace import Workspace, open_workspace, write_json

_FACTS = "export.json"
STAGING_PREFIX = "export-"
"""Of the folders in the workspace's temporary one in which exports are put together."""

_LEFTOVER_S = 24 * 3600.0
_VERSION = 1
"""To be raised when the same request gives another zip."""


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What is to be in an export."""

    model: str
    """“v3”, or the id of a run."""
    formats: tuple[Format, ...]
    """In the order of FORMATS."""
    space: bool = False
    """Whether the folder for a hosted Space is in it."""
    golden: Origin = "dataset"
    """Where the golden photos are from."""


@dataclass(frozen=True, kw_only=True)
class ExportRecord(ExportRequest):
    """An export that stands in the workspace."""

    id: str
    title: str
    photos: int
    """How many golden photos there are."""
    file: str
    bytes: int
    sha256: str
    created: datetime
    checked: dict[str, dict[str, Any]]
    """Format → what its own check.py said: state, difference."""
    seconds: dict[str, float]
    """How long each step took."""


_RECORD = TypeAdapter(ExportRecord)


def make_request(
    model: str, formats: Sequence[str], *, space: bool = False, golden: Origin = "dataset"
) -> ExportRequest:
    """Return the request.

    Raises:
        ExportRefused: A format is unknown, or nothing is wished for.
    """
    if unknown := [name for name in formats if name not in FORMATS]:
        raise ExportRefused(
            f"There is no format “{unknown[0]}”.", f"Choose from {', '.join(FORMATS)}."
        )
    if not formats and not space:
        raise ExportRefused("No format is chosen.", f"Choose from {', '.join(FORMATS)}.")
    ordered = tuple(name for name in FORMATS if name in formats)
    return ExportRequest(model=model, formats=ordered, space=space, golden=golden)


def identify_export(workspace: Workspace, request: ExportRequest) -> str:
    """Return the id of the export that fulfils the request.

    Raises:
        VersionMissing: No version has that number.
        RunMissing: No run has that id.
        RunUnfinished: The run has no result (yet).
    """
    subject = digest_subject(workspace, request.model)
    return fingerprint({"export": _VERSION, "subject": subject, **asdict(request)})


def start_export(workspace: Workspace, request: ExportRequest) -> str:
    """Return `identify_export`; unless that is there, a process of its own makes it."""
    identifier = identify_export(workspace, request)
    if not is_made(workspace, identifier):
        folder = workspace.export_folder(identifier)
        start_job(workspace, folder, "core.exporting.store", asdict(request))
    return identifier


def read_status(workspace: Workspace, export_id: str) -> JobStatus | None:
    """Return where the job of an export stands; None when none was started."""
    return read_job(workspace.export_folder(export_id))


def is_made(workspace: Workspace, export_id: str) -> bool:
    """Return whether the export stands in the workspace, of the right size."""
    with suppress(ExportMissing):
        record = read_export(workspace, export_id)
        return find_zip(workspace, record).stat().st_size == record.bytes
    return False


def keep_export(workspace: Workspace, record: ExportRecord) -> None:
    """List the export, whose zip is written, from now on."""
    content = asdict(record) | {"created": record.created.isoformat()}
    write_json(workspace.export_folder(record.id) / _FACTS, content)


def read_export(workspace: Workspace, export_id: str) -> ExportRecord:
    """Return an export.

    Raises:
        ExportMissing: There is none of that id, or its zip is gone.
    """
    try:
        content = (workspace.export_folder(export_id) / _FACTS).read_bytes()
        record = _RECORD.validate_json(content)
    except (OSError, ValueError) as error:
        raise _missing(export_id) from error
    if not find_zip(workspace, record).is_file():
        raise _missing(export_id)
    return record


def list_exports(workspace: Workspace) -> list[ExportRecord]:
    """Return the exports that are made, newest first."""
    found = []
    for file in workspace.exports.glob(f"[!.]*/{_FACTS}"):
        with suppress(ExportMissing):
            found.append(read_export(workspace, file.parent.name))
    return sorted(found, key=lambda record: record.created, reverse=True)


def list_going(workspace: Workspace) -> list[str]:
    """Return the ids of the exports that are being made."""
    names = [file.parent.name for file in sorted(workspace.exports.glob("[!.]*/job.json"))]
    return [name for name in names if _is_going(workspace, name)]


def _is_going(workspace: Workspace, export_id: str) -> bool:
    status = read_status(workspace, export_id)
    return status is not None and status.state == "going"


def find_zip(workspace: Workspace, record: ExportRecord) -> Path:
    """Return where the zip of an export stands."""
    return workspace.export_folder(record.id) / record.file


def delete_export(workspace: Workspace, export_id: str) -> None:
    """Delete the export.

    Raises:
        ExportRefused: It is being made.
    """
    if _is_going(workspace, export_id):
        raise ExportRefused("This export is being made.", "Delete it when it is done.")
    folder = workspace.export_folder(export_id)
    (folder / _FACTS).unlink(missing_ok=True)  # first: nobody lists half of it
    shutil.rmtree(folder, ignore_errors=True)


def sweep_leftovers(workspace: Workspace) -> None:
    """Delete what killed exports left behind a day ago or more."""
    for folder in filter(_is_left_over, workspace.temporary.glob(f"{STAGING_PREFIX}*")):
        shutil.rmtree(folder, ignore_errors=True)
    for part in filter(_is_left_over, workspace.exports.glob("[!.]*/.*.zip")):
        part.unlink(missing_ok=True)


def _is_left_over(path: Path) -> bool:
    with suppress(FileNotFoundError):  # another export has ended meanwhile
        return path.stat().st_mtime < time.time() - _LEFTOVER_S
    return False


def _missing(export_id: str) -> ExportMissing:
    return ExportMissing(
        f"There is no export “{export_id}” in this workspace.",
        "Make it again: page Models, or “python -m core export --model …”.",
        export_id=export_id,
    )


def execute_export(folder: Path) -> None:
    """Make the export that the job.json in the folder describes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.nice(5)  # pages that are looked at meanwhile come first

    def work(parameters: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        tell("starting", 0, 0)
        from core.exporting.making import make_export

        request = make_request(**parameters)
        return asdict(make_export(open_workspace(), request, tell)) | {"created": ""}

    run_job(folder, work)


if __name__ == "__main__":
    execute_export(Path(sys.argv[1]))
