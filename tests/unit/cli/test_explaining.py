"""`explain` on a real run: which photos, in which order, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.cli import main
from core.cli.exporting import choose_photos
from core.errors import ExportRefused
from core.runs.result import RunResult, read_result
from core.runs.store import list_runs, read_openings
from core.workspace import Workspace


@pytest.fixture
def result(trained_copy: Workspace) -> RunResult:
    return read_result(trained_copy, list_runs(trained_copy)[-1].id)


def answer(capsys: pytest.CaptureFixture[str], *argv: str, exit_code: int = 0) -> Any:
    capsys.readouterr()
    assert main(["explain", "latest", *argv, "--json"]) == exit_code
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("trained_copy")
def test_sheets_stand_in_the_folder_and_a_second_call_draws_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "looked at"
    argv = ("--split", "train", "--limit", "3", "--to", str(target))
    first = answer(capsys, *argv)
    assert (first["written"], first["kept"], first["total"]) == (3, 0, 3)
    assert len(first["photos"]) == len(list(target.glob("*.webp"))) == 3
    assert (target / "index.csv").is_file()
    again = answer(capsys, *argv)
    assert (again["written"], again["kept"]) == (0, 3)
    refused = answer(capsys, *argv, "--format", "png", exit_code=1)
    assert refused["error"]["code"] == "export_refused"
    assert main(["explain", "latest", *argv]) == 0
    assert "0 sheets drawn" in capsys.readouterr().out


def test_the_worst_come_first(result: RunResult) -> None:
    photos = choose_photos(result, "train")
    own = result.scores[photos, result.labels[photos]]
    assert (np.diff(own) >= 0).all()
    assert sorted(photos) == result.photo_numbers("train").tolist()
    np.testing.assert_array_equal(choose_photos(result, "train", limit=4), photos[:4])
    roses = choose_photos(result, "train", classes=["rose"])
    assert {result.classes[label] for label in result.labels[roses]} == {"rose"}
    both = choose_photos(result, "train", classes=["rose", "tulip"])
    assert len(both) > len(roses) > 0


def test_only_wrong_ones(result: RunResult) -> None:
    scores = np.full_like(result.scores, 0.1)
    scores[np.arange(len(scores)), result.labels] = 0.8
    wrong = result.photo_numbers("train")[[1, 3]]
    scores[wrong] = np.roll(scores[wrong], 1, axis=1)
    changed = replace(result, scores=scores)
    # Equal scores stand by path.
    expected = wrong[np.argsort(result.paths[wrong])]
    np.testing.assert_array_equal(choose_photos(changed, "train", only_wrong=True), expected)


def test_what_is_not_there_is_refused(result: RunResult) -> None:
    with pytest.raises(ExportRefused, match="no class of this run"):
        choose_photos(result, "train", classes=["orchid"])
    learnt = replace(result, splits=np.full_like(result.splits, "train"))
    with pytest.raises(ExportRefused, match="No photo"):
        choose_photos(learnt, "test")


def test_the_test_split_is_counted(
    trained_copy: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = list_runs(trained_copy)[-1]
    answer(capsys, "--limit", "1", "--to", str(tmp_path / "validation"))
    assert read_openings(trained_copy, run.id) == []
    answer(capsys, "--split", "test", "--limit", "1", "--to", str(tmp_path / "test"))
    (opening,) = read_openings(trained_copy, run.id)
    assert opening.place == "command line"


@pytest.mark.parametrize("wrong", [["--strength", "2"], ["--limit", "0"], []])
def test_wrong_usage_says_so(wrong: list[str], tmp_path: Path) -> None:
    to = ["--to", str(tmp_path)] if wrong else []
    with pytest.raises(SystemExit):
        main(["explain", "latest", *wrong, *to])
