"""`monitor` on the command line: figures, drift, alarms as exit codes, and the log as a file."""

import csv
import json
from pathlib import Path

import pytest

from core.cli.entry import main
from core.monitoring.rules import Watch, keep_watch
from core.workspace import Workspace
from tests.asking import ask
from tests.retraining import let_first_run_answer


def read_document(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


def test_an_empty_log_is_said(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert workspace.root
    assert main(["monitor"]) == 0
    printed = capsys.readouterr().out
    assert "There is no champion whose reference tells." in printed
    assert main(["monitor", "--check", "--json"]) == 0
    assert read_document(capsys)["level"] is None


def test_figures_drift_and_alarms(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    version = let_first_run_answer(trained_copy)
    ask(trained_copy, version, 60, darker=0.1)
    assert main(["monitor", "champion"]) == 0
    printed = capsys.readouterr().out
    assert "- The photos are darker: brightness" in printed
    assert "Newest 60 photos of v1, against" in printed
    assert "No alarm stands." in printed
    assert main(["monitor", "v1", "--json"]) == 0
    document = read_document(capsys)
    assert document["summary"]["n"] == 60
    assert document["drift"]["told"] and document["drift"]["sizes"]["properties"] == 1
    assert main(["monitor", "--check"]) == 4
    assert "CRITICAL, Drift of the photos: darker photos" in capsys.readouterr().out
    assert main(["monitor", "--check", "--json"]) == 4
    checked = read_document(capsys)
    assert checked["level"] == "critical"
    assert {rule["name"]: rule["state"] for rule in checked["rules"]}["properties"] == "critical"
    file = tmp_path / "log.csv"
    assert main(["monitor", "--csv", str(file)]) == 0
    with file.open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 60


def test_a_warning_has_its_own_exit_code(trained_copy: Workspace) -> None:
    version = let_first_run_answer(trained_copy)
    ask(trained_copy, version, 30, latency_ms=1500.0)
    keep_watch(trained_copy, Watch())
    assert main(["monitor", "--check"]) == 3


def test_what_cannot_be_written_is_told(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workspace.root
    assert main(["monitor", "--csv", "/proc/nowhere/log.csv"]) == 1
    assert "could not be written" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["0", "-3", "many", "99999"])
def test_days_have_bounds(days: str, workspace: Workspace) -> None:
    assert workspace.root
    with pytest.raises(SystemExit):
        main(["monitor", "--days", days])
