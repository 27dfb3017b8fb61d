"""The scheduler as a real process: one for each workspace, cheap, replaceable at any moment."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import update

from core.runs.database import write_database
from core.runs.locks import is_locked
from core.runs.queue.queue import claim_next_run, submit_run
from core.runs.queue.run_lock import lock_run
from core.runs.queue.starting import ensure_scheduler, touch_wake
from core.runs.recipe.recipe import Recipe
from core.runs.scheduler import Scheduler
from core.runs.store import read_run
from core.runs.tables import runs_table
from core.workspace import Workspace
from tests.processes import find_processes, run_at_once, wait_until

MODULE = "core.runs.scheduler"
WORKER = "core.runs.worker"


def read_pid(workspace: Workspace) -> int:
    """Return the number of the scheduler at work, once it is."""
    wait_until(workspace.scheduler_pid.exists, "a scheduler is at work")
    return int(json.loads(workspace.scheduler_pid.read_text(encoding="utf-8"))["pid"])


def test_there_is_one_scheduler_whoever_starts_it(workspace: Workspace) -> None:
    code = """if True:
        import sys
        from core.runs.queue.starting import ensure_scheduler
        from core.workspace import open_workspace
        workspace = open_workspace()
        sys.stdin.readline()
        ensure_scheduler(workspace)
    """
    run_at_once(code, 5)
    pid = read_pid(workspace)
    assert [process.pid for process in find_processes(workspace, MODULE)] == [pid]
    wait_until(lambda: "started in" in workspace.scheduler_log.read_text(encoding="utf-8"), "a log")
    assert workspace.scheduler_log.read_text(encoding="utf-8").count("started in") == 1
    ensure_scheduler(workspace)
    subprocess.run([sys.executable, "-m", MODULE], check=True, timeout=60)  # by hand: it leaves
    assert read_pid(workspace) == pid


def test_sigterm_ends_it_cleanly(workspace: Workspace) -> None:
    ensure_scheduler(workspace)
    os.kill(read_pid(workspace), signal.SIGTERM)
    wait_until(lambda: not is_locked(workspace.scheduler_lock), "the scheduler has ended")
    assert not workspace.scheduler_pid.exists()
    assert "Traceback" not in workspace.scheduler_log.read_text(encoding="utf-8")


def test_after_a_kill_another_is_started(workspace: Workspace) -> None:
    ensure_scheduler(workspace)
    killed = read_pid(workspace)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not is_locked(workspace.scheduler_lock), "the scheduler is dead")
    ensure_scheduler(workspace)
    wait_until(
        lambda: workspace.scheduler_pid.exists() and read_pid(workspace) != killed,
        "there is another",
    )
    assert is_locked(workspace.scheduler_lock)


def test_one_with_other_settings_is_replaced(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_scheduler(workspace)
    former = read_pid(workspace)
    monkeypatch.setenv("PETALSCOPE_HEARTBEAT_TIMEOUT_S", "45")
    ensure_scheduler(workspace)
    wait_until(
        lambda: workspace.scheduler_pid.exists() and read_pid(workspace) != former,
        "there is another",
    )
    assert [process.pid for process in find_processes(workspace, MODULE)] == [read_pid(workspace)]


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")  # the warm one is
def test_stages_are_trained_by_a_fresh_worker_with_settings_of_its_own(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PETALSCOPE_WORKER_IDLE_MINUTES")
    touch_wake(workspace)
    ensure_scheduler(workspace)
    [warm] = wait_until(lambda: find_processes(workspace, WORKER), "a worker is warm")
    # Both fail at once, for want of the dataset: it is who tries that is looked at.
    stages = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64, strategy="last_stage")
    run, _ = submit_run(workspace, stages)
    fresh = wait_until(
        lambda: [p for p in find_processes(workspace, WORKER) if p != warm], "another"
    )
    assert fresh[0].environ()["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert run.id in fresh[0].cmdline()
    wait_until(lambda: read_run(workspace, run.id).has_ended, "it has ended")
    assert warm.is_running()
    head, _ = submit_run(workspace, dataclasses.replace(stages, strategy="head"))
    wait_until(lambda: read_run(workspace, head.id).has_ended, "it has ended")
    log = workspace.scheduler_log.read_text(encoding="utf-8")
    assert f"run {head.id}, attempt 1, given to worker {warm.pid}" in log


def test_an_idle_worker_that_was_let_go_is_waited_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_WORKER_IDLE_MINUTES", "0.02")
    reader = [sys.executable, "-c", "import sys; sys.stdin.read()"]  # as a worker waits, at once
    monkeypatch.setattr("core.runs.scheduler.python_command", lambda *_: reader)
    of_others = set(psutil.Process().children())  # other tests of this process fork workers
    scheduler = Scheduler(workspace)
    touch_wake(workspace)
    scheduler.step()
    [child] = set(psutil.Process().children()) - of_others
    os.utime(workspace.wake_file, (0, 0))
    scheduler.step()  # lets it go

    wait_until(lambda: scheduler.step() or not psutil.pid_exists(child.pid), "it was waited for")
    assert child not in psutil.Process().children()


@pytest.mark.parametrize("years", [-5, 5])
def test_a_clock_that_is_set_makes_no_run_lost(workspace: Workspace, years: int) -> None:
    run, _ = submit_run(workspace, Recipe(dataset="0123456789abcdef", weights_digest="d" * 64))
    claimed = claim_next_run(workspace)
    assert claimed is not None
    with lock_run(workspace, claimed) as lock:  # a worker has it
        assert lock is not None
        scheduler = Scheduler(workspace)
        for day in (0, 1):  # heartbeats by a clock that is years away from the one before
            beat = datetime.now(UTC) + timedelta(days=365 * years + day)
            with write_database(workspace) as connection:
                connection.execute(update(runs_table).values(heartbeat=beat))
            scheduler.step()
        assert read_run(workspace, run.id).state == "running"
    scheduler.let_go()
