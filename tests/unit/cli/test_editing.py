"""`edits` and `datasets`: everything the tray and the versions can do, from the command line."""

import io
import json
from typing import Any

import pytest

from core.cli import main
from data.importing import import_source
from tests.builders import write_class_folders

pytestmark = pytest.mark.usefixtures("dataset")


@pytest.fixture
def dataset(workspace, tmp_path):
    photos = write_class_folders(tmp_path / "photos")
    (photos / "rose" / "rose_copy.jpg").write_bytes((photos / "rose" / "rose_003.jpg").read_bytes())
    (photos / "tulip" / "rose.jpg").write_bytes((photos / "rose" / "rose_005.jpg").read_bytes())
    return import_source(workspace, photos, name="garden")


def answer(capsys: pytest.CaptureFixture[str], *argv: str, exit_code: int = 0) -> Any:
    """Return the JSON document that a command prints."""
    capsys.readouterr()
    assert main([*argv, "--json"]) == exit_code
    return json.loads(capsys.readouterr().out)


def edit(capsys, *argv: str, exit_code: int = 0) -> Any:
    return answer(capsys, "edits", "garden", *argv, exit_code=exit_code)


def test_edits_are_noted_listed_and_applied(capsys):
    edit(capsys, "relabel", "--to", "Rose", "daisy_001.jpg", "daisy/daisy_002.jpg")
    edit(capsys, "exclude", "tulip_003.jpg", "--note", "torn")
    assert edit(capsys, "move", "--to", "validation", "daisy_001.jpg")["edits"] == 4
    listed = edit(capsys, "list")
    assert [change["new_class"] for change in listed["changes"]] == ["rose", "rose", "tulip"]
    assert listed["changes"][2]["note"] == "torn"
    assert main(["edits", "garden", "list"]) == 0
    text = capsys.readouterr().out
    assert "4 edits in the tray of garden, 3 photos would change." in text
    assert "to rose and validation" in text
    made = edit(capsys, "apply", "--name", "clean garden")
    assert (made["name"], made["photos"], made["edition"]) == ("clean garden", 31, 2)
    assert edit(capsys, "list")["edits"] == []
    assert main(["edits", "garden", "list"]) == 0
    assert "empty" in capsys.readouterr().out


def test_steps_are_undone_and_redone(capsys):
    edit(capsys, "exclude", "daisy_001.jpg", "daisy_002.jpg")
    edit(capsys, "exclude", "daisy_003.jpg")
    assert edit(capsys, "undo") | {"dataset": ""} == {"dataset": "", "undone": 1, "edits": 2}
    assert edit(capsys, "redo")["edits"] == 3
    edit(capsys, "restore", "daisy_001.jpg")
    assert len(edit(capsys, "list")["changes"]) == 2
    assert edit(capsys, "clear")["edits"] == 0


def test_duplicates_are_merged(capsys):
    edit(capsys, "merge", "--exact")
    (change,) = edit(capsys, "list")["changes"]
    assert change["excluded"]
    assert change["path"].rpartition("/")[2] in ("rose_003.jpg", "rose_copy.jpg")
    across = ("merge", "rose_005.jpg", "tulip/rose.jpg")
    assert edit(capsys, *across, exit_code=1)["error"]["code"] == "edit_refused"
    assert edit(capsys, *across, "--keep", "tulip/rose.jpg")["edits"] == 2


def test_edits_travel_as_csv(capsys, tmp_path, monkeypatch):
    file = tmp_path / "edits.csv"
    edit(capsys, "relabel", "--to", "aster", "daisy_001.jpg")
    before = edit(capsys, "list")["changes"]
    edit(capsys, "export", str(file))
    table = edit(capsys, "export")["csv"]
    assert file.read_bytes().decode() == table
    edit(capsys, "clear")
    edit(capsys, "import", str(file))
    assert edit(capsys, "list")["changes"] == before
    edit(capsys, "clear")
    pipe = io.TextIOWrapper(io.BytesIO(table.encode()))
    monkeypatch.setattr("sys.stdin", pipe)
    assert edit(capsys, "import", "-")["edits"] == 1
    file.write_bytes(b"path,action\n\xff,exclude")
    assert edit(capsys, "import", str(file), exit_code=1)["error"]["code"] == "edit_refused"
    assert edit(capsys, "import", str(tmp_path), exit_code=1)["error"]["code"] == "edit_refused"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["exclude", "nowhere.jpg"], "no photo “nowhere.jpg”"),
        (["move", "--to", "holiday", "daisy_001.jpg"], "not a split"),
        (["apply"], "empty"),
        (["reopen"], "imported"),
    ],
)
def test_what_cannot_be_done_is_said(capsys, argv, said):
    assert said in edit(capsys, *argv, exit_code=1)["error"]["problem"]


def test_versions_are_compared_renamed_reopened_and_deleted(capsys):
    edit(capsys, "exclude", "daisy_001.jpg")
    edit(capsys, "relabel", "--to", "rose", "daisy_002.jpg")
    made = edit(capsys, "apply")["id"]
    differences = answer(capsys, "datasets", "compare", "garden", made)
    assert [row["path"][-13:] for row in differences["removed"]] == ["daisy_001.jpg"]
    assert differences["unchanged"] == 30
    assert main(["datasets", "compare", "garden", made]) == 0
    text = capsys.readouterr().out
    assert "0 added, 1 removed, 1 relabelled, 0 moved, 30 unchanged" in text
    assert "daisy_002.jpg" in text
    assert answer(capsys, "datasets", "rename", made, "tidy")["name"] == "tidy"
    assert answer(capsys, "edits", "tidy", "reopen")["edits"] == 2
    listed = answer(capsys, "datasets", "list")["datasets"]
    assert {entry["name"]: entry["parent"] for entry in listed}["tidy"] is not None

    refused = answer(capsys, "datasets", "delete", "garden", exit_code=1)["error"]
    assert refused["code"] == "dataset_in_use"
    assert "tidy" in refused["problem"]
    assert "--force" in refused["remedy"]
    assert answer(capsys, "datasets", "delete", "garden", "--force")["versions"] == [made]
    assert answer(capsys, "datasets", "delete", "tidy")["versions"] == []
    assert answer(capsys, "datasets") == {"datasets": []}


def test_photos_are_tagged_and_let_go(capsys):
    added = answer(capsys, "tags", "garden", "add", "Two heads", "daisy_001.jpg", "rose_003.jpg")
    assert added["changed"] == 2
    # rose_copy.jpg has the same bytes as rose_003.jpg.
    paths = ["daisy/daisy_001.jpg", "rose/rose_003.jpg", "rose/rose_copy.jpg"]
    assert answer(capsys, "tags", "garden", "list")["tags"] == {"Two heads": paths}
    assert answer(capsys, "tags", "garden", "remove", "two heads", "rose_copy.jpg")["changed"] == 1
    assert main(["tags", "garden"]) == 0
    assert "Two heads       1" in capsys.readouterr().out
    wrong = answer(capsys, "tags", "garden", "add", " ", "daisy_001.jpg", exit_code=1)
    assert wrong["error"]["code"] == "tag_refused"
