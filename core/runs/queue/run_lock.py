"""A worker's side of a run: its lock, heartbeat and reports.

The lock is free as soon as its process ends, so the scheduler sees lost runs. The heartbeat shows
that a worker is not stuck. Every report names its attempt: a worker whose run was given to another
one (after its machine slept, for example) finds that its reports no longer count, and ends. Numbers
that are not finite (a diverged loss) are reported as None, for JSON.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, case, select, update
from sqlalchemy.exc import OperationalError

from core.errors import DiskFull, PetalscopeError, RunStopped
from core.runs.database import write_database
from core.runs.locks import is_locked, try_lock
from core.runs.run_files import append_event, curve, read_events
from core.runs.store import GOING, Phase, Request, RunRecord
from core.runs.tables import runs_table
from core.workspace import Workspace

LOCK_FILE = "worker.lock"
HEARTBEAT_S = 0.5
_PROBE_S = 5.0
"""Time that a worker waits for a lock: the scheduler tests locks by taking them for a moment."""
PAUSED: dict[str, Any] = {"state": "paused", "phase": "", "pid": None, "request": ""}
"""Columns of a paused run."""

PROGRESS_EVERY_S = 0.25

_log = logging.getLogger("run")


@contextmanager
def lock_run(workspace: Workspace, run: RunRecord) -> "Iterator[Attempt | None]":
    """Yield the attempt at a starting run; None where another process has it or its turn is later.

    The heartbeat lasts as long as the block.
    """
    with try_lock(_lock_file(workspace, run.id), _PROBE_S) as is_free:
        if not is_free or not begin_run(workspace, run):
            yield None
            return
        attempt, over = Attempt(workspace, run), threading.Event()
        heart = threading.Thread(target=attempt.beat, args=(over,), name="heartbeat", daemon=True)
        heart.start()
        try:
            yield attempt
        finally:
            over.set()
            heart.join()


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
    """Return whether the run is now paused, because that was requested; else it is failed."""
    stopped = isinstance(error, RunStopped)
    if stopped and mark_paused(workspace, run):
        return True
    told = {"error_code": error.code, "problem": error.problem, "remedy": error.remedy}
    ended = {"state": "failed", "finished": _now(), "pid": None, "request": ""}
    _report(workspace, run, **ended, **told, stopped=stopped)
    return False


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


class Attempt:
    """One attempt at a run by this worker: its heartbeat, the requests for the run, its reports."""

    def __init__(self, workspace: Workspace, run: RunRecord) -> None:
        self.workspace, self.run = workspace, run
        self.folder: Path = workspace.run_folder(run.id)
        self.seconds: dict[str, float] = {}
        """Time of each phase."""
        self._request: Request = ""
        self._phase: Phase = ""
        self._phase_since = time.perf_counter()
        self._next_progress = 0.0
        self._reported = {epoch["epoch"]: epoch for epoch in curve(read_events(self.folder)[0])}

    def request(self) -> Request:
        """Return the last known request ("stop" if the run is no longer ours)."""
        return self._request

    def should_stop(self) -> bool:
        """Return whether the run must end now, to stop or to pause."""
        return self._request in ("stop", "pause")

    def beat(self, over: threading.Event) -> None:
        """Renew the heartbeat and read the requests until the attempt is over."""
        while True:
            try:
                ours, asked = renew_heartbeat(self.workspace, self.run)
                self._request = asked if ours else "stop"
            except (OperationalError, DiskFull) as error:
                # The next one may succeed; silence is noticed.
                _log.warning("heartbeat failed: %s", error)
            if over.wait(HEARTBEAT_S):
                return

    def begin_phase(self, phase: Phase, **facts: Any) -> None:
        """Begin a phase ("": none) and report it, with facts such as the device."""
        now = time.perf_counter()
        if self._phase:
            spent = now - self._phase_since + self.seconds.get(self._phase, 0.0)
            self.seconds[self._phase] = round(spent, 3)
        self._phase, self._phase_since, self._next_progress = phase, now, 0.0
        _report(self.workspace, self.run, phase=phase, **facts)
        if phase:
            append_event(self.folder, {"event": "phase", "phase": phase})
            _log.info("%s %s", phase, " ".join(f"{key}={value}" for key, value in facts.items()))

    def tell(self, phase: Phase, done: int, total: int, **facts: float | None) -> None:
        """Report how much of a phase of the preparation is done; 0 of 0: it begins."""
        if total:
            self.tell_progress(done, total, **facts)
        else:
            self.begin_phase(phase)

    def tell_progress(self, done: int, total: int, **facts: float | None) -> None:
        """Report the progress of the phase, a few times a second."""
        now = time.perf_counter()
        if now < self._next_progress and done < total:
            return
        self._next_progress = now + PROGRESS_EVERY_S
        event = {"event": "progress", "phase": self._phase, "done": done, "total": total}
        append_event(self.folder, event | keep_finite(facts))

    def tell_epoch(self, epoch: Mapping[str, Any], best: Mapping[str, Any]) -> None:
        """Add the epoch to the curve and the best epoch to the list of runs.

        A resumed fit reports the epochs of its checkpoint again: only new ones are written.
        """
        event, best = keep_finite(epoch), keep_finite(best)
        known = self._reported.get(event["epoch"], {})
        if not event.items() <= known.items():
            append_event(self.folder, {"event": "epoch", **event})
            self._reported[event["epoch"]] = event
            _log.info("epoch %d of %d: %s", event["epoch"], self.run.recipe.epochs, _list(event))
        record_epoch(self.workspace, self.run, event["epoch"], best)

    def tell_step(self, done: int, total: int) -> None:
        """Report the finished photos of the current epoch."""
        epoch = max(self._reported, default=0) + 1
        self.tell_progress(done, total, epoch=epoch)

    def tell_end(self, state: str, **facts: object) -> None:
        """Report the end of the attempt."""
        append_event(self.folder, {"event": "end", "state": state, **facts})
        _log.info("%s %s", state, " ".join(f"{key}={value}" for key, value in facts.items()))


def keep_finite(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping with None for each number that is not finite."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in numbers.items()
    }


def _list(epoch: Mapping[str, Any]) -> str:
    """Return the numbers of an epoch for the log."""
    numbers = ((key, value) for key, value in epoch.items() if key != "epoch")
    return ", ".join(
        f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}"
        for key, value in numbers
    )
