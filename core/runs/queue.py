"""The queue: what people and the scheduler do with runs.

Each function is one transaction, so any number of pages, command lines and schedulers may call
them at once. One run goes at a time: the machine is one device. What a worker reports of the run
it has is in `core.runs.progress`.
"""

import os
import shutil
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from core.errors import RunGoing, RunLost, RunStopped
from core.runs.database import read_database, runs_table, write_database
from core.runs.events import append_event
from core.runs.integrity import is_result_whole
from core.runs.recipe import Recipe, recipe_to_json
from core.runs.recipe_rules import validate
from core.runs.store import (
    GOING,
    MOST_ATTEMPTS,
    RunRecord,
    find_run,
    select_run,
    select_runs,
)
from core.workspace import Workspace, check_identifier, write_atomically

RECIPE_FILE = "recipe.json"

_MAY_GO_ON = (runs_table.c.state == "lost") & (runs_table.c.attempt < MOST_ATTEMPTS)

_STOPPED_EARLY: dict[str, Any] = {
    "state": "failed",
    "stopped": True,
    "error_code": RunStopped.code,
    "problem": "The run was stopped before its first epoch, so there is nothing to keep.",
    "remedy": "Start it again when you want it.",
}
_NOTHING_DONE: dict[str, Any] = {
    "epochs_done": 0,
    "best_epoch": None,
    "best_val_accuracy": None,
    "best_val_loss": None,
}
_WORKER_LOST: dict[str, Any] = {
    "error_code": RunLost.code,
    "problem": "The worker ended without a word; most often the system had no memory left.",
    "remedy": "Close other programs and start the run again: it goes on from its last epoch.",
}


def submit_run(
    workspace: Workspace, recipe: Recipe, name: str | None = None
) -> tuple[RunRecord, bool]:
    """Returns the run of this recipe and whether it is new.

    The same recipe is the same run: a finished or waiting one is returned as it is. One that
    failed, was lost or was stopped is queued again and goes on from its checkpoint; one whose
    result is gone or damaged is trained anew.

    Raises:
        RecipeRefused: The recipe cannot be trained.
    """
    validate(recipe)
    run_id = recipe.run_id
    folder = workspace.run_folder(run_id)
    now = datetime.now(UTC)
    with write_database(workspace) as connection:
        if existing := find_run(connection, run_id):
            return _queue_if_unfinished(workspace, connection, existing), False
        folder.mkdir(parents=True, exist_ok=True)
        with write_atomically(folder / RECIPE_FILE) as file:
            file.write_text(recipe_to_json(recipe), encoding="utf-8")
        values = {"name": (name or "").strip(), "dataset": recipe.dataset}
        times = {"created": now, "queued": now}
        recipe_text = recipe_to_json(recipe)
        connection.execute(
            insert(runs_table).values(
                id=run_id, state="queued", recipe=recipe_text, **values, **times
            )
        )
        append_event(folder, {"event": "queued", "attempt": 0})
        return select_run(connection, run_id), True


def claim_next_run(workspace: Workspace, run_id: str | None = None) -> RunRecord | None:
    """Returns the run that has waited longest, now "starting", or None: nothing waits or one goes.

    With `run_id` only that run is claimed.
    """
    table = runs_table.c
    with write_database(workspace) as connection:
        if select_runs(connection, table.state.in_(GOING)):
            return None
        wanted = table.state == "queued"
        if run_id is not None:
            wanted &= table.id == run_id
        waiting = select_runs(connection, wanted)
        if not waiting:
            return None
        next_id = min(waiting, key=lambda run: run.queued).id
        now = datetime.now(UTC)
        _update(
            connection,
            next_id,
            state="starting",
            phase="",
            started=now,
            heartbeat=now,
            finished=None,
            pid=None,
            attempt=table.attempt + 1,
        )
        return select_run(connection, next_id)


def request_stop(workspace: Workspace, run_id: str) -> RunRecord:
    """Returns the run, asked to stop: its best epoch is kept. One that waits ends at once."""
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        if run.state == "queued" and run.epochs_done == 0:
            now = datetime.now(UTC)
            _update(connection, run_id, stop_requested=True, finished=now, **_STOPPED_EARLY)
        elif run.is_going:
            _update(connection, run_id, stop_requested=True, state="stopping")
        elif not run.has_ended:  # it has epochs to keep: a worker must still score the photos
            _update(connection, run_id, stop_requested=True)
        return select_run(connection, run_id)


def retry_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Returns the run, queued as when its recipe is submitted again, unless it is well."""
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        return _queue_if_unfinished(workspace, connection, run)


def rename_run(workspace: Workspace, run_id: str, name: str) -> RunRecord:
    """Returns the run under its new name; an empty name gives back "Run 7"."""
    with write_database(workspace) as connection:
        _update(connection, check_identifier(run_id), name=name.strip())
        return select_run(connection, run_id)


def delete_run(workspace: Workspace, run_id: str) -> None:
    """Returns nothing; the run, its files and its place in the list are gone.

    Raises:
        RunGoing: A worker has it.
    """
    rubbish = workspace.temporary / f"deleted-{os.urandom(4).hex()}"
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        if run.is_going:
            raise RunGoing(
                f"“{run.name}” is being trained.", "Stop it first, then delete it.", run_id=run_id
            )
        connection.execute(runs_table.delete().where(runs_table.c.id == run_id))
        folder = workspace.run_folder(run_id)
        if folder.exists():
            workspace.temporary.mkdir(parents=True, exist_ok=True)
            folder.replace(rubbish)  # one step: no half-deleted run is ever seen
    shutil.rmtree(rubbish, ignore_errors=True)


def mark_lost(workspace: Workspace, run: RunRecord) -> bool:
    """Returns whether the run was going in this attempt and is now lost, its device free."""
    with write_database(workspace) as connection:
        table = runs_table.c
        same_attempt = (table.attempt == run.attempt) & table.state.in_(GOING)
        values = {"state": "lost", "finished": datetime.now(UTC), "pid": None, **_WORKER_LOST}
        lost = update(runs_table).where(table.id == run.id, same_attempt).values(**values)
        if connection.execute(lost).rowcount == 0:
            return False
        append_event(workspace.run_folder(run.id), {"event": "lost", "attempt": run.attempt})
        return True


def queue_lost_runs(workspace: Workspace) -> list[RunRecord]:
    """Returns the lost runs that were queued again: those with attempts left."""
    with write_database(workspace) as connection:
        lost = select_runs(connection, _MAY_GO_ON)
        return [_queue_again(workspace, connection, run, by_itself=True) for run in lost]


def read_active(workspace: Workspace) -> list[RunRecord]:
    """Returns the runs that go, wait or will be queued again, in the order of their turn."""
    table = runs_table.c
    with read_database(workspace) as connection:
        runs = select_runs(connection, table.state.in_((*GOING, "queued")) | _MAY_GO_ON)
    return sorted(runs, key=lambda run: (not run.is_going, run.queued))


def read_waiting(workspace: Workspace) -> list[RunRecord]:
    """Returns the queued runs in the order in which they will be trained."""
    return [run for run in read_active(workspace) if run.state == "queued"]


def _queue_if_unfinished(workspace: Workspace, connection: Connection, run: RunRecord) -> RunRecord:
    done_well = run.state == "done" and not run.stopped
    if done_well and not is_result_whole(workspace.run_folder(run.id)):
        _update(connection, run.id, **_NOTHING_DONE)  # its checkpoint went when it was done
    elif done_well or run.state not in ("done", "failed", "lost"):
        return run
    return _queue_again(workspace, connection, run)


def _queue_again(
    workspace: Workspace, connection: Connection, run: RunRecord, *, by_itself: bool = False
) -> RunRecord:
    # A person starts afresh; a run queued by itself keeps its turn, its attempts, a wish to stop.
    values: dict[str, Any] = {"state": "queued", "phase": "", "pid": None, "finished": None}
    values |= {"error_code": None, "problem": None, "remedy": None}
    if not by_itself:
        values |= {"queued": datetime.now(UTC), "attempt": 0}
        values |= {"stop_requested": False, "stopped": False}
    _update(connection, run.id, **values)
    folder = workspace.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)  # somebody may have removed it by hand
    append_event(folder, {"event": "queued", "attempt": run.attempt})
    return select_run(connection, run.id)


def _update(connection: Connection, run_id: str, **values: Any) -> None:
    connection.execute(update(runs_table).where(runs_table.c.id == run_id).values(**values))
