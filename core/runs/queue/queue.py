"""The queue: what people and the scheduler do with runs (the rest: `core.runs.queue.control`).

Each function is one transaction, so any number of pages, command lines and schedulers may call
them at once. One run goes at a time: first come, first served. Standard library and SQLAlchemy
only, for the scheduler.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from core.errors import PetalscopeError, RunStopped
from core.runs.database import read_database, write_database
from core.runs.queue.run_lock import PAUSED, is_ours
from core.runs.recipe.plans import SweepPlan, check_epochs, plan_to_json
from core.runs.recipe.recipe import Recipe, recipe_to_json, validate
from core.runs.run_files import RECIPE_FILE, append_event, is_result_whole, remove_run
from core.runs.store import (
    GOING,
    MOST_ATTEMPTS,
    Request,
    RunRecord,
    find_run,
    item_id,
    select_run,
    select_runs,
)
from core.runs.tables import runs_table
from core.runs.training.study import is_study_whole
from core.workspace import Workspace, check_identifier, write_atomically

_MAY_GO_ON = (runs_table.c.state == "lost") & (runs_table.c.attempt < MOST_ATTEMPTS)

_STOPPED_EARLY: dict[str, Any] = {
    "state": "failed",
    "phase": "",
    "request": "",
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
    "error_code": "run_lost",
    "problem": "The worker ended without a word; most often the system had no memory left.",
    "remedy": "Close other programs and start the run again: it goes on from its last epoch.",
}


def submit_run(
    workspace: Workspace,
    recipe: Recipe,
    name: str | None = None,
    *,
    plan: SweepPlan | None = None,
) -> tuple[RunRecord, bool]:
    """Return the run of this recipe (or of a plan that starts from it) and whether it is new.

    The same recipe is the same run: a finished or waiting one is returned as it is. One that
    failed, was lost, paused or stopped is queued again and resumes from its checkpoint; one whose
    result is gone or damaged is trained anew.

    Raises:
        RecipeRefused: The recipe cannot be trained.
    """
    validate(recipe)
    if plan is not None:
        check_epochs(recipe)
    folder = workspace.run_folder(run_id := item_id(recipe, plan))
    values: dict[str, Any] = dict.fromkeys(("created", "queued"), datetime.now(UTC))
    values |= {"id": run_id, "state": "queued", "dataset": recipe.dataset}
    values |= {"name": (name or "").strip(), "recipe": recipe_to_json(recipe)}
    values["plan"] = plan and plan_to_json(plan)
    with write_database(workspace) as connection:
        if existing := find_run(connection, run_id):
            return _queue_if_unfinished(workspace, connection, existing), False
        folder.mkdir(parents=True, exist_ok=True)
        with write_atomically(folder / RECIPE_FILE) as file:
            file.write_text(values["recipe"], encoding="utf-8")
        connection.execute(insert(runs_table).values(**values))
        append_event(folder, {"event": "queued", "attempt": 0})
        return select_run(connection, run_id), True


def claim_next_run(workspace: Workspace, run_id: str | None = None) -> RunRecord | None:
    """Return the run whose turn it is, now "starting", or None: nothing waits, or one is running.

    With `run_id` only that run is claimed, and only when it is its turn.
    """
    table = runs_table.c
    with write_database(workspace) as connection:
        if select_runs(connection, table.state.in_(GOING)):
            return None
        waiting = select_runs(connection, table.state == "queued")
        order = order_turns(waiting)
        if not order or run_id not in (None, order[0].id):
            return None
        next_id = order[0].id
        now = datetime.now(UTC)
        values: dict[str, Any] = {"state": "starting", "phase": "", "pid": None, "finished": None}
        values |= {"started": now, "heartbeat": now, "attempt": table.attempt + 1}
        change_run(connection, next_id, **values)
        return select_run(connection, next_id)


def request_stop(workspace: Workspace, run_id: str, *, after_epoch: bool = False) -> RunRecord:
    """Return the run, asked to stop: its best epoch is kept. One that waits ends at once.

    With `after_epoch` the epoch that goes is completed first; else it is dropped.
    """
    wish: Request = "stop_after_epoch" if after_epoch else "stop"
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        if run.state in ("queued", "paused") and run.epochs_done == 0:
            change_run(connection, run_id, finished=datetime.now(UTC), **_STOPPED_EARLY)
        elif run.is_going:
            wish = "stop" if run.request == "stop" else wish  # not less than was asked before
            change_run(connection, run_id, request=wish, state="stopping")
        elif run.state == "paused":  # it has epochs to keep: a worker must still score the photos
            queue_again(workspace, connection, run)
            change_run(connection, run_id, request=wish)
        elif not run.has_ended:
            change_run(connection, run_id, request=wish)
        return select_run(connection, run_id)


def retry_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Return the run, queued as when its recipe is submitted again, unless it is well."""
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        return _queue_if_unfinished(workspace, connection, run)


def delete_run(workspace: Workspace, run_id: str) -> None:
    """Delete the run, its folder and the cached files that only it needed.

    Raises:
        PetalscopeError: A worker has it.
    """
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        if run.is_going:
            raise PetalscopeError(
                f"“{run.name}” is running.", "Stop it first, then delete it.", code="run_going"
            )
        connection.execute(runs_table.delete().where(runs_table.c.id == run_id))
        if (folder := workspace.run_folder(run_id)).exists():
            others = [other.recipe for other in select_runs(connection)]
            remove_run(workspace, folder, run.recipe, others)


def mark_lost(workspace: Workspace, run: RunRecord) -> bool:
    """Return whether the run was going in this attempt and no longer does, its device free.

    It is lost; or paused, where that was asked for: its checkpoint is kept.
    """
    ours = is_ours(run)
    values = {"state": "lost", "finished": datetime.now(UTC), "pid": None, **_WORKER_LOST}
    paused = update(runs_table).where(ours & (runs_table.c.request == "pause")).values(**PAUSED)
    lost = update(runs_table).where(ours).values(**values)
    with write_database(workspace) as connection:
        if connection.execute(paused).rowcount:
            event: dict[str, object] = {"event": "end", "state": "paused"}
        elif connection.execute(lost).rowcount:
            event = {"event": "lost", "attempt": run.attempt}
        else:
            return False
        append_event(workspace.run_folder(run.id), event)
        return True


def queue_lost_runs(workspace: Workspace) -> list[RunRecord]:
    """Return the lost runs that were queued again: those with attempts left."""
    with write_database(workspace) as connection:
        lost = select_runs(connection, _MAY_GO_ON)
        return [queue_again(workspace, connection, run, by_itself=True) for run in lost]


def read_active(workspace: Workspace) -> list[RunRecord]:
    """Return the runs that go, wait or will be queued again, in the order of their turn."""
    table = runs_table.c
    with read_database(workspace) as connection:
        runs = select_runs(connection, table.state.in_((*GOING, "queued")) | _MAY_GO_ON)
    going = [run for run in runs if run.is_going]
    return going + order_turns(run for run in runs if not run.is_going)


def read_place(workspace: Workspace, run_id: str) -> int:
    """Return the place of a run in the queue, 1 for the next to start; 0: it does not wait."""
    waiting = [run.id for run in read_active(workspace) if not run.is_going]
    return waiting.index(run_id) + 1 if run_id in waiting else 0


def queue_again(
    workspace: Workspace, connection: Connection, run: RunRecord, *, by_itself: bool = False
) -> RunRecord:
    """Return the run, waiting; for use inside a transaction.

    A person starts afresh; a run queued `by_itself` keeps its place, its attempts and what was
    asked of it.
    """
    values: dict[str, Any] = {"state": "queued", "phase": "", "pid": None, "finished": None}
    values |= {"error_code": None, "problem": None, "remedy": None}
    if not by_itself:
        values |= {"queued": datetime.now(UTC), "attempt": 0, "request": "", "stopped": False}
    change_run(connection, run.id, **values)
    folder = workspace.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)  # somebody may have removed it by hand
    append_event(folder, {"event": "queued", "attempt": run.attempt})
    return select_run(connection, run.id)


def change_run(connection: Connection, run_id: str, **values: Any) -> None:
    """Write the values into the index; for use inside a transaction."""
    connection.execute(update(runs_table).where(runs_table.c.id == run_id).values(**values))


def order_turns(waiting: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the waiting runs in the order in which they will start: the oldest first."""
    return sorted(waiting, key=lambda run: (run.queued, run.number))


def _queue_if_unfinished(workspace: Workspace, connection: Connection, run: RunRecord) -> RunRecord:
    done_well = run.state == "done" and not run.stopped
    if done_well and not _is_whole(workspace, run):
        change_run(connection, run.id, **_NOTHING_DONE)  # its checkpoint went when it was done
    elif done_well or run.state not in ("done", "failed", "lost", "paused"):
        return run
    return queue_again(workspace, connection, run)


def _is_whole(workspace: Workspace, run: RunRecord) -> bool:
    folder = workspace.run_folder(run.id)
    return is_result_whole(folder) if run.plan is None else is_study_whole(folder, run.plan)
