"""`quality` on the command line: the text names the worst, the document holds everything."""

import json
from pathlib import Path

import pytest

from core.cli.entry import main
from core.runs.store import list_runs
from core.workspace import Workspace
from data.importing import import_source
from data.manifest import list_datasets
from tests.builders import write_class_folders


def test_quality_of_a_dataset_and_a_run(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = list_runs(trained_copy)[0]
    dataset = list_datasets(trained_copy)[-1]
    command = ["quality", dataset.id, "--weights", "random", "--run", run.id]
    assert main(command) == 0
    printed = capsys.readouterr().out
    for word in ("blurred", "outlier", "unreadable", "twice", "with a twin in train"):
        assert word in printed
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["photos"] == dataset.photos
    assert set(document["issues"]) == set(document["thresholds"]) | {"duplicate"}
    assert document["weights"] == "random"
    for split in ("validation", "test"):
        compared = document["run"][split]
        assert compared["with_all"]["n"] == compared["without"]["n"] + len(compared["leaking"])
    for pair in document["pairs"]:
        assert pair["a"] < pair["b"] and {"path_a", "path_b", "leak", "kind"} <= set(pair)


def test_a_run_of_another_dataset_is_refused(
    trained_copy: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = import_source(trained_copy, write_class_folders(tmp_path / "other", first=70))
    assert main(["quality", other.id, "--weights", "random", "--run", "latest"]) == 1
    assert "another dataset" in capsys.readouterr().err
    assert list(trained_copy.analyses.iterdir()) == [], "refused before anything is computed"
