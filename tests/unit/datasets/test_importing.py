"""Imports in processes of their own: each end has its state and leaves no files."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.datasets.importing import (
    ImportJob,
    ImportStatus,
    clean_imports,
    discard_import,
    keep_import,
    list_waiting,
    read_import,
    restart_import,
    start_import,
)
from core.errors import DiskFull, ImportFailed
from core.runs.locks import free_lock, is_locked, take_lock
from core.workspace import PROJECT_ROOT, Workspace
from data.manifest import hide_dataset, list_datasets, read_dataset
from data.sources.found import SourceRequest
from tests.builders import write_class_folders
from tests.processes import find_processes, wait_until

WEEK_S = 7 * 86_400
START = (
    "import sys; from core.datasets.importing import ImportJob, start_import\n"
    "from core.workspace import open_workspace\n"
    "from data.sources.found import SourceRequest\n"
    "request = SourceRequest(path=sys.argv[1])\n"
    "print(start_import(open_workspace(), ImportJob(request=request, keep=True)))"
)
"""Starts the import of a folder and prints its id."""


@pytest.fixture(autouse=True)
def end_imports(workspace: Workspace) -> Iterator[None]:
    """No import process outlives its test."""
    yield
    for process in find_processes(workspace, "core.jobs"):
        process.kill()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_class_folders(tmp_path / "photos")


def start(workspace: Workspace, path: Path, **more: object) -> str:
    return start_import(workspace, ImportJob(request=SourceRequest(path=str(path)), **more))


def wait_for_end(workspace: Workspace, import_id: str) -> ImportStatus:
    wait_until(lambda: read_import(workspace, import_id).state != "running", "the import ends")
    lock = workspace.import_folder(import_id) / "job.lock"
    wait_until(lambda: not is_locked(lock), "its process ends")
    return read_import(workspace, import_id)


def start_frozen_import(
    workspace: Workspace, path: Path, *, upload: bool = False
) -> tuple[str, psutil.Process]:
    """Return an import and its process, which stands still before it has begun."""
    import_id = start(workspace, path, remove_source=upload)
    [process] = wait_until(lambda: find_processes(workspace, "core.jobs"), "it has begun")
    process.suspend()
    return import_id, process


def write_upload(workspace: Workspace) -> Path:
    upload = workspace.temporary / "upload-0123.zip"
    upload.write_bytes(b"not an archive")
    return upload


def test_an_upload_keeps_the_name_that_it_had(workspace: Workspace, photos: Path) -> None:
    packed = shutil.make_archive(str(workspace.temporary / "packed"), "zip", photos)
    upload = workspace.temporary / "upload-0123456789ab-My garden.v2.ZIP"
    Path(packed).rename(upload)
    status = wait_for_end(workspace, start(workspace, upload, remove_source=True))
    assert status.report is not None, status.problem
    assert status.report.source == "My garden.v2.ZIP"
    assert status.report.name == "My garden.v2"


def test_an_import_waits_with_its_report_until_it_is_kept(
    workspace: Workspace, photos: Path
) -> None:
    shutil.copy(photos / "rose/rose_000.jpg", photos / "rose/copy.jpg")
    import_id = start(workspace, photos, name="garden")
    status = wait_for_end(workspace, import_id)
    assert (status.state, status.done, status.total, status.problem) == ("ready", 31, 31, "")
    assert status.report is not None
    assert (status.report.photos, status.report.exact_duplicates) == (31, 1)
    assert status.dataset_id is None and list_datasets(workspace) == []
    assert [waiting.id for waiting in list_waiting(workspace)] == [import_id]

    dataset = keep_import(workspace, import_id)
    assert (dataset.id, dataset.name, len(dataset)) == (status.report.dataset_id, "garden", 31)
    assert read_import(workspace, import_id).dataset_id == dataset.id
    assert keep_import(workspace, import_id).id == dataset.id, "a second click changes nothing"
    assert list_waiting(workspace) == []
    assert photos.is_dir()


def test_an_import_may_be_kept_at_once(workspace: Workspace, photos: Path) -> None:
    status = wait_for_end(workspace, start(workspace, photos, keep=True))
    assert status.state == "done" and status.dataset_id is not None
    assert len(read_dataset(workspace, status.dataset_id)) == 30
    hide_dataset(workspace, status.dataset_id)
    status = read_import(workspace, status.id)
    assert status.state == "failed" and "deleted" in status.problem
    with pytest.raises(ImportFailed, match="deleted"):
        keep_import(workspace, status.id)


def test_a_discarded_import_leaves_nothing(workspace: Workspace, photos: Path) -> None:
    import_id = start(workspace, photos)
    assert wait_for_end(workspace, import_id).state == "ready"
    discard_import(workspace, import_id)
    assert list(workspace.imports.iterdir()) == list(workspace.datasets.iterdir()) == []
    for decide in (read_import, keep_import, discard_import):
        with pytest.raises(ImportFailed):
            decide(workspace, import_id)


def test_an_import_that_is_going_can_be_stopped(workspace: Workspace, photos: Path) -> None:
    import_id, process = start_frozen_import(workspace, photos)
    with pytest.raises(ImportFailed, match="still running"):
        keep_import(workspace, import_id)
    discard_import(workspace, import_id)
    process.resume()
    status = wait_for_end(workspace, import_id)
    assert status.state == "failed" and "stopped" in status.problem
    assert not (workspace.import_folder(import_id) / "staged").exists()
    clean_imports(workspace)
    assert list(workspace.imports.iterdir()) == []


def test_a_refused_upload_says_why_and_is_removed(workspace: Workspace) -> None:
    upload = write_upload(workspace)
    import_id = start(workspace, upload, remove_source=True)
    assert not upload.exists()
    status = wait_for_end(workspace, import_id)
    assert status.state == "failed" and status.code == "archive_refused"
    assert "archive" in status.problem and status.remedy
    wait_until(lambda: not list(workspace.imports.glob("*/upload")), "the upload is removed")
    assert not list(workspace.imports.glob("*/staged"))
    assert list(workspace.datasets.iterdir()) == []


def test_a_killed_import_has_failed_and_what_it_left_goes_with_the_next(
    workspace: Workspace, photos: Path
) -> None:
    killed, process = start_frozen_import(workspace, write_upload(workspace), upload=True)
    assert read_import(workspace, killed).state == "running"
    [upload] = workspace.imports.glob("*/upload/*.zip")
    staged = workspace.import_folder(killed) / "staged"
    staged.mkdir(exist_ok=True)
    process.kill()
    status = wait_for_end(workspace, killed)
    assert status.state == "failed" and "job.log" in status.remedy

    following = start(workspace, photos, keep=True)
    assert not upload.exists() and not staged.exists()
    assert wait_for_end(workspace, following).state == "done"


def test_an_upload_that_is_being_read_is_left_alone(workspace: Workspace, tmp_path: Path) -> None:
    going, _ = start_frozen_import(workspace, write_upload(workspace), upload=True)
    other = start(workspace, tmp_path / "nowhere")
    assert wait_for_end(workspace, other).state == "failed"
    assert read_import(workspace, going).state == "running"
    assert list(workspace.imports.glob("*/upload/*.zip"))


def test_only_old_imports_are_cleaned(workspace: Workspace, photos: Path) -> None:
    ready = start(workspace, photos)
    assert wait_for_end(workspace, ready).state == "ready"
    being_sent = write_upload(workspace)
    just_begun = workspace.imports / "20260101-000000-abcdef"
    just_begun.mkdir()
    clean_imports(workspace)
    assert read_import(workspace, ready).state == "ready"
    assert being_sent.exists() and just_begun.exists()
    old = time.time() - WEEK_S - 1
    for path in (workspace.import_folder(ready), being_sent, just_begun):
        os.utime(path, (old, old))
    # An import that is being saved at this moment is locked.
    lock = take_lock(workspace.import_folder(ready) / "job.lock")
    assert lock is not None
    clean_imports(workspace)
    assert list(workspace.imports.iterdir()) == [workspace.import_folder(ready)]
    free_lock(lock)
    clean_imports(workspace)
    assert list(workspace.imports.iterdir()) == list(workspace.temporary.iterdir()) == []


def test_a_full_disk_is_reported_and_leaves_nothing(workspace: Workspace, photos: Path) -> None:
    """The import's files may not grow beyond 1 MB (as on a full disk)."""
    limit = (1_000_000, 1_000_000)
    started = subprocess.run(
        [sys.executable, "-c", START, str(photos)],
        cwd=PROJECT_ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        capture_output=True,
        text=True,
        check=True,
    )
    status = wait_for_end(workspace, started.stdout.strip())
    assert (status.state, status.code) == ("failed", DiskFull.code), status.problem
    assert not (workspace.import_folder(status.id) / "staged").exists()
    assert list(workspace.datasets.iterdir()) == list(workspace.temporary.iterdir()) == []


def test_a_bug_is_reported_with_its_log(workspace: Workspace, photos: Path) -> None:
    # A name must be text, and nothing checks it: a real bug.
    import_id = start(workspace, photos, name=5)
    status = wait_for_end(workspace, import_id)
    assert status.state == "failed" and "AttributeError" in status.problem
    log = workspace.import_folder(import_id) / "job.log"
    assert str(log) in status.remedy
    wait_until(lambda: "Traceback" in log.read_text(encoding="utf-8"), "the log says where")


@pytest.mark.usefixtures("photos")
def test_the_workspace_may_be_relative_to_any_working_directory(tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-P", "-c", START, "photos"],
        cwd=tmp_path,
        env=os.environ | {"PETALSCOPE_WORKSPACE": "here", "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    status = wait_for_end(Workspace(tmp_path / "here"), started.stdout.strip())
    assert status.state == "done", status.problem


def test_an_unclear_upload_waits_for_the_choice_of_its_layout(
    workspace: Workspace, tmp_path: Path
) -> None:
    for place in ("colour", "grey"):
        write_class_folders(tmp_path / "photos" / place, photos_per_class=2)
    upload = Path(
        shutil.make_archive(str(workspace.temporary / "upload"), "zip", tmp_path / "photos")
    )
    import_id = start(workspace, upload, remove_source=True)
    wait_until(lambda: read_import(workspace, import_id).state == "failed", "the question")
    asked = read_import(workspace, import_id)
    assert asked.code == "layout_unclear"
    assert [name for name, _, _ in asked.result["readings"]] == ["inner", "classes"]
    clean_imports(workspace)
    again = restart_import(workspace, asked, layout="inner")
    wait_until(lambda: read_import(workspace, again).state == "ready", "the report")
    report = read_import(workspace, again).report
    assert report is not None and [one.name for one in report.classes] == ["daisy", "rose", "tulip"]
    assert [folder.name for folder in workspace.imports.iterdir()] == [again]
