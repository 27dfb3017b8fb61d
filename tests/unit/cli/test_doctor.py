"""`doctor` says of each thing how it is, what to do, and ends with 1 where something is wrong."""

import dataclasses
import json
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import update

from core.cli import main
from core.cli.doctor import CHECKS
from core.runs.database import close_databases, write_database
from core.runs.locks import free_lock, take_lock
from core.runs.queue.queue import claim_next_run, submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.tables import runs_table
from core.workspace import Workspace
from tests.processes import find_processes, wait_until

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)


def look(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what is wrong, by its name; the exit code must say whether anything is."""
    capsys.readouterr()
    code = main(["doctor", "--json"])
    said = json.loads(capsys.readouterr().out)
    wrong = {one["name"]: one["fact"] for one in said["findings"] if one["remedy"]}
    assert code == int(not said["well"]) == int(bool(wrong))
    return wrong


@pytest.fixture
def home(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace where the weights are no matter."""
    monkeypatch.setitem(CHECKS, "weights", lambda _: iter(()))
    return workspace


def test_a_healthy_workspace_is_well_and_nothing_is_started(home: Workspace, capsys) -> None:
    assert look(capsys) == {}
    assert find_processes(home, "core.runs.scheduler") == []
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("No problems found.")


def test_a_run_that_waits_without_a_scheduler_and_one_without_a_worker(
    home: Workspace, capsys
) -> None:
    submit_run(home, RECIPE, "lonely")
    claimed = claim_next_run(home)
    assert claimed is not None
    with write_database(home) as connection:
        connection.execute(update(runs_table).values(pid=4_000_000))
    submit_run(home, dataclasses.replace(RECIPE, seed=1))
    wrong = look(capsys)
    assert wrong["scheduler"] == "Not running; 1 run queued."
    assert wrong["runs"] == f"“lonely” ({claimed.id}) has lost its worker."


def test_a_damaged_index_is_told_once(home: Workspace, capsys) -> None:
    submit_run(home, RECIPE)
    close_databases()
    home.database_file.write_bytes(b"nothing of ours" * 1000)
    wrong = look(capsys)
    assert "not a database" in wrong["index"]
    assert wrong["runs"] == "Unknown, because the index cannot be read."


@pytest.mark.usefixtures("home")
def test_a_package_of_another_version_is_told(
    capsys, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.txt").write_text("# pins\nnumpy<1\nno-such-thing==1.0\npytest>=1\n")
    monkeypatch.setattr("core.cli.doctor.PROJECT_ROOT", tmp_path)
    assert look(capsys)["versions"].endswith("not <1; no-such-thing is missing, not ==1.0")


@pytest.mark.usefixtures("home")
def test_a_read_only_workspace_and_a_full_disk_are_reported(
    capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_READ_ONLY", "true")
    monkeypatch.setattr("core.cli.doctor._LEAST_FREE", 2**70)
    wrong = look(capsys)
    assert "cannot be written" in wrong["workspace"] and wrong["disk"]


def test_the_scheduler_that_is_supervised_waits_for_its_turn_and_stays(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(home.root))
    lock = take_lock(home.scheduler_lock)
    assert lock is not None
    child = subprocess.Popen([sys.executable, "-m", "core", "scheduler"], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: find_processes(home, "core.runs.scheduler"), "it has become one")
        assert child.poll() is None  # while another is at work
        free_lock(lock)
        wait_until(home.scheduler_pid.exists, "it is at work")
        assert json.loads(home.scheduler_pid.read_text())["pid"] == child.pid
    finally:
        child.terminate()
        child.communicate(timeout=60)
    assert child.returncode == 0
