"""A worker's side of a run: its lock, heartbeat and reports.

The lock is free as soon as its process ends, so the scheduler sees lost runs. The heartbeat shows
that a worker is not stuck. Every report names its attempt: a worker whose run was given to another
one (after its machine slept, for example) finds that its reports no longer count, and ends.
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
"""Time that a worker waits for a lock: the scheduler tests locks by taking them for a moment."""
PAUSED: dict[str, Any] = {"state": "paused", "phase": "", "pid": None, "request": ""}
"""Columns of a paused run."""

_log = logging.getLogger(__name__)


class RunLock:
    """The lock of a run, with its heartbeat and the requests for the run."""

    def __init__(self, workspace: Workspace, run: RunRecord) -> None:
        self._workspace = workspace
        self._run = run
        self._request: Request = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def request(self) -> Request:
        """Return the last known request ("stop" if the run is no longer ours)."""
        return self._request

    def should_stop(self) -> bool:
        """Return whether the run must end now, to stop or to pause."""
        return self._request in ("stop", "pause")

    def _beat(self) -> None:
        while True:
            try:
                ours, asked = renew_heartbeat(self._workspace, self._run)
                self._request = asked if ours else "stop"
            except (
                OperationalError,
                DiskFull,
            ) as error:  # the next one may succeed; silence is noticed
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
    """Yield the lock on a starting run; None where another process has it or it is not its turn."""
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
    """Return whether a live worker has the run."""
    return is_locked(_lock_file(workspace, run_id))


def _lock_file(workspace: Workspace, run_id: str) -> Path:
    return workspace.run_folder(run_id) / LOCK_FILE


def begin_run(workspace: Workspace, run: RunRecord) -> bool:
    """Return whether this process may train the run: it is starting, in this attempt."""
    unbegun = runs_table.c.pid.is_(None)
    state = case((runs_table.c.request == "", "running"), else_="stopping")
    return _report(workspace, run, unbegun, state=state, pid=os.getpid(), heartbeat=_now())


def renew_heartbeat(workspace: Workspace, run: RunRecord) -> tuple[bool, Request]:
    """Return whether the run is still ours, and the request for it."""
    with write_database(workspace) as connection:
        beat = update(runs_table).where(is_ours(run)).values(heartbeat=_now())
        ours = connection.execute(beat).rowcount == 1
        asked = select(runs_table.c.request).where(runs_table.c.id == run.id)
        return ours, connection.execute(asked).scalar() or ""


def record_phase(workspace: Workspace, run: RunRecord, phase: Phase, **facts: Any) -> bool:
    """Return whether the run is still ours; record its phase and facts such as its device."""
    return _report(workspace, run, phase=phase, **facts)


def record_epoch(workspace: Workspace, run: RunRecord, done: int, best: Mapping[str, Any]) -> bool:
    """Return whether the run is still ours; record its finished epochs (or trials) and the best.

    Args:
        best: `epoch`, `val_accuracy` and `val_loss`.
    """
    values = {f"best_{name}": best[name] for name in ("epoch", "val_accuracy", "val_loss")}
    return _report(workspace, run, epochs_done=done, **values)


def finish_run(workspace: Workspace, run: RunRecord, *, stopped: bool) -> bool:
    """Return whether the run is now done; `stopped`: by a person, with its best epoch stored."""
    ended = {"state": "done", "phase": "", "finished": _now(), "pid": None, "request": ""}
    return _report(workspace, run, **ended, stopped=stopped)


def mark_paused(workspace: Workspace, run: RunRecord) -> bool:
    """Return whether the run is now paused; False after a newer request."""
    return _report(workspace, run, runs_table.c.request == "pause", **PAUSED)


def fail_run(workspace: Workspace, run: RunRecord, error: PetalscopeError) -> bool:
    """Return whether the run is now failed, or paused where that was requested."""
    stopped = isinstance(error, RunStopped)
    if stopped and mark_paused(workspace, run):
        return True
    told = {"error_code": error.code, "problem": error.problem, "remedy": error.remedy}
    ended = {"state": "failed", "finished": _now(), "pid": None, "request": ""}
    return _report(workspace, run, **ended, **told, stopped=stopped)


def is_ours(run: RunRecord) -> ColumnElement[bool]:
    """Return the condition that the run is running in this attempt."""
    table = runs_table.c
    return (table.id == run.id) & (table.attempt == run.attempt) & table.state.in_(GOING)


def _report(
    workspace: Workspace, run: RunRecord, *conditions: ColumnElement[bool], **values: Any
) -> bool:
    """Return whether the run is still ours and meets the conditions; if so, write the values."""
    with write_database(workspace) as connection:
        report = update(runs_table).where(is_ours(run), *conditions).values(**values)
        return connection.execute(report).rowcount == 1


def _now() -> datetime:
    return datetime.now(UTC)
