"""The job that answers a folder of storage: done once, gone on with."""

import io
import signal
from collections.abc import Iterator

import pandas as pd
import pytest

from core.errors import SourceRefused, StorageFailed
from core.registry.answering import read_answering, start_answering
from core.runs.jobs import JobStatus
from core.runs.store import list_runs
from core.storage import open_storage
from core.workspace import Workspace
from tests.builders import draw_photo, encode_photo
from tests.object_storage import SECRET, fill, run_object_storage
from tests.processes import find_processes, wait_until
from tests.registered import register_versions

PHOTOS = {f"day {n % 2}/{n}.jpg": encode_photo(draw_photo(n % 3, n, (90, 80))) for n in range(6)}
PHOTOS["day 1/torn.jpg"] = PHOTOS["day 1/1.jpg"][:200]
FILE = "s3://photos/a.parquet"


@pytest.fixture(autouse=True)
def _bucket() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, run_object_storage(patch):
        fill("s3://photos/in", PHOTOS)
        fill("s3://photos/few", {"1.jpg": PHOTOS["day 1/1.jpg"]})
        fill("s3://photos/none", {"notes.txt": b"no photo"})
        yield


def start(workspace: Workspace, photos: str = "in", *, anew: bool = False) -> str:
    """Return the id of the work of a folder, whose answers go into the one file."""
    model = {"model": list_runs(workspace)[0].id, "by": "Run 1"}
    return start_answering(workspace, FILE, photos=f"s3://photos/{photos}", anew=anew, **model)


def wait_for(workspace: Workspace, identifier: str) -> JobStatus:
    def end() -> JobStatus | None:
        job = read_answering(workspace, identifier)
        return job if job is not None and job.state != "going" else None

    return wait_until(end, "the folder is answered")


def count_rows() -> int:
    return len(pd.read_parquet(io.BytesIO(open_storage("s3://photos").read("a.parquet"))))


def test_a_folder_is_answered_once_and_its_file_may_be_taken_by_another(
    trained_copy: Workspace,
) -> None:
    identifier = start(trained_copy)
    with pytest.raises(SourceRefused, match="being written there"):
        start(trained_copy, "few")
    done = wait_for(trained_copy, identifier)
    assert done.state == "done" and (done.done, done.total) == (7, 7)
    assert sum(photos for _, photos in done.result["said"]) == 6
    assert [photos for _, photos in done.result["problems"]] == [1]
    assert count_rows() == 7
    assert start(trained_copy) == identifier and read_answering(trained_copy, identifier) == done
    fill("s3://photos/in", {"new.jpg": PHOTOS["day 0/0.jpg"]})
    start(trained_copy, anew=True)
    assert wait_for(trained_copy, identifier).total == 8 and count_rows() == 8
    assert start(trained_copy, "few") == identifier
    assert wait_for(trained_copy, identifier).parameters["photos"].endswith("few")
    assert count_rows() == 1


def test_a_job_that_was_killed_is_gone_on_with_by_a_version_as_well(
    trained_copy: Workspace,
) -> None:
    (version,) = register_versions(trained_copy, 1)
    asked = {"photos": "s3://photos/in", "model": version.label, "by": version.label}
    identifier = start_answering(trained_copy, FILE, **asked)
    (process,) = wait_until(
        lambda: find_processes(trained_copy, "core.registry.answering"), "it has begun"
    )
    process.send_signal(signal.SIGKILL)
    ended = wait_for(trained_copy, identifier)
    assert ended.state == "failed" and "ended from outside" in ended.problem
    assert "parts done are kept" in ended.remedy
    start_answering(trained_copy, FILE, **asked)
    assert wait_for(trained_copy, identifier).state == "done" and count_rows() == 7


def test_a_bucket_that_is_not_there_and_a_folder_without_photos_are_said(
    trained_copy: Workspace,
) -> None:
    run = {"model": list_runs(trained_copy)[0].id, "by": "Run 1"}
    said = [
        wait_for(trained_copy, identifier)
        for identifier in [
            start_answering(trained_copy, "s3://gone/a.parquet", photos="s3://gone/in", **run),
            start_answering(trained_copy, FILE, photos="s3://photos/none", **run),
        ]
    ]
    assert [job.code for job in said] == ["storage_failed", "source_refused"]
    assert "s3://gone/in could not be listed" in said[0].problem
    assert "no photos in s3://photos/none" in said[1].problem
    assert not any(SECRET in job.problem + job.remedy for job in said)


@pytest.mark.parametrize(
    ("photos", "answers", "refused"),
    [
        ("s3://photos/in", "s3://photos/a.csv", SourceRefused),
        ("s3://photos/in", "/tmp/a.parquet", SourceRefused),
        ("/tmp", FILE, SourceRefused),
        ("", "", SourceRefused),
        (f"s3://key:{SECRET}@photos/in", FILE, StorageFailed),
        (f"s3://key:a/{SECRET}@photos/in", FILE, StorageFailed),
        ("s3://", FILE, StorageFailed),
    ],
)
def test_an_address_that_cannot_be_used_begins_nothing(
    workspace: Workspace, photos: str, answers: str, refused: type[Exception]
) -> None:
    with pytest.raises(refused) as raised:
        start_answering(workspace, answers, photos=photos, model="v1", by="v1")
    assert SECRET not in str(raised.value)
    assert not list(workspace.analyses.iterdir())
