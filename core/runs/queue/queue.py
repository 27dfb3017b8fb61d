"""The queue of runs: submit, claim, stop, retry and delete.

Each function is one transaction, so any number of processes may call them at once. One run is
running at a time: first come, first served. The scheduler imports this: no NumPy.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, case, insert, update

from core.errors import PetalscopeError, RunStopped
from core.runs.database import read_database, write_database
from core.runs.queue.run_lock import PAUSED, is_ours
from core.runs.recipe.checking import validate
from core.runs.recipe.plans import SweepPlan, check_epochs, plan_to_json
from core.runs.recipe.recipe import Recipe, recipe_to_json
from core.runs.run_files import RECIPE_FILE, append_event, is_result_whole, remove_run
from core.runs.store import (
    GOING,
    MOST_LOSSES,
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

_MAY_GO_ON = (runs_table.c.state == "lost") & (runs_table.c.losses < MOST_LOSSES)

_STOPPED_EARLY: dict[str, Any] = {
    "state": "failed",
    "phase": "",
    "request": "",
    "stopped": True,
    "error_code": RunStopped.code,
    "problem": "The run was stopped before its first epoch: it has no result.",
    "remedy": "Start it again if you need it.",
}
_NOTHING_DONE: dict[str, Any] = {
    "epochs_done": 0,
    "best_epoch": None,
    "best_val_accuracy": None,
    "best_val_loss": None,
}
_WORKER_LOST: dict[str, Any] = {
    "error_code": "run_lost",
    "problem": "The worker ended unexpectedly, most likely because the system ran out of memory.",
    "remedy": "Close other programs and start the run again: it resumes after its last epoch.",
}


def submit_run(
    workspace: Workspace,
    recipe: Recipe,
    name: str | None = None,
    *,
    plan: SweepPlan | None = None,
) -> tuple[RunRecord, bool]:
    """Return the run of this recipe (or the sweep of this plan), and whether it is new.

    A run that is finished or waiting is returned as it is. One that failed, was lost, paused or
    stopped is queued again and resumes; one whose result is missing or damaged is trained again.

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
    """Return the next run, now "starting"; None where nothing waits or a run is running.

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
    """Request a stop and return the run. A waiting run ends at once.

    With `after_epoch` the current epoch is completed first; else it is dropped.
    """
    wish: Request = "stop_after_epoch" if after_epoch else "stop"
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        if run.state in ("queued", "paused") and run.epochs_done == 0:
            change_run(connection, run_id, finished=datetime.now(UTC), **_STOPPED_EARLY)
        elif run.is_going:
            wish = "stop" if run.request == "stop" else wish  # the stronger request stays
            change_run(connection, run_id, request=wish, state="stopping")
        elif run.state == "paused":  # a worker must still score the photos
            queue_again(workspace, connection, run)
            change_run(connection, run_id, request=wish)
        elif not run.has_ended:
            change_run(connection, run_id, request=wish)
        return select_run(connection, run_id)


def retry_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Return the run, queued again unless it is finished and intact."""
    with write_database(workspace) as connection:
        run = select_run(connection, check_identifier(run_id))
        return _queue_if_unfinished(workspace, connection, run)


def delete_run(workspace: Workspace, run_id: str) -> None:
    """Delete the run, its folder and the cached files that no other run needs.

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
    """Return whether the run is now lost, or paused where that was requested.

    A loss after new epochs begins to count again, so that a run that advances is not given up.
    """
    ours, table = is_ours(run), runs_table.c
    advanced = table.epochs_done > table.lost_at
    counted = {
        "losses": case((advanced, 1), else_=table.losses + 1),
        "lost_at": case((advanced, table.epochs_done), else_=table.lost_at),
    }
    values = {"state": "lost", "finished": datetime.now(UTC), "pid": None, **counted}
    values |= _WORKER_LOST
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
    """Queue the lost runs that have attempts left, and return them."""
    with write_database(workspace) as connection:
        lost = select_runs(connection, _MAY_GO_ON)
        return [queue_again(workspace, connection, run, by_itself=True) for run in lost]


def read_active(workspace: Workspace) -> list[RunRecord]:
    """Return the running, waiting and lost runs in the order of their turn."""
    table = runs_table.c
    with read_database(workspace) as connection:
        runs = select_runs(connection, table.state.in_((*GOING, "queued")) | _MAY_GO_ON)
    running = [run for run in runs if run.is_going]
    return running + order_turns(run for run in runs if not run.is_going)


def read_place(workspace: Workspace, run_id: str) -> int:
    """Return the place of a run in the queue, from 1; 0 where it is not waiting."""
    waiting = [run.id for run in read_active(workspace) if not run.is_going]
    return waiting.index(run_id) + 1 if run_id in waiting else 0


def queue_again(
    workspace: Workspace, connection: Connection, run: RunRecord, *, by_itself: bool = False
) -> RunRecord:
    """Queue the run inside a transaction and return it.

    A run that is queued `by_itself` keeps its place, attempts and request.
    """
    values: dict[str, Any] = {"state": "queued", "phase": "", "pid": None, "finished": None}
    values |= {"error_code": None, "problem": None, "remedy": None}
    if not by_itself:
        values |= {"queued": datetime.now(UTC), "attempt": 0, "losses": 0}
        values |= {"lost_at": 0, "request": "", "stopped": False}
    change_run(connection, run.id, **values)
    folder = workspace.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)  # it may have been removed by hand
    append_event(folder, {"event": "queued", "attempt": run.attempt})
    return select_run(connection, run.id)


def change_run(connection: Connection, run_id: str, **values: Any) -> None:
    """Write the values into the index, inside a transaction."""
    connection.execute(update(runs_table).where(runs_table.c.id == run_id).values(**values))


def order_turns(waiting: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the waiting runs in the order of their start: the oldest first."""
    return sorted(waiting, key=lambda run: (run.queued, run.number))


def _queue_if_unfinished(workspace: Workspace, connection: Connection, run: RunRecord) -> RunRecord:
    if not run.recipe.has_model:
        return run
    done_well = run.state == "done" and not run.stopped
    if done_well and not _is_whole(workspace, run):
        change_run(connection, run.id, **_NOTHING_DONE)  # a finished run has no checkpoint
    elif done_well or run.state not in ("done", "failed", "lost", "paused"):
        return run
    return queue_again(workspace, connection, run)


def _is_whole(workspace: Workspace, run: RunRecord) -> bool:
    folder = workspace.run_folder(run.id)
    return is_result_whole(folder) if run.plan is None else is_study_whole(folder, run.plan)
