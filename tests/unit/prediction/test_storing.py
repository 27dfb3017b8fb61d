"""All photos of a bucket: one row each, as the model answers them, whatever is killed meanwhile."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from core.cli import main
from core.errors import RunStopped
from core.prediction.predictor import open_predictor
from core.prediction.storing import Folder, answer_folder, join_job
from core.runs.queue.units import Progress, list_jobs
from core.runs.store import list_runs
from core.storage import open_storage
from core.workspace import Workspace
from tests.builders import draw_photo, encode_photo
from tests.object_storage import fill, run_object_storage
from tests.processes import wait_until
from tests.training import copy_workspace

PHOTOS = {
    f"day {n % 3}/{n:03}.jpg": encode_photo(draw_photo(n % 5, n, (90, 80))) for n in range(24)
}
PHOTOS["day 1/torn.jpg"] = PHOTOS["day 1/001.jpg"][:200]
PHOTOS["notes.txt"] = b"no photo"
PART = """
import sys
from core.prediction import storing
from core.prediction.predictor import open_predictor
from core.storage import open_storage
from core.workspace import open_workspace
place = open_storage("s3://photos")
storing.answer_folder(
    open_workspace(), open_predictor(open_workspace(), sys.argv[1]),
    storing.Folder(photos=open_storage("s3://photos/in"), answers=place, name="a.parquet", unit=3),
)
"""


@pytest.fixture
def bucket() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, run_object_storage(patch):
        fill("s3://photos/in", PHOTOS)
        yield


def read_answers() -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(open_storage("s3://photos").read("a.parquet")))


@pytest.mark.usefixtures("bucket")
def test_each_photo_has_one_row_and_the_same_is_not_done_again(trained_copy: Workspace) -> None:
    predictor = open_predictor(trained_copy, list_runs(trained_copy)[0].id)
    folder = Folder(
        photos=open_storage("s3://photos/in"),
        answers=open_storage("s3://photos"),
        name="a.parquet",
        unit=7,
    )
    told: list[Progress] = []
    counts = answer_folder(trained_copy, predictor, folder, told.append)
    answers = read_answers()
    assert list(answers["photo"]) == sorted(name for name in PHOTOS if name.endswith(".jpg"))
    assert counts["photos"].sum() == 25 and (counts["problem"] != "").sum() == 1
    assert told[0] == Progress(0, 25) and told[-1] == Progress(25, 25)
    torn = answers[answers["problem"].notna()]
    assert list(torn["photo"]) == ["day 1/torn.jpg"] and torn["answer"].isna().all()
    for name in ("day 0/000.jpg", "day 2/023.jpg"):
        row = answers.set_index("photo").loc[name]
        best, score = predictor.predict(PHOTOS[name]).top[0]
        assert (row["class_1"], row["score_1"]) == (best, pytest.approx(score, abs=1e-5))
    left = [one.name for one in open_storage("s3://photos").list_files()]
    assert sorted(left) == sorted(["a.parquet", *(f"in/{name}" for name in PHOTOS)])
    told.clear()
    assert answer_folder(trained_copy, predictor, folder, told.append).equals(counts) and not told


@pytest.mark.usefixtures("bucket")
def test_who_is_told_may_stop_it_and_what_is_done_is_kept(trained_copy: Workspace) -> None:
    predictor = open_predictor(trained_copy, list_runs(trained_copy)[0].id)
    places = {"photos": open_storage("s3://photos/in"), "answers": open_storage("s3://photos")}
    folder = Folder(**places, name="a.parquet", unit=7)
    told: list[Progress] = []

    def stop_at_ten(reached: Progress) -> None:
        told.append(reached)
        if reached.done == 10:
            raise RunStopped("Stopped.", "Go on.")

    with pytest.raises(RunStopped):
        answer_folder(trained_copy, predictor, folder, stop_at_ten)
    assert Progress(5, 25) in told and not open_storage("s3://photos").has("a.parquet")
    told.clear()
    answer_folder(trained_copy, predictor, folder, told.append)
    assert told[0] == Progress(7, 25) and len(read_answers()) == 25  # at once: it was given back


@pytest.mark.usefixtures("bucket")
def test_a_worker_that_makes_the_default_rule_itself_joins(
    trained_copy: Workspace, tmp_path: Path
) -> None:
    run = list_runs(trained_copy)[0].id
    there = Workspace(tmp_path / "there")
    copy_workspace(trained_copy, there)
    folder = Folder(
        photos=open_storage("s3://photos/in"), answers=open_storage("s3://photos"), name="a.parquet"
    )

    def stop(_: Progress) -> None:
        raise RunStopped("It was stopped.", "Go on.")

    with pytest.raises(RunStopped):
        answer_folder(trained_copy, open_predictor(trained_copy, run), folder, stop)
    [job] = list_jobs(trained_copy)
    theirs = open_predictor(there, run)
    ours = open_predictor(trained_copy, run)
    assert theirs.rule is not None and ours.rule is not None
    assert theirs.rule.made != ours.rule.made
    assert join_job(there, job, theirs) is not None
    fill("s3://photos/in", {"new.jpg": PHOTOS["day 0/000.jpg"]})
    assert join_job(there, job, theirs) is None


@pytest.mark.slow
@pytest.mark.usefixtures("bucket")
def test_several_processes_share_the_parts_and_kills_lose_none(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id

    def begin() -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "PETALSCOPE_HEARTBEAT_TIMEOUT_S": "3"}
        return subprocess.Popen([sys.executable, "-c", PART, run], env=environment)

    def count_parts() -> int:
        return sum("a.parquet." in one.name for one in open_storage("s3://photos").list_files())

    children = [begin(), begin()]
    for enough in (1, 3):
        wait_until(lambda enough=enough: count_parts() >= enough, "some parts are done")
        killed = children.pop(0)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        children.append(begin())
    assert [child.wait(120) for child in children] == [0, 0]
    answers = read_answers()
    assert list(answers["photo"]) == sorted(name for name in PHOTOS if name.endswith(".jpg"))
    assert answers["class_1"].notna().sum() == 24


def test_the_command_answers_a_folder_into_parquet(
    trained_copy: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(f"{tmp_path}/in", PHOTOS)
    asked = ["predict", "latest", "--dir", f"{tmp_path}/in", "--to", f"{tmp_path}/out/a.parquet"]
    assert main(asked) == 1  # one of them is torn
    assert "a row a photo" in capsys.readouterr().out
    assert len(pd.read_parquet(f"{tmp_path}/out/a.parquet")) == 25
    assert main(["predict", "latest", "--dir", "s3://photos/in"]) == 1
    assert "s3://bucket/answers.parquet (on the command line with --to)" in capsys.readouterr().err
    assert trained_copy.root.exists()
