"""Import photos in a job, which prepares the dataset in its folder (`staged`).

There it waits until a person keeps or discards it, unless the job says `keep`.
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

from core.errors import ImportFailed
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
    """What to import; `keep`: without waiting for a decision."""

    request: SourceRequest
    name: str | None = None
    split_seed: int = 0
    keep: bool = False
    remove_source: bool = False
    """`request.path` is an upload: it moves into the folder of the import and goes at its end."""


_REPORT = TypeAdapter(ImportReport)
"""Plain JSON, by `asdict`, on its way between processes."""


@dataclass(frozen=True, kw_only=True)
class ImportStatus(JobStatus):
    """The state of an import: that of its job, or "ready"; `report` from there on."""

    id: str
    job: ImportJob
    report: ImportReport | None

    @property
    def dataset_id(self) -> str | None:
        """The dataset that was made, once it is kept."""
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
        ImportFailed: There is no import of that id (any more).
    """
    folder = workspace.import_folder(import_id)
    job = read_job(folder)
    if job is None or "request" not in job.parameters:
        raise ImportFailed(f"There is no import “{import_id}”.", "Start it again.")
    report = _REPORT.validate_python(job.result) if job.result else None
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
        problem="The dataset of this import was deleted since.",
        remedy="Start the import again.",
    )


def keep_import(workspace: Workspace, import_id: str) -> "Dataset":
    """Make what was prepared a dataset of the workspace, and returns it.

    Raises:
        ImportFailed: There is no such import, or nothing of it to keep.
    """
    from data.importing import keep_dataset
    from data.manifest import read_dataset

    folder = workspace.import_folder(import_id)
    status = read_import(workspace, import_id)
    if status.state == "failed":
        raise ImportFailed(status.problem, status.remedy)
    if status.report is None:
        raise ImportFailed("The import is still going.", "Wait until all photos are read.")
    with hold_lock(folder / _LOCK):  # not kept and discarded at one time
        if (folder / _STAGED).is_dir():  # else another has kept it meanwhile
            return keep_dataset(workspace, folder / _STAGED)
    return read_dataset(workspace, status.report.dataset_id)


def discard_import(workspace: Workspace, import_id: str) -> None:
    """Remove an import and what it prepared; one that is going stops at the next photo.

    A dataset that was kept stays.

    Raises:
        ImportFailed: There is no import of that id.
    """
    folder = workspace.import_folder(import_id)
    if read_import(workspace, import_id).state == "going":
        (folder / _STOP).touch()
        return
    with hold_lock(folder / _LOCK):
        shutil.rmtree(folder)


def clean_imports(workspace: Workspace) -> None:
    """Remove what killed and stopped imports left, and all a week old."""
    for folder in workspace.imports.iterdir():
        with suppress(FileNotFoundError):  # another may be cleaning at this moment
            _clean_import(folder)
    for upload in workspace.temporary.glob("upload-*"):
        with suppress(FileNotFoundError):
            if time.time() - upload.stat().st_mtime > _DAY_S:
                upload.unlink()


def list_waiting(workspace: Workspace) -> list[ImportStatus]:
    """Return the imports that are going or wait for a decision, newest first."""
    folders = sorted(workspace.imports.glob(f"*/{_STAGED}"), reverse=True)
    found = [read_import(workspace, folder.parent.name) for folder in folders]
    return [status for status in found if status.state in ("going", "ready")]


def import_photos(
    workspace: Workspace, parameters: Mapping[str, Any], report: Report
) -> Mapping[str, Any]:
    """Do the job: return the report of the import."""
    from data.importing import Progress, keep_dataset, prepare_dataset

    job, folder = _restore_job(parameters), workspace.import_folder(parameters["id"])

    def follow(progress: Progress) -> None:
        if (folder / _STOP).exists():
            raise ImportFailed("The import was stopped.", "Start it again when you like.")
        report(progress.phase, progress.done, progress.total)

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
            keep_dataset(workspace, folder / _STAGED)
        return asdict(prepared)
    finally:
        shutil.rmtree(folder / _UPLOAD, ignore_errors=True)


def _restore_job(parameters: Mapping[str, Any]) -> ImportJob:
    asked = {name: value for name, value in parameters.items() if name != "id"}
    return ImportJob(**asked | {"request": SourceRequest(**asked["request"])})


def _clean_import(folder: Path) -> None:
    age = time.time() - folder.stat().st_mtime
    starting = not (folder / "job.json").exists() and age < _DAY_S
    if starting or (lock := take_lock(folder / _LOCK)) is None:  # None: it is going
        return
    try:
        shutil.rmtree(folder / _UPLOAD, ignore_errors=True)
        if age > _KEPT_S or (folder / _STOP).exists():
            shutil.rmtree(folder)
        elif not any(event.get("event") == "end" for event in read_events(folder)[0]):  # killed
            shutil.rmtree(folder / _STAGED, ignore_errors=True)
    finally:
        free_lock(lock)


def _take_upload(source: Path, folder: Path) -> Path:
    """Return the upload's new path, in a folder of its own inside the folder of the import."""
    (folder / _UPLOAD).mkdir()
    name = _MARK.sub("", source.name)  # as it was called where it came from
    return Path(shutil.move(source, folder / _UPLOAD / name))
