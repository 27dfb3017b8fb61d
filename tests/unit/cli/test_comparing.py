"""`compare` on real runs: recipe differences, both directions, refusals."""

import json
from typing import Any

import pytest

from core.cli import main
from core.runs.store import list_runs, read_openings


def answer(capsys: pytest.CaptureFixture[str], *argv: str, exit_code: int = 0) -> Any:
    capsys.readouterr()
    assert main(["compare", *argv, "--json"]) == exit_code
    return json.loads(capsys.readouterr().out)


def test_two_runs_are_compared_on_the_same_photos(compared, capsys):
    first = list_runs(compared)[-1]
    found = answer(capsys, first.id, "hardly", "again", "--split", "train")
    assert found["baseline"] == first.id
    settings = {one["setting"]: one["values"] for one in found["recipe_differences"]}
    assert settings["seed"] == ["0", "0", "1"]
    assert settings["hidden layers"] == ["none (linear)", "8", "none (linear)"]
    hardly, again = found["compared"]
    assert hardly["n"] == again["n"] > 20
    assert hardly["accuracy"] - hardly["accuracy_baseline"] == pytest.approx(hardly["difference"])
    assert hardly["gained"] - hardly["lost"] == round(hardly["difference"] * hardly["n"])
    assert sum(row["support"] for row in hardly["per_class"]) == hardly["n"]
    assert hardly["verdict"] == "worse"  # one epoch at a tiny rate has learnt next to nothing
    back = answer(capsys, "hardly", first.id, "--split", "train")["compared"][0]
    assert (back["gained"], back["lost"]) == (hardly["lost"], hardly["gained"])
    assert back["p_value"] == hardly["p_value"]
    assert back["verdict"] == "better"


@pytest.mark.usefixtures("compared")
def test_in_words_it_says_whether_the_difference_is_real(capsys):
    assert main(["compare", "hardly", "again", "--split", "train"]) == 0
    out = capsys.readouterr().out
    assert "learning rate" in out
    assert "The difference is unlikely to be chance." in out
    assert "gained" in out


def test_test_photos_of_all_compared_runs_are_counted(compared, capsys):
    runs = list_runs(compared)
    before = {run.id: len(read_openings(compared, run.id)) for run in runs}
    opened = answer(capsys, runs[0].id, runs[1].id, "--split", "test")["test_openings"]
    assert opened == {run.id: before[run.id] + 1 for run in runs[:2]}
    assert answer(capsys, runs[0].id, runs[1].id)["test_openings"][runs[0].id] == 0
    assert len(read_openings(compared, runs[0].id)) == before[runs[0].id] + 1


@pytest.mark.usefixtures("compared")
def test_a_run_is_not_compared_with_itself(capsys):
    found = answer(capsys, "again", "again", exit_code=1)
    assert found["error"]["code"] == "recipe_refused"
