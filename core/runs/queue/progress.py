"""What a worker reports of the run it has.

Every report names the attempt it belongs to. A worker whose run was given to another (its machine
slept, say) finds that its reports no longer count, and ends.
"""

import os
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, case, select, update

from core.errors import PetalscopeError, RunStopped
from core.runs.database import write_database
from core.runs.store import GOING, Phase, Request, RunRecord
from core.runs.tables import runs_table
from core.workspace import Workspace

PAUSED: dict[str, Any] = {"state": "paused", "phase": "", "pid": None, "request": ""}
"""What the index says of a run once it is paused."""


def begin_run(workspace: Workspace, run: RunRecord) -> bool:
    """Returns whether this process may train the run: it is starting, and in this attempt."""
    may_begin = _ours(run) & (runs_table.c.pid.is_(None))
    state = case((runs_table.c.request == "", "running"), else_="stopping")
    return _report(workspace, may_begin, state=state, pid=os.getpid(), heartbeat=_now())


def renew_heartbeat(workspace: Workspace, run: RunRecord) -> tuple[bool, Request]:
    """Returns whether the run is still ours, and what a person asked of it."""
    with write_database(workspace) as connection:
        beat = update(runs_table).where(_ours(run)).values(heartbeat=_now())
        ours = connection.execute(beat).rowcount == 1
        asked = select(runs_table.c.request).where(runs_table.c.id == run.id)
        return ours, connection.execute(asked).scalar() or ""


def record_phase(workspace: Workspace, run: RunRecord, phase: Phase, **facts: Any) -> bool:
    """Returns whether the run is still ours; notes its phase and facts such as its device."""
    return _report(workspace, _ours(run), phase=phase, **facts)


def record_epoch(
    workspace: Workspace,
    run: RunRecord,
    *,
    epochs_done: int,
    best_epoch: int,
    best_val_accuracy: float | None,
    best_val_loss: float | None,
) -> bool:
    """Returns whether the run is still ours; notes how far it is and its best epoch."""
    return _report(
        workspace,
        _ours(run),
        epochs_done=epochs_done,
        best_epoch=best_epoch,
        best_val_accuracy=best_val_accuracy,
        best_val_loss=best_val_loss,
    )


def finish_run(workspace: Workspace, run: RunRecord, *, stopped: bool) -> bool:
    """Returns whether the run is now done; `stopped`: a person ended it, its best epoch is kept."""
    return _report(
        workspace,
        _ours(run),
        state="done",
        phase="",
        finished=_now(),
        pid=None,
        stopped=stopped,
        request="",
    )


def mark_paused(workspace: Workspace, run: RunRecord) -> bool:
    """Returns whether the run is now paused; its checkpoint is kept, and it waits for a person.

    It is not when a person has asked for something else since.
    """
    return _report(workspace, _ours(run) & (runs_table.c.request == "pause"), **PAUSED)


def fail_run(workspace: Workspace, run: RunRecord, error: PetalscopeError) -> bool:
    """Returns whether the run is now failed, with the problem and its remedy.

    One that could not but stop (before its first epoch, say) since a pause was asked for is paused.
    """
    asked = _ours(run) & (runs_table.c.request == "pause")
    if isinstance(error, RunStopped) and _report(workspace, asked, **PAUSED):
        return True
    return _report(
        workspace,
        _ours(run),
        state="failed",
        finished=_now(),
        pid=None,
        error_code=error.code,
        problem=error.problem,
        remedy=error.remedy,
        stopped=isinstance(error, RunStopped),
        request="",
    )


def _ours(run: RunRecord) -> ColumnElement[bool]:
    table = runs_table.c
    return (table.id == run.id) & (table.attempt == run.attempt) & table.state.in_(GOING)


def _report(workspace: Workspace, condition: ColumnElement[bool], **values: Any) -> bool:
    with write_database(workspace) as connection:
        report = update(runs_table).where(condition).values(**values)
        return connection.execute(report).rowcount == 1


def _now() -> datetime:
    return datetime.now(UTC)
