"""The scheduler as a real process: one for each workspace, cheap, replaceable at any moment."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
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
from tests.processes import end_processes, find_processes, run_at_once, wait_until

MODULE = "core.runs.scheduler"
WORKER = "core.runs.worker"


@pytest.fixture
def home(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace whose processes are ended after the test."""
    yield workspace
    end_processes(workspace)


def read_pid(workspace: Workspace) -> int:
    """Return the number of the scheduler at work, once it is."""
    wait_until(workspace.scheduler_pid.exists, "a scheduler is at work")
    return int(json.loads(workspace.scheduler_pid.read_text(encoding="utf-8"))["pid"])


def test_five_processes_at_once_start_one_scheduler(home: Workspace) -> None:
    code = """if True:
        import sys
        from core.runs.queue.starting import ensure_scheduler
        from core.workspace import open_workspace
        workspace = open_workspace()
        sys.stdin.readline()
        ensure_scheduler(workspace)
    """
    run_at_once(code, 5)
    pid = read_pid(home)
    assert [process.pid for process in find_processes(home, MODULE)] == [pid]
    wait_until(lambda: "started in" in home.scheduler_log.read_text(encoding="utf-8"), "a log")
    assert home.scheduler_log.read_text(encoding="utf-8").count("started in") == 1


def test_one_that_is_alive_is_left_alone(home: Workspace) -> None:
    ensure_scheduler(home)
    pid = read_pid(home)
    ensure_scheduler(home)
    assert read_pid(home) == pid


def test_sigterm_ends_it_cleanly(home: Workspace) -> None:
    ensure_scheduler(home)
    os.kill(read_pid(home), signal.SIGTERM)
    wait_until(lambda: not is_locked(home.scheduler_lock), "the scheduler has ended")
    assert not home.scheduler_pid.exists()
    assert "Traceback" not in home.scheduler_log.read_text(encoding="utf-8")


def test_after_a_kill_another_is_started(home: Workspace) -> None:
    ensure_scheduler(home)
    killed = read_pid(home)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not is_locked(home.scheduler_lock), "the scheduler is dead")
    ensure_scheduler(home)
    wait_until(lambda: home.scheduler_pid.exists() and read_pid(home) != killed, "there is another")
    assert is_locked(home.scheduler_lock)


def test_one_with_other_settings_is_replaced(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_scheduler(home)
    former = read_pid(home)
    monkeypatch.setenv("PETALSCOPE_HEARTBEAT_TIMEOUT_S", "45")
    ensure_scheduler(home)
    wait_until(lambda: home.scheduler_pid.exists() and read_pid(home) != former, "there is another")
    assert [process.pid for process in find_processes(home, MODULE)] == [read_pid(home)]


def test_started_by_hand_beside_another_it_leaves_at_once(home: Workspace) -> None:
    ensure_scheduler(home)
    pid = read_pid(home)
    subprocess.run([sys.executable, "-m", MODULE], check=True, timeout=60)
    assert read_pid(home) == pid


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")  # the warm one is
def test_stages_are_trained_by_a_fresh_worker_with_settings_of_its_own(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PETALSCOPE_WORKER_IDLE_MINUTES")
    touch_wake(home)
    ensure_scheduler(home)
    [warm] = wait_until(lambda: find_processes(home, WORKER), "a worker is warm")
    # Both fail at once, for want of the dataset: it is who tries that is looked at.
    stages = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64, strategy="last_stage")
    run, _ = submit_run(home, stages)
    fresh = wait_until(lambda: [p for p in find_processes(home, WORKER) if p != warm], "another")
    assert fresh[0].environ()["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert run.id in fresh[0].cmdline()
    wait_until(lambda: read_run(home, run.id).has_ended, "it has ended")
    assert warm.is_running()
    head, _ = submit_run(home, dataclasses.replace(stages, strategy="head"))
    wait_until(lambda: read_run(home, head.id).has_ended, "it has ended")
    log = home.scheduler_log.read_text(encoding="utf-8")
    assert f"run {head.id}, attempt 1, given to worker {warm.pid}" in log


def test_an_idle_worker_that_was_let_go_is_waited_for(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_WORKER_IDLE_MINUTES", "0.02")
    reader = [sys.executable, "-c", "import sys; sys.stdin.read()"]  # as a worker waits, at once
    monkeypatch.setattr("core.runs.scheduler.python_command", lambda *_: reader)
    of_others = set(psutil.Process().children())  # other tests of this process fork workers
    scheduler = Scheduler(home)
    touch_wake(home)
    scheduler.step()
    [child] = set(psutil.Process().children()) - of_others
    os.utime(home.wake_file, (0, 0))
    scheduler.step()  # lets it go

    wait_until(lambda: scheduler.step() or not psutil.pid_exists(child.pid), "it was waited for")
    assert child not in psutil.Process().children()


@pytest.mark.parametrize("years", [-5, 5])
def test_a_clock_that_is_set_makes_no_run_lost(home: Workspace, years: int) -> None:
    run, _ = submit_run(home, Recipe(dataset="0123456789abcdef", weights_digest="d" * 64))
    claimed = claim_next_run(home)
    assert claimed is not None
    with lock_run(home, claimed) as lock:  # a worker has it
        assert lock is not None
        scheduler = Scheduler(home)
        for day in (0, 1):  # heartbeats by a clock that is years away from the one before
            beat = datetime.now(UTC) + timedelta(days=365 * years + day)
            with write_database(home) as connection:
                connection.execute(update(runs_table).values(heartbeat=beat))
            scheduler.step()
        assert read_run(home, run.id).state == "running"
    scheduler.let_go()


def test_what_pages_and_the_scheduler_import_is_light() -> None:
    code = """if True:
        import sys
        import core.runs.recipe.recipe, core.runs.store, core.runs.queue.queue, core.runs.run_files
        import core.runs.scheduler, core.runs.queue.run_lock, core.runs.queue.control
        heavy = {"numpy", "pandas", "keras", "tensorflow", "openvino", "streamlit"}
        print(sorted(heavy & set(sys.modules)))
    """
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
