"""Import photos in a job, which prepares the dataset in its folder (`staged`).

There it waits until a person saves or discards it, unless the job has `keep`.
"""

import re
import shutil
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from core.errors import ImportFailed, LayoutUnclear
from core.runs.jobs import JobStatus, Report, read_job, start_job
from core.runs.locks import free_lock, hold_lock, take_lock
from core.runs.run_files import read_events
from core.workspace import Workspace
from data.report import ImportReport
from data.sources.found import SourceRequest

if TYPE_CHECKING:
    from data.dataset import Dataset

_LOCK, _UPLOAD, _STAGED, _STOP = "job.lock", "upload", "staged", "stop"
_DAY_S = 86_400
_MARK = re.compile(r"^upload-[0-9a-f]{12}-(?=.)")
_KEPT_S = 7 * _DAY_S


@dataclass(frozen=True, kw_only=True)
class ImportJob:
    """An import; `keep`: save the dataset without asking."""

    request: SourceRequest
    name: str | None = None
    split_seed: int = 0
    keep: bool = False
    remove_source: bool = False
    """`request.path` is an upload: it moves into the folder of the import and is deleted after."""


_REPORT = TypeAdapter(ImportReport)
"""For plain JSON between processes."""


@dataclass(frozen=True, kw_only=True)
class ImportStatus(JobStatus):
    """The state of an import: of its job, or "ready"; from then on with a report."""

    id: str
    job: ImportJob
    report: ImportReport | None

    @property
    def dataset_id(self) -> str | None:
        """The dataset, after it was saved."""
        return self.report.dataset_id if self.report and self.state == "done" else None


def start_import(workspace: Workspace, job: ImportJob) -> str:
    """Start the job in a detached process and return its id."""
    clean_imports(workspace)
    import_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    folder = workspace.import_folder(import_id)
    folder.mkdir(parents=True)
    if job.remove_source:
        path = _take_upload(Path(job.request.path), folder)
        job = replace(job, request=replace(job.request, path=str(path)))
    start_job(workspace, folder, "import", {**asdict(job), "id": import_id})
    return import_id


def read_import(workspace: Workspace, import_id: str) -> ImportStatus:
    """Return the state of an import.

    Raises:
        ImportFailed: There is no such import.
    """
    folder = workspace.import_folder(import_id)
    job = read_job(folder)
    if job is None or "request" not in job.parameters:
        raise ImportFailed(f"Import “{import_id}” was not found.", "Start it again.")
    report = _REPORT.validate_python(job.result) if job.state == "done" else None
    asked = _restore_job(job.parameters)
    status = ImportStatus(id=import_id, job=asked, report=report, **vars(job))
    if job.state != "done" or status.report is None:
        return status
    if (folder / _STAGED).is_dir():
        return replace(status, state="ready")
    if workspace.dataset_folder(status.report.dataset_id).is_dir():
        return status
    return replace(
        status,
        state="failed",
        problem="The dataset of this import was deleted.",
        remedy="Start the import again.",
    )


def restart_import(workspace: Workspace, status: ImportStatus, **changes: Any) -> str:
    """Start an import again with other fields of its request, and return its new id."""
    job = replace(status.job, request=replace(status.job.request, **changes))
    import_id = start_import(workspace, job)
    discard_import(workspace, status.id)
    return import_id


def keep_import(workspace: Workspace, import_id: str) -> "Dataset":
    """Save the prepared dataset in the workspace and return it.

    Raises:
        ImportFailed: There is no such import, or it is not ready.
    """
    from data.importing import keep_dataset
    from data.manifest import read_dataset

    folder = workspace.import_folder(import_id)
    status = read_import(workspace, import_id)
    if status.state == "failed":
        raise ImportFailed(status.problem, status.remedy)
    if status.report is None:
        raise ImportFailed("The import is still running.", "Wait until all photos are read.")
    dataset_id = status.report.dataset_id
    with hold_lock(folder / _LOCK):  # never saved and discarded at the same time
        if (folder / _STAGED).is_dir():  # else another process has just saved it
            return keep_dataset(workspace, folder / _STAGED, dataset_id)
    return read_dataset(workspace, dataset_id)


def discard_import(workspace: Workspace, import_id: str) -> None:
    """Remove an import and its prepared photos; a running one stops at the next photo.

    A saved dataset stays.

    Raises:
        ImportFailed: There is no such import.
    """
    folder = workspace.import_folder(import_id)
    if read_import(workspace, import_id).state == "running":
        (folder / _STOP).touch()
        return
    with hold_lock(folder / _LOCK):
        shutil.rmtree(folder)


def clean_imports(workspace: Workspace) -> None:
    """Remove the remains of killed and stopped imports, and everything older than a week."""
    for folder in workspace.imports.iterdir():
        with suppress(FileNotFoundError):  # another process may be cleaning, too
            _clean_import(folder)
    for upload in workspace.temporary.glob("upload-*"):
        with suppress(FileNotFoundError):
            if time.time() - upload.stat().st_mtime > _DAY_S:
                upload.unlink()


def list_waiting(workspace: Workspace) -> list[ImportStatus]:
    """Return the imports that run or wait for a decision, newest first."""
    folders = sorted(workspace.imports.glob(f"*/{_STAGED}"), reverse=True)
    found = [read_import(workspace, folder.parent.name) for folder in folders]
    return [status for status in found if status.state in ("running", "ready")]


def import_photos(
    workspace: Workspace, parameters: Mapping[str, Any], report: Report
) -> Mapping[str, Any]:
    """Do the job: return the report of the import."""
    from data.importing import keep_dataset, prepare_dataset

    job, folder = _restore_job(parameters), workspace.import_folder(parameters["id"])
    kept = False

    def follow(phase: str, done: int, total: int) -> None:
        if (folder / _STOP).exists():
            raise ImportFailed("The import was stopped.", "Start it again.")
        report(phase, done, total)

    try:
        prepared = prepare_dataset(
            workspace,
            job.request,
            folder / _STAGED,
            name=job.name,
            split_seed=job.split_seed,
            on_progress=follow,
        )
        if job.keep:
            keep_dataset(workspace, folder / _STAGED, prepared.dataset_id)
        return asdict(prepared)
    except LayoutUnclear:
        kept = True  # until a person has chosen
        raise
    finally:
        if not kept:
            shutil.rmtree(folder / _UPLOAD, ignore_errors=True)


def _restore_job(parameters: Mapping[str, Any]) -> ImportJob:
    asked = {name: value for name, value in parameters.items() if name != "id"}
    return ImportJob(**asked | {"request": SourceRequest(**asked["request"])})


def _clean_import(folder: Path) -> None:
    age = time.time() - folder.stat().st_mtime
    starting = not (folder / "job.json").exists() and age < _DAY_S
    if starting or (lock := take_lock(folder / _LOCK)) is None:  # None: it runs
        return
    try:
        ends = [event for event in read_events(folder)[0] if event.get("event") == "end"]
        if not any(end["code"] == LayoutUnclear.code for end in ends if "code" in end):
            shutil.rmtree(folder / _UPLOAD, ignore_errors=True)
        if age > _KEPT_S or (folder / _STOP).exists():
            shutil.rmtree(folder)
        elif not ends:  # killed
            shutil.rmtree(folder / _STAGED, ignore_errors=True)
    finally:
        free_lock(lock)


def _take_upload(source: Path, folder: Path) -> Path:
    """Move an upload into the folder of its import and return its new path."""
    (folder / _UPLOAD).mkdir()
    name = _MARK.sub("", source.name)  # its original name
    return Path(shutil.move(source, folder / _UPLOAD / name))
