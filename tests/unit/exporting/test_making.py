"""Exports: made once, refused, or outliving their run and dataset."""

import json
import shutil
from pathlib import Path

import pytest

from core.cli import main
from core.errors import ExportRefused, VersionDamaged
from core.exporting.making import make_export, write_zip
from core.exporting.store import (
    delete_export,
    find_zip,
    identify_export,
    list_exports,
    list_going,
    read_export,
    start_export,
)
from core.prediction.deciding import DecisionRule, save_rule
from core.registry.registering import register_run
from core.runs.jobs import read_job
from core.runs.queue.queue import delete_run, submit_run
from core.runs.store import list_runs
from core.runs.training.executing import execute_run
from core.workspace import Workspace
from data.manifest import hide_dataset
from tests.builders import draw_photo, encode_photo
from tests.exporting import check_scores, unpack
from tests.processes import wait_until
from tests.registered import change_byte, version_file
from tests.training import change_recipe


def ignore_steps(step: str, done: int, total: int) -> None:
    assert step and done < total


def find_run(workspace: Workspace) -> str:
    return list_runs(workspace)[-1].id


@pytest.mark.slow
def test_an_export_is_made_by_a_job_kept_and_not_made_twice(resnet_copy: Workspace) -> None:
    wish = find_run(resnet_copy), ["onnx"]
    identifier = start_export(resnet_copy, *wish)
    assert list_going(resnet_copy) == [identifier]
    with pytest.raises(ExportRefused):
        delete_export(resnet_copy, identifier)
    wait_until(lambda: not list_going(resnet_copy), "the export is made")
    status = read_job(resnet_copy.export_folder(identifier))
    assert status is not None
    assert status.state == "done", status.problem
    (record,) = list_exports(resnet_copy)
    assert (record.id, record.formats) == (identifier, ("onnx",))
    made = find_zip(resnet_copy, record).stat().st_mtime_ns
    assert start_export(resnet_copy, *wish) == identifier
    assert make_export(resnet_copy, *wish, ignore_steps) == record
    assert find_zip(resnet_copy, record).stat().st_mtime_ns == made
    assert not list(resnet_copy.temporary.iterdir())
    find_zip(resnet_copy, record).write_bytes(b"cut short")
    assert read_export(resnet_copy, identifier) is None
    delete_export(resnet_copy, identifier)
    assert list_exports(resnet_copy) == []
    assert not resnet_copy.export_folder(identifier).exists()


def test_other_wishes_and_other_rules_are_other_exports(trained_copy: Workspace) -> None:
    run = find_run(trained_copy)
    wishes = [
        ["onnx"],
        ["keras", "onnx"],
        ["onnx", "space"],
    ]
    ids = {identify_export(trained_copy, run, wish) for wish in wishes}
    assert len(ids) == len(wishes)
    assert identify_export(trained_copy, run, ["onnx", "keras", "onnx"]) in ids
    save_rule(trained_copy, run, DecisionRule(threshold=0.5, n=6))
    assert identify_export(trained_copy, run, wishes[0]) not in ids


@pytest.mark.slow
def test_an_exact_head_is_exported_after_its_run_and_dataset_are_gone(
    resnet_copy: Workspace, tmp_path: Path
) -> None:
    exact, _ = submit_run(resnet_copy, change_recipe(resnet_copy, strategy="exact"))
    run = execute_run(resnet_copy, exact.id)
    version = register_run(resnet_copy, run.id)
    delete_run(resnet_copy, run.id)
    hide_dataset(resnet_copy, version.dataset_id)
    for folder in resnet_copy.backbones.iterdir():
        shutil.rmtree(folder)
    write_zip(resnet_copy, version.label, ["onnx"], tmp_path / "petals.zip", ignore_steps)
    folder = unpack(tmp_path / "petals.zip", tmp_path / "unpacked")
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Its accuracy cannot be measured any more" in card
    check_scores(resnet_copy, version.label, folder, ["onnx"], [encode_photo(draw_photo(0, 3))])


def test_an_altered_version_is_not_exported(trained_copy: Workspace, tmp_path: Path) -> None:
    version = register_run(trained_copy, find_run(trained_copy))
    change_byte(version_file(trained_copy, version, "head"))
    with pytest.raises(VersionDamaged):
        write_zip(trained_copy, "v1", ["onnx"], tmp_path / "x.zip", ignore_steps)


def test_an_export_of_an_older_version_is_listed_and_deleted(workspace: Workspace) -> None:
    folder = workspace.export_folder("0123456789abcdef")
    folder.mkdir(parents=True)
    (folder / "petals.zip").write_bytes(b"a zip")
    facts = {
        "id": "0123456789abcdef",
        "model": "v1",
        "title": "v1 · petals",
        "formats": ["onnx", "openvino"],
        "space": True,
        "golden": "drawn",
        "photos": 10,
        "file": "petals.zip",
        "bytes": 5,
        "sha256": "",
        "created": "2026-01-01T00:00:00Z",
        "checked": {},
        "seconds": {},
    }
    (folder / "export.json").write_text(json.dumps(facts))
    (record,) = list_exports(workspace)
    assert record.formats == ("onnx", "openvino")
    delete_export(workspace, record.id)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--model", "latest", "petals.tar"], "export_refused"),
        (["--model", "latest", "there.zip"], "export_refused"),
        (["--model", "latest", "petals.zip", "--formats", "keras,coreml"], "export_refused"),
        (["--model", "latest", "petals.zip", "--formats", ""], "export_refused"),
        (["--model", "latest"], "export_refused"),
        (["--model", "latest", "petals.zip", "--layout", "classes"], "export_refused"),
        (["latest", "folder", "--formats", "keras"], "export_refused"),
        (["latest", "folder", "--mapping-only", "names.json"], "export_refused"),
        (["latest", "training.ipynb", "--mapping-only", "names.json"], "export_refused"),
        (["--model", "champion", "petals.zip"], "version_missing"),
        (["--model", "v7", "petals.zip"], "version_missing"),
        (["--model", "nonsense", "petals.zip"], "run_missing"),
        (["--model", "latest", "no/such/folder/petals.zip"], "export_refused"),
        ([], "export_refused"),
    ],
)
def test_what_the_command_refuses(
    arguments: list[str],
    code: str,
    trained_copy: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.zip").write_bytes(b"mine")
    assert main(["export", *arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    assert Path("there.zip").read_bytes() == b"mine"
    assert not trained_copy.exports.exists()
