"""A worker's hold on a run: one at a time, seen from outside, gone with the process."""

import subprocess
import sys
from pathlib import Path

from core.runs.locks import free_lock, is_locked, take_lock
from core.runs.queue.queue import claim_next_run, request_stop
from core.runs.queue.run_lock import finish_run, is_held, lock_run
from core.runs.store import read_run
from core.workspace import Workspace
from tests.processes import wait_until
from tests.unit.runs.queue.test_control import submit

HOLD_UNTIL_KILLED = """if True:
    import sys, time
    from core.runs.queue.run_lock import lock_run
    from core.runs.queue.queue import claim_next_run
    from core.workspace import open_workspace
    workspace = open_workspace()
    with lock_run(workspace, claim_next_run(workspace)) as hold:
        print("held" if hold else "refused", flush=True)
        sys.stdin.read()
"""


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path) and not path.exists()
    first = take_lock(path)
    assert first is not None and take_lock(path) is None and is_locked(path)
    free_lock(first)
    assert not is_locked(path)
    again = take_lock(path)
    assert again is not None
    free_lock(again)


def test_a_run_that_is_not_starting_cannot_be_held(workspace: Workspace) -> None:
    run = submit(workspace)
    with lock_run(workspace, run) as hold:
        assert hold is None
    assert read_run(workspace, run.id).state == "queued"


def test_a_hold_is_seen_and_beats_and_ends(workspace: Workspace) -> None:
    submit(workspace)
    run = claim_next_run(workspace)
    assert run is not None
    with lock_run(workspace, run) as hold:
        assert hold is not None and is_held(workspace, run.id)
        first = read_run(workspace, run.id).heartbeat
        assert first is not None
        wait_until(lambda: (read_run(workspace, run.id).heartbeat or first) > first, "it beats")
        assert not hold.should_stop()
        request_stop(workspace, run.id)
        wait_until(hold.should_stop, "the stop is learned")
        finish_run(workspace, run, stopped=True)
    assert not is_held(workspace, run.id)


def test_a_killed_process_holds_nothing(workspace: Workspace) -> None:
    run = submit(workspace)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD_UNTIL_KILLED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdin is not None
    assert child.stdout.readline().strip() == "held"
    assert is_held(workspace, run.id)
    seen = read_run(workspace, run.id)
    assert (seen.state, seen.pid) == ("running", child.pid)
    child.kill()
    child.wait()
    assert not is_held(workspace, run.id)
    assert read_run(workspace, run.id).state == "running"  # nobody has noticed yet
    child.stdin.close()
    child.stdout.close()
