"""`calibrate` chooses, keeps and forgets a rule; `predict` answers by it."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.cli import calibrating, main
from core.prediction.deciding import read_rule
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.builders import write_class_folders
from tests.calibrating import VALIDATION, rewrite_result


def answer(capsys: pytest.CaptureFixture[str], *argv: str, exit_code: int = 0) -> Any:
    """Return the JSON document that a command prints."""
    capsys.readouterr()
    assert main([*argv, "--json"]) == exit_code
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_rule_is_chosen_kept_used_and_forgotten(
    trained_copy: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = partial(calibrating.answer_drawn, per_motif=1)  # a photo a motif: this is about words
    monkeypatch.setattr(calibrating, "answer_drawn", few)
    run, _ = rewrite_result(trained_copy)
    folder = write_class_folders(tmp_path / "own", ("cat",), 2)
    (folder / "notes.txt").write_text("no photo")
    chosen = answer(capsys, "calibrate", run, "--right", "0.7", "--unlike", str(folder))
    assert not chosen["kept"]
    assert chosen["rule"]["n"] == chosen["validation"]["n"] == VALIDATION
    assert chosen["validation"]["accuracy_of_answers"] >= 0.7
    assert chosen["rule"]["unlike_limit"] > 0
    assert chosen["unlike"]["own"]["unlike"] == 2
    assert set(chosen["unlike"]) == {"drawn", "own"}
    assert read_rule(trained_copy, run) is None

    photo = str(tmp_path / "own" / "cat" / "cat_000.jpg")
    default = answer(capsys, "predict", run, photo)
    assert default["rule"]["is_default"] and default["photos"][0]["decision"] is not None
    kept = answer(capsys, "calibrate", run, "--threshold", "1.0", "--keep")
    assert kept["kept"]
    rule = read_rule(trained_copy, run)
    assert rule is not None
    assert rule.threshold == 1.0
    (document,) = answer(capsys, "predict", run, photo)["photos"]
    assert document["decision"]["kind"] in ("unsure", "unlike")
    assert document["answer"].startswith("I don't know")
    assert document["decision"]["limit"] == rule.unlike_limit
    assert main(["calibrate", run]) == 0
    assert "Another rule is kept" in capsys.readouterr().out
    answer(capsys, "calibrate", run, "--forget")
    assert read_rule(trained_copy, run) is None
    assert answer(capsys, "predict", run, photo)["photos"][0]["decision"] is None
    assert main(["predict", run, photo]) == 0
    assert capsys.readouterr().out.startswith("Answers every photo")


def test_what_too_few_photos_cannot_say_is_said(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "answer_drawn", partial(calibrating.answer_drawn, per_motif=1))
    run = list_runs(trained_copy)[0].id
    assert main(["calibrate", run]) == 0
    out = capsys.readouterr().out
    assert "few, with training photos for the distance" in out and "Default rule" in out
    assert main(["calibrate", run, "--threshold", "7", "--keep"]) == 1
    assert read_rule(trained_copy, run) is None


@pytest.mark.parametrize("share", ["95", "-1", "nan"])
def test_a_target_that_is_no_share_is_refused(
    share: str, trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = list_runs(trained_copy)[0].id
    with pytest.raises(SystemExit):
        main(["calibrate", run, "--right", share, "--keep"])
    assert "between 0 and 1" in capsys.readouterr().err
    assert read_rule(trained_copy, run) is None


def test_a_folder_without_photos_is_said(
    trained_copy: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calibrating, "answer_drawn", partial(calibrating.answer_drawn, per_motif=1))
    run, _ = rewrite_result(trained_copy)
    assert main(["calibrate", run, "--unlike", str(tmp_path / "nowhere")]) == 0
    assert "no photo that can be read" in capsys.readouterr().out
