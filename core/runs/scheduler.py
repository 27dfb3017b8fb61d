"""Gives waiting runs to workers, one at a time: `python -m core.runs.scheduler`.

One per workspace, guarded by a lock. Its whole state is in the database and in locks: it may be
killed at any moment, and a running worker does not notice. It also starts scheduled work
(`queue.scheduled`). Imports neither Keras nor NumPy.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from core.config import read_settings
from core.errors import PetalscopeError
from core.runs.locks import free_lock, take_lock
from core.runs.queue.queue import claim_next_run, mark_lost, queue_lost_runs, read_active
from core.runs.queue.run_lock import is_held
from core.runs.queue.scheduled import DueWork, is_anything_arranged
from core.runs.queue.starting import python_command, python_environment, write_scheduler_facts
from core.runs.repairing import make_due_copy
from core.runs.store import RunRecord
from core.workspace import Workspace, open_workspace, sweep_leftovers

POLL_S = 0.2
IDLE_POLL_S = 1.0
"""Poll interval while only scheduled work can come."""
START_GRACE_S = 30.0
"""A run that no worker began within this time is lost."""
EXIT_AFTER_S = 30 * 60.0
COPIES_EVERY_S = 60.0
"""Time between two looks at whether the database must be copied."""
_WARM_AGAIN_S = 30.0
"""Time until an idle worker that died is replaced."""
_FOR_STAGES = {"TF_ENABLE_ONEDNN_OPTS": "1"}
"""Environment of a worker that trains stages; see models/__init__.py."""

_log = logging.getLogger("scheduler")


class Scheduler:
    """The scheduler; it can lose everything it remembers between steps."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._settings = read_settings()
        self._idle: subprocess.Popen[bytes] | None = None
        self._given: dict[str, subprocess.Popen[bytes]] = {}
        self._children: list[subprocess.Popen[bytes]] = []
        """All workers started here: they are polled, so that none stays a zombie."""
        self._is_free = False
        """Whether runs were waiting and none was running at the last step."""
        self._warm_not_before = 0.0
        self._beats: dict[str, tuple[datetime | None, float]] = {}
        self._last_run = -float("inf")
        self._last_busy = time.monotonic()
        self._due_work = DueWork(workspace)
        self._copies_checked = -float("inf")

    def step(self) -> None:
        """Notice lost runs, give a waiting run to a worker, keep a worker warm."""
        active = read_active(self._workspace)
        going = next((run for run in active if run.is_going), None)
        if going is not None and self._is_lost(going) and mark_lost(self._workspace, going):
            _log.warning("run %s lost its worker in attempt %d", going.id, going.attempt)
        if any(run.state == "lost" for run in active):
            queue_lost_runs(self._workspace)
        self._serve_queue(going, [run for run in active if run.state == "queued"])
        if active or self._is_wanted():
            self._last_busy = time.monotonic()
        self._due_work.step()
        if time.monotonic() - self._copies_checked > COPIES_EVERY_S:
            self._copies_checked = time.monotonic()
            make_due_copy(self._workspace)

    def is_idle(self) -> bool:
        """Return whether there has been nothing to do for a long time."""
        return time.monotonic() - self._last_busy > EXIT_AFTER_S

    def may_exit(self) -> bool:
        """Return whether it is idle and nothing is scheduled."""
        return self.is_idle() and not self._due_work.are_arranged

    def let_go(self) -> None:
        """End the idle worker; a training one continues."""
        if self._idle is not None and self._idle.stdin is not None:
            self._idle.stdin.close()
        self._idle = None

    def _serve_queue(self, going: RunRecord | None, waiting: Sequence[RunRecord]) -> None:
        """Give a waiting run to a worker if no run is running; keep a worker warm."""
        self._given = {key: child for key, child in self._given.items() if child.poll() is None}
        was_free, self._is_free = self._is_free, bool(waiting) and going is None
        left = len(waiting)
        # A worker that has just trained a head gets one step to take the next run by itself.
        if self._is_free and (was_free or not self._given):
            going = self._give_next_run()
            left -= going is not None
        self._children = [child for child in self._children if child.poll() is None]
        if going is not None:
            self._last_run = time.monotonic()
        # Warming up takes processor time from a running run: only if the next one is waiting.
        wanted = self._is_wanted() if going is None else left > 0 and going.trains_stages
        self._keep_warm(wanted, going)

    def _give_next_run(self) -> RunRecord | None:
        run = claim_next_run(self._workspace)
        if run is None:
            return None
        worker = self._take_warm(run)
        if worker is None:
            settings = _FOR_STAGES if run.trains_stages else {}
            worker = self._start_worker("--run", run.id, **settings)
        self._given[run.id] = worker
        _log.info("run %s, attempt %d, given to worker %d", run.id, run.attempt, worker.pid)
        return run

    def _take_warm(self, run: RunRecord) -> subprocess.Popen[bytes] | None:
        """Give the run to the idle worker and return it; None without one, or for stages."""
        if run.trains_stages:  # Keras has read its settings by the time it is warm
            return None
        worker, self._idle = self._idle, None
        if worker is None or worker.poll() is not None:
            return None
        assert worker.stdin is not None
        try:
            worker.stdin.write(f"{run.id}\n".encode())
            worker.stdin.flush()
        except BrokenPipeError:  # it has just ended
            return None
        return worker

    def _keep_warm(self, wanted: bool, going: RunRecord | None) -> None:
        if self._idle is not None and self._idle.poll() is not None:
            _log.error("the idle worker ended with status %d", self._idle.returncode)
            self._idle = None
            self._warm_not_before = time.monotonic() + _WARM_AGAIN_S
        if self._idle is None and wanted and time.monotonic() >= self._warm_not_before:
            self._idle = self._start_worker()
        elif self._idle is not None and not (wanted or going):
            self.let_go()

    def _start_worker(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            python_command("core.runs.worker", *arguments),
            env=python_environment(self._workspace) | settings,
            stdin=subprocess.PIPE,
            stdout=sys.stderr,  # until the worker has a run with a log of its own
            stderr=sys.stderr,
            start_new_session=True,
        )
        self._children.append(child)
        return child

    def _is_lost(self, run: RunRecord) -> bool:
        silence = self._measure_silence(run)
        if run.pid is None:  # given to a worker that has not begun
            child = self._given.get(run.id)
            return silence > START_GRACE_S if child is None else child.poll() is not None
        if not is_held(self._workspace, run.id):
            return True
        if silence > self._settings.heartbeat_timeout_s:
            _log.error("run %s is silent for %.0f s: ending process %d", run.id, silence, run.pid)
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(run.pid, signal.SIGKILL)  # it holds the lock, so the number is its own
        return False

    def _measure_silence(self, run: RunRecord) -> float:
        # The monotonic clock stands still while the machine sleeps.
        heartbeat, since = self._beats.get(run.id, (None, 0.0))
        if run.id not in self._beats or heartbeat != run.heartbeat:
            self._beats[run.id] = (run.heartbeat, time.monotonic())
            return 0.0
        return time.monotonic() - since

    def _is_wanted(self) -> bool:
        """Return whether a person trained, or opened the form, within the idle minutes."""
        limit = 60 * self._settings.worker_idle_minutes
        try:
            wake = abs(time.time() - self._workspace.wake_file.stat().st_mtime)  # clocks are set
        except FileNotFoundError:
            wake = float("inf")
        return wake < limit or time.monotonic() - self._last_run < limit


def serve(workspace: Workspace, ended: threading.Event, *, stay: bool = False) -> None:
    """Run until `ended` is set or, without `stay`, until it may exit."""
    scheduler = Scheduler(workspace)
    try:
        while stay or not scheduler.may_exit():
            scheduler.step()
            if ended.wait(IDLE_POLL_S if scheduler.is_idle() else POLL_S):
                return
    finally:
        scheduler.let_go()


def main() -> int:
    """Return the exit status: 0, also if another scheduler is running."""
    parser = argparse.ArgumentParser(description="Gives waiting runs to workers.")
    parser.add_argument("--lock", type=int, help="descriptor of the inherited lock")
    parser.add_argument("--stay", action="store_true", help="wait for the lock, and never exit")
    given = parser.parse_args()
    lock: int | None = given.lock
    workspace = open_workspace()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    while not ended.is_set():
        lock = take_lock(workspace.scheduler_lock) if lock is None else lock
        if lock is None:
            if not given.stay:
                return 0
            ended.wait(IDLE_POLL_S)  # another one is running
            continue
        write_scheduler_facts(workspace)
        sweep_leftovers(workspace)
        _log.info("scheduler %d started in %s", os.getpid(), workspace.root)
        try:
            serve(workspace, ended, stay=given.stay)
        except PetalscopeError as error:  # the database cannot be used
            _log.error("%s %s", error.problem, error.remedy)
            return 1
        workspace.scheduler_pid.unlink(missing_ok=True)
        free_lock(lock)
        lock = None
        if not read_active(workspace) and not is_anything_arranged(workspace):
            break  # else continue: new work came
    return 0


if __name__ == "__main__":
    sys.exit(main())
