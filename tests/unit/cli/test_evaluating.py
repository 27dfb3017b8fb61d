"""`evaluate`: all figures with intervals, baselines, and test photos counted."""

import numpy as np
import pytest

from core.__main__ import main
from core.runs.result import read_result
from core.runs.store import list_runs, read_openings
from core.workspace import Workspace
from tests.unit.cli.conftest import Answer


def test_figures_areas_and_baselines_are_said_and_written(
    trained_copy: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer("evaluate", "latest", "--split", "train")
    figures = found["figures"]
    assert figures["accuracy"]["value"] == found["accuracy"]
    assert figures["balanced_accuracy"]["n"] == found["n"]
    assert {"cohen_kappa", "matthews", "loss", "macro_f1", "weighted_precision"} <= set(figures)
    assert 0 <= found["areas"]["macro"]["roc"]["value"] <= 1
    assert [row["class"] for row in found["areas"]["per_class"]] == ["daisy", "rose", "tulip"]
    named = {one["name"]: one for one in found["baselines"]}
    assert {"majority", "colours_1", "features_5"} <= set(named)
    assert named["majority"]["verdict"] in ("better", "worse", "open", "same")
    assert found["test_openings"] == 0

    assert main(["evaluate", "latest", "--split", "train"]) == 0
    out = capsys.readouterr().out
    for said in (
        "Cohen's kappa",
        "Matthews",
        "ROC area, macro",
        "5 nearest by colour",
        "resampling",
        "train split",
        "95 % interval",
        f"n = {found['n']}",
        "Top-2 ",  # with three classes top-3 accuracy is always 100 %
    ):
        assert said in out
    assert "Test photos" not in out
    assert read_openings(trained_copy, list_runs(trained_copy)[0].id) == []


def test_a_look_at_the_test_photos_is_counted(
    trained_copy: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    run = list_runs(trained_copy)[0]
    assert answer("evaluate", run.id, "--split", "test")["test_openings"] == 1
    assert main(["evaluate", run.id, "--split", "test"]) == 0
    assert "opened 2 times, first" in capsys.readouterr().out
    assert [one.place for one in read_openings(trained_copy, run.id)] == ["command line"] * 2


def test_figures_stand_without_baselines(
    trained_copy: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    run = list_runs(trained_copy)[0]
    (trained_copy.dataset_folder(run.recipe.dataset) / "dataset.json").unlink()
    found = answer("evaluate", run.id)
    assert found["baselines"] == [] and found["figures"]["accuracy"]["n"] == run.val_photos
    assert found["warning"].startswith("All 3 classes have fewer than 20 validation photos")
    assert main(["evaluate", run.id]) == 0
    out = capsys.readouterr().out
    assert "No baselines:" in out and found["warning"] in out


def test_few_photos_are_judged_by_leaving_each_out(
    trained_copy: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer("evaluate", "latest")["leave_one_out"]["accuracy"]
    run = list_runs(trained_copy)[0]
    result = read_result(trained_copy, run.id)
    assert found["n"] == np.sum(result.splits == "train") > run.val_photos
    assert answer("evaluate", "latest", "--split", "train")["leave_one_out"] is None
    assert main(["evaluate", "latest"]) == 0
    assert "Leave-one-out accuracy of the exact head" in capsys.readouterr().out
