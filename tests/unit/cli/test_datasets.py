"""`import`: what it prints, what a dry run keeps (nothing), and how a source is named."""

import json
import re
from pathlib import Path

import pytest

from core.cli import main
from core.workspace import Workspace
from tests.builders import write_class_folders, write_split_folders
from tests.unit.cli.conftest import Answer

Capture = pytest.CaptureFixture[str]


def test_a_dry_run_prints_the_report_and_an_import_keeps_it_once(
    workspace: Workspace, tmp_path: Path, answer: Answer, capsys: Capture
) -> None:
    source = write_split_folders(tmp_path / "garden")
    (source / "train" / "rose" / "note.jpg").write_bytes(b"not a photo")
    assert main(["import", str(source), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "42 photos" in out and "24 train, 9 validation, 9 test" in out
    assert re.search(r"^rose +14 +8 +3 +3$", out, re.M)
    assert "1 skipped" in out and re.search("^train/rose/note.jpg +Unsupported", out, re.M)
    assert "nothing was saved" in out
    assert list(workspace.datasets.iterdir()) == list(workspace.temporary.iterdir()) == []

    report = answer("import", str(source), "--dry-run")["report"]
    assert report["photos"] == 42 and report["reasons"] == {"photo_unreadable": 1}
    made = answer("import", str(source), "--name", "garden")
    assert made["id"] == report["dataset_id"] == answer("import", str(source))["id"]
    assert made["splits"] == {"train": 24, "validation": 9, "test": 9}
    assert [aside["code"] for aside in made["set_aside"]] == ["photo_unreadable"]
    assert answer("import", str(source))["already_imported"]
    listed = answer("datasets")["datasets"]
    assert [(one["id"], one["name"], one["photos"]) for one in listed] == [
        (made["id"], "garden", 42)
    ]


@pytest.mark.usefixtures("workspace")
def test_only_the_first_twenty_classes_are_listed(
    tmp_path: Path, answer: Answer, capsys: Capture
) -> None:
    classes = [f"kind {number:02d}" for number in range(23)]
    source = write_class_folders(tmp_path / "garden", classes, photos_per_class=2)
    assert main(["import", str(source), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "kind 19" in out and "kind 20" not in out.split("Note:")[0]
    assert "and 3 more" in out
    assert len(answer("import", str(source), "--dry-run")["report"]["classes"]) == 23


@pytest.mark.usefixtures("workspace")
def test_own_splits_may_be_drawn(tmp_path: Path, answer: Answer) -> None:
    source = str(write_split_folders(tmp_path / "garden"))
    given = answer("import", source, "--dry-run")["report"]
    own = answer("import", source, "--own-split", "--split-seed", "4", "--dry-run")["report"]
    assert (given["split_origin"], own["split_origin"]) == ("given", "drawn with seed 4")
    assert given["dataset_id"] != own["dataset_id"]


@pytest.mark.usefixtures("workspace")
def test_a_source_must_be_what_it_is_said_to_be(tmp_path: Path, answer: Answer) -> None:
    source = str(write_class_folders(tmp_path / "garden"))
    assert answer("import", source, "--source", "folder", "--dry-run")["report"]["photos"] == 30
    error = answer("import", source, "--source", "archive", exit_code=1)["error"]
    assert error["code"] == "source_refused" and error["remedy"]
    assert answer("import", exit_code=1)["error"]["code"] == "source_refused"


@pytest.mark.usefixtures("workspace")
def test_an_unclear_layout_is_refused_with_its_readings(tmp_path: Path, answer: Answer) -> None:
    for place in ("train", "test", "extra"):
        write_class_folders(tmp_path / "garden" / place, photos_per_class=2)
    error = answer("import", str(tmp_path / "garden"), "--dry-run", exit_code=1)["error"]
    assert error["code"] == "layout_unclear"
    assert "--layout splits-train: “extra” is train; “train” is train;" in error["remedy"]
    chosen = ("--layout", "splits-train", "--dry-run")
    report = answer("import", str(tmp_path / "garden"), *chosen)["report"]
    assert report["photos"] == 18 and report["layout"] in error["remedy"]
    assert "extra/" in report["tree"]


@pytest.mark.usefixtures("workspace")
def test_classes_that_are_numbers_keep_them_or_get_names(tmp_path: Path, answer: Answer) -> None:
    numbers = [str(number) for number in range(1, 13)]
    source = write_class_folders(tmp_path / "garden", numbers, photos_per_class=2)
    made = answer("import", str(source))
    assert made["classes"] == numbers
    answer("export", made["id"], "--mapping-only", str(tmp_path / "plain.json"))
    assert json.loads((tmp_path / "plain.json").read_text()) == {one: one for one in numbers}
    named = {one: f"kind {12 - int(one)}" for one in numbers}
    (tmp_path / "names.json").write_text(json.dumps(named))
    made = answer("import", str(source), "--names", str(tmp_path / "names.json"))
    assert made["classes"] == [f"kind {number}" for number in range(12)]
    answer("export", made["id"], "--mapping-only", str(tmp_path / "named.json"))
    assert json.loads((tmp_path / "named.json").read_text()) == named


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ({"1": "a"}, "lacks the class 2"),
        ({"1": "a", "2": "a"}, "several classes the name “a”"),
        ({"x": "a"}, "does not map numbers"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_names_that_do_not_fit_are_refused(
    tmp_path: Path, answer: Answer, names: dict[str, str], problem: str
) -> None:
    source = write_class_folders(tmp_path / "garden", ("1", "2"), photos_per_class=2)
    (tmp_path / "names.json").write_text(json.dumps(names))
    options = ("--names", str(tmp_path / "names.json"), "--dry-run")
    assert problem in answer("import", str(source), *options, exit_code=1)["error"]["problem"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--names", "names.json"), "The classes are not numbers"),
        (("--layout", "names"), "cannot be read as “names”"),
        (("--images", "102flowers.tgz"), "belong to Oxford 102"),
        (("--split-seed", "3"), "has its own"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_an_option_that_does_not_fit_is_refused(
    tmp_path: Path,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, str],
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names.json").write_text('{"1": "rose"}')
    write_split_folders(Path("garden"))
    error = answer("import", "garden", *options, "--dry-run", exit_code=1)["error"]
    assert problem in error["problem"]
