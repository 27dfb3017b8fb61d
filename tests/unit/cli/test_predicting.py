"""`predict` with registered versions and whole folders: log, table, what is meant by a name."""

import csv
from pathlib import Path

import pytest

from core.cli import main
from core.cli.choosing import choose_model
from core.errors import VersionMissing
from core.monitoring.log import read_predictions
from core.registry.promoting import promote, set_challenger
from core.runs.store import list_runs
from core.serving import schemas
from core.workspace import Workspace
from tests.builders import draw_photo, encode_photo, write_class_folders
from tests.registered import change_row, register_versions, show_evidence
from tests.unit.cli.conftest import Answer


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 12 photos, one as phones write it, a broken one and a file that is none."""
    folder = write_class_folders(tmp_path / "garden", photos_per_class=4, first=200)
    next(folder.rglob("*.jpg")).unlink()
    (folder / "phone.heic").write_bytes(encode_photo(draw_photo(0, 300), "HEIF"))
    (folder / "broken.jpg").write_bytes(b"no photo")
    (folder / "notes.txt").write_text("hello")
    return folder


def test_a_folder_is_answered_written_down_and_tabulated(
    trained_copy: Workspace, photos: Path, tmp_path: Path, answer: Answer
) -> None:
    champion = register_versions(trained_copy, 1)[0]
    promote(trained_copy, champion.number, reason="the first")
    table = tmp_path / "answers.csv"
    argv = ("champion", "--dir", str(photos), "--to", str(table))
    found = answer("predict", *argv, exit_code=1)
    assert (found["version"], found["answered"], found["refused"]) == (1, 12, 1)
    items = found["items"]
    assert [one["name"] for one in items if one["error"]] == [str(photos / "broken.jpg")]
    answers = [one["answer"] for one in items if one["answer"]]
    fields = set(schemas.Answer.model_fields) - {"request_id"}  # as the API has them
    assert all(set(one) == fields for one in answers)
    assert any("not photos" in note for note in found["notes"])
    log = read_predictions(trained_copy)
    assert set(log["id"]) == {one["prediction_id"] for one in answers}
    assert (len(log), set(log["source"]), set(log["version"])) == (12, {"cli"}, {1})
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["photo"] for row in rows] == [one["name"] for one in items]
    assert [row["sha256"] for row in rows if row["sha256"]] == log["photo"].tolist()
    assert rows[0]["problem"]


def test_many_photos_are_told_in_a_table_and_nothing_is_logged_when_not_wanted(
    trained_copy: Workspace, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "latest", "--dir", str(photos), "--no-log"]) == 1
    out = capsys.readouterr().out
    assert "12 photos answered:" in out
    assert "1 file could not be read." in out
    assert out.count("rose_2") == 4
    assert read_predictions(trained_copy).empty


def test_names_mean_versions_and_runs(trained_copy: Workspace, answer: Answer) -> None:
    first, second = register_versions(trained_copy, 2)
    run = list_runs(trained_copy)[-1]
    with pytest.raises(VersionMissing):
        choose_model(trained_copy, "champion")
    promote(trained_copy, first.number, reason="the first")
    set_challenger(trained_copy, second.number)
    named = {"champion": "v1", "Challenger": "v2", "v2": "v2", second.digest[:12]: "v2"}
    named |= {run.id: run.id, run.name: run.id, "latest": run.id}
    assert {text: choose_model(trained_copy, text) for text in named} == named
    for text, missing in (("v9", "version_missing"), ("nothing", "run_missing")):
        assert answer("predict", text, "x.jpg", exit_code=1)["error"]["code"] == missing
    for rest in ([], ["--dir", "nowhere"]):
        error = answer("predict", "v1", *rest, exit_code=1)["error"]
        assert error["code"] == "source_refused"


def test_a_damaged_champion_is_refused_and_the_one_before_answers(
    trained_copy: Workspace, tmp_path: Path, answer: Answer
) -> None:
    first, second = register_versions(trained_copy, 2)
    promote(trained_copy, first.number, reason="the first")
    promote(trained_copy, second.number, reason="better", evidence=show_evidence(first, second))
    photo = tmp_path / "mine.png"
    photo.write_bytes(encode_photo(draw_photo(1, 99), "PNG"))
    whole = answer("predict", "champion", str(photo))
    assert (whole["version"], whole["notes"]) == (2, [])
    change_row(trained_copy, second, "facts", "{}")
    found = answer("predict", "champion", str(photo))
    assert found["version"] == 1
    assert any("v2 is refused" in note for note in found["notes"])


def test_a_place_that_cannot_be_written_is_said(
    trained_copy: Workspace, photos: Path, answer: Answer
) -> None:
    del trained_copy
    photo, place = str(photos / "rose" / "rose_200.jpg"), str(photos / "notes.txt" / "a.csv")
    found = answer("predict", "latest", photo, "--no-log", "--to", place, exit_code=1)
    assert found["error"]["code"] == "export_refused"
