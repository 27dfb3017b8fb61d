"""A worker's side of a run: the lock that says "somebody is at it", the heartbeat, the reports.

While a process holds a run no other can; when it ends, however it ends, the lock is free and the
scheduler sees that the run was lost. The heartbeat tells a worker that hangs from one that works.
Every report names the attempt it belongs to: a worker whose run was given to another (its machine
slept, say) finds that its reports no longer count, and ends.
"""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, case, select, update
from sqlalchemy.exc import OperationalError

from core.errors import DiskFull, PetalscopeError, RunStopped
from core.runs.database import write_database
from core.runs.locks import free_lock, is_locked, take_lock
from core.runs.store import GOING, Phase, Request, RunRecord
from core.runs.tables import runs_table
from core.workspace import Workspace

LOCK_FILE = "worker.lock"
HEARTBEAT_S = 0.5
_PROBE_S = 5.0
"""The scheduler's look at a lock takes it for a moment; a worker waits that long for it."""
PAUSED: dict[str, Any] = {"state": "paused", "phase": "", "pid": None, "request": ""}
"""What the index says of a run once it is paused."""

_log = logging.getLogger(__name__)


class RunLock:
    """What a worker may ask while it has a run."""

    def __init__(self, workspace: Workspace, run: RunRecord) -> None:
        self._workspace = workspace
        self._run = run
        self._request: Request = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def request(self) -> Request:
        """Return what was asked of the run ("stop" if it is no longer ours); costs nothing."""
        return self._request

    def should_stop(self) -> bool:
        """Return whether the run must end now, to stop or to pause; costs nothing."""
        return self._request in ("stop", "pause")

    def _beat(self) -> None:
        while True:
            try:
                ours, asked = renew_heartbeat(self._workspace, self._run)
                self._request = asked if ours else "stop"
            except (OperationalError, DiskFull) as error:  # the next may do; silence is noticed
                _log.warning("heartbeat failed: %s", error)
            if self._over.wait(HEARTBEAT_S):
                return

    def __enter__(self) -> "RunLock":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def lock_run(workspace: Workspace, run: RunRecord) -> Iterator[RunLock | None]:
    """Yield the lock on a run that is starting, or None: another has it, or it is not its turn."""
    lock = take_lock(_lock_file(workspace, run.id), wait_s=_PROBE_S)
    if lock is None:
        yield None
        return
    try:
        if begin_run(workspace, run):
            with RunLock(workspace, run) as taken:
                yield taken
        else:
            yield None
    finally:
        free_lock(lock)


def is_held(workspace: Workspace, run_id: str) -> bool:
    """Return whether a living worker has the run."""
    return is_locked(_lock_file(workspace, run_id))


def _lock_file(workspace: Workspace, run_id: str) -> Path:
    return workspace.run_folder(run_id) / LOCK_FILE


def begin_run(workspace: Workspace, run: RunRecord) -> bool:
    """Return whether this process may train the run: it is starting, and in this attempt."""
    unbegun = runs_table.c.pid.is_(None)
    state = case((runs_table.c.request == "", "running"), else_="stopping")
    return _report(workspace, run, unbegun, state=state, pid=os.getpid(), heartbeat=_now())


def renew_heartbeat(workspace: Workspace, run: RunRecord) -> tuple[bool, Request]:
    """Return whether the run is still ours, and what a person asked of it."""
    with write_database(workspace) as connection:
        beat = update(runs_table).where(is_ours(run)).values(heartbeat=_now())
        ours = connection.execute(beat).rowcount == 1
        asked = select(runs_table.c.request).where(runs_table.c.id == run.id)
        return ours, connection.execute(asked).scalar() or ""


def record_phase(workspace: Workspace, run: RunRecord, phase: Phase, **facts: Any) -> bool:
    """Return whether the run is still ours; notes its phase and facts such as its device."""
    return _report(workspace, run, phase=phase, **facts)


def record_epoch(workspace: Workspace, run: RunRecord, done: int, best: Mapping[str, Any]) -> bool:
    """Return whether the run is still ours; note how far it is and its best epoch.

    Args:
        done: Epochs that are done; of a sweep, trials.
        best: `epoch`, `val_accuracy` and `val_loss` of the best one.
    """
    values = {f"best_{name}": best[name] for name in ("epoch", "val_accuracy", "val_loss")}
    return _report(workspace, run, epochs_done=done, **values)


def finish_run(workspace: Workspace, run: RunRecord, *, stopped: bool) -> bool:
    """Return whether the run is now done; `stopped`: a person ended it, its best epoch is kept."""
    ended = {"state": "done", "phase": "", "finished": _now(), "pid": None, "request": ""}
    return _report(workspace, run, **ended, stopped=stopped)


def mark_paused(workspace: Workspace, run: RunRecord) -> bool:
    """Return whether the run is now paused; its checkpoint is kept, and it waits for a person.

    It is not when a person has asked for something else since.
    """
    return _report(workspace, run, runs_table.c.request == "pause", **PAUSED)


def fail_run(workspace: Workspace, run: RunRecord, error: PetalscopeError) -> bool:
    """Return whether the run is now failed, with the problem and its remedy.

    One that could not but stop (before its first epoch, say) since a pause was asked for is paused.
    """
    stopped = isinstance(error, RunStopped)
    if stopped and mark_paused(workspace, run):
        return True
    return _report(
        workspace,
        run,
        state="failed",
        finished=_now(),
        pid=None,
        error_code=error.code,
        problem=error.problem,
        remedy=error.remedy,
        stopped=stopped,
        request="",
    )


def is_ours(run: RunRecord) -> ColumnElement[bool]:
    """Return the condition that the run goes, in this attempt."""
    table = runs_table.c
    return (table.id == run.id) & (table.attempt == run.attempt) & table.state.in_(GOING)


def _report(
    workspace: Workspace, run: RunRecord, *conditions: ColumnElement[bool], **values: Any
) -> bool:
    """Return whether the run is still ours and meets the conditions; note the values, then."""
    with write_database(workspace) as connection:
        report = update(runs_table).where(is_ours(run), *conditions).values(**values)
        return connection.execute(report).rowcount == 1


def _now() -> datetime:
    return datetime.now(UTC)
