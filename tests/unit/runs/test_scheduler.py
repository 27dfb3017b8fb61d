"""The scheduler as a real process: one for each workspace, cheap, replaceable at any moment."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import update

from core.runs.database import write_database
from core.runs.locks import is_locked
from core.runs.queue.queue import claim_next_run, request_stop, submit_run
from core.runs.queue.run_lock import lock_run
from core.runs.queue.starting import ensure_scheduler, python_environment, touch_wake
from core.runs.recipe.recipe import Recipe
from core.runs.result import read_result
from core.runs.run_files import curve, read_events
from core.runs.scheduler import Scheduler
from core.runs.store import list_runs, read_run
from core.runs.tables import runs_table
from core.sharing import open_sharing
from core.workspace import Workspace
from tests.processes import end_processes, find_processes, run_at_once, wait_until
from tests.training import make_recipe

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
    wait_until(lambda: "at work" in home.scheduler_log.read_text(encoding="utf-8"), "it says so")
    assert home.scheduler_log.read_text(encoding="utf-8").count("at work") == 1


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


def test_each_lane_has_a_run_of_its_own_and_a_device_of_its_own(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_LANES", "cpu,gpu:3")
    reader = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    monkeypatch.setattr("core.runs.scheduler.python_command", lambda *_: reader)
    started, begin = list[tuple[Any, dict[str, str]]](), subprocess.Popen

    def start(command: list[str], env: dict[str, str], **options: Any) -> Any:
        started.append((begin(command, env=env, **options), env))
        return started[-1][0]

    monkeypatch.setattr("core.runs.scheduler.subprocess.Popen", start)
    recipe = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)
    runs = [submit_run(home, dataclasses.replace(recipe, seed=seed))[0] for seed in range(3)]
    scheduler = Scheduler(home)
    scheduler.step()
    scheduler.step()
    now = [read_run(home, run.id) for run in runs]
    assert [run.lane for run in now] == ["1 cpu", "2 gpu:3", ""]
    assert [run.state for run in now] == ["starting", "starting", "queued"]
    assert started[0][1]["PETALSCOPE_DEVICE"] == "cpu"
    assert started[1][1]["CUDA_VISIBLE_DEVICES"] == "3"
    for process, _ in started:
        with process:
            process.kill()


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("storage", [False, True], ids=["same folder", "storage"])
def test_another_machine_helps_and_its_run_is_gone_on_with_when_it_dies(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, storage: bool
) -> None:
    monkeypatch.setenv("PETALSCOPE_HEARTBEAT_TIMEOUT_S", "4")
    monkeypatch.setenv("PETALSCOPE_DATABASE_URL", f"sqlite:///{trained_copy.database_file}")
    there = trained_copy
    if storage:
        there = Workspace(tmp_path / "there")
        monkeypatch.setenv("PETALSCOPE_STORAGE_URL", str(tmp_path / "store"))
        sharing = open_sharing(trained_copy)
        assert sharing is not None
        for key in sharing.list_things():
            sharing.push(key)
    dataset = list_runs(trained_copy)[0].recipe.dataset
    long, short = (
        submit_run(trained_copy, make_recipe(trained_copy, dataset, epochs=epochs, seed=7))[0]
        for epochs in (1_000, 40)
    )
    command = [sys.executable, "-m", "core.workers.loop", "lab/"]
    with subprocess.Popen(command, env=python_environment(there)) as helper:
        wait_until(lambda: read_run(trained_copy, long.id).epochs_done, "the helper trains it")
        ensure_scheduler(trained_copy)
        wait_until(lambda: read_run(trained_copy, short.id).state == "done", "we train the other")
        theirs = read_run(trained_copy, long.id)
        assert (theirs.lane, theirs.state) == ("lab/", "running")
        assert read_run(trained_copy, short.id).lane == ""
        folder = trained_copy.run_folder(long.id)
        wait_until(lambda: curve(read_events(folder)[0]), "its curve is seen here")
        wait_until(lambda: [*folder.glob("checkpoint/**/*")], "and its checkpoint is here")
        helper.kill()
    assert theirs.pid is not None
    os.kill(theirs.pid, signal.SIGKILL)
    wait_until(lambda: read_run(trained_copy, long.id).lane == "", "it goes on here")
    assert read_run(trained_copy, long.id).epochs_done > 0
    request_stop(trained_copy, long.id)
    wait_until(lambda: read_run(trained_copy, long.id).state == "done", "what it reached is kept")
    epochs = [epoch["epoch"] for epoch in read_result(trained_copy, long.id).history]
    assert epochs == list(range(1, len(epochs) + 1))


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
