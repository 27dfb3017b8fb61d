"""The index of runs: what is known of each run, read from the database.

States: queued → starting → running (→ stopping) → done, failed, paused or lost. A lost run lost its
worker; it is queued again and goes on from its checkpoint, a paused one when a person wishes. This
file only reads; `core.runs.queue.queue`, `control` and `progress` move runs along.
"""

import json
import logging
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache, lru_cache
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Row, select

from core.config import fingerprint
from core.errors import RecipeRefused, RunMissing
from core.runs.database import read_database
from core.runs.recipe.plans import Plan, plan_from_json, plan_to_json
from core.runs.recipe.recipe import Recipe, recipe_from_json
from core.runs.tables import runs_table
from core.workspace import Workspace, check_identifier

State = Literal["queued", "starting", "running", "stopping", "done", "failed", "paused", "lost"]
Request = Literal["", "stop", "stop_after_epoch", "pause"]
"""What a person asked of a run that goes or waits."""
Phase = Literal["", "backbone", "extracting", "activations", "training", "scoring"]

GOING: tuple[State, ...] = ("starting", "running", "stopping")
"""A worker has it."""
MOST_ATTEMPTS = 3
"""A run that lost its worker this often is not queued again by itself."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What is known of a run. Times are UTC; scores of the best epoch, n is `val_photos`."""

    id: str
    number: int
    name: str
    recipe: Recipe
    state: State
    phase: Phase
    device: str
    created: datetime
    queued: datetime
    started: datetime | None
    finished: datetime | None
    heartbeat: datetime | None
    pid: int | None
    attempt: int
    epochs_done: int
    best_epoch: int | None
    best_val_accuracy: float | None
    best_val_loss: float | None
    val_photos: int | None
    error_code: str | None
    problem: str | None
    remedy: str | None
    request: Request
    stopped: bool
    """Ended by a person; the best epoch up to then was kept."""
    notes: str
    tags: tuple[str, ...]
    submitter: str
    """Who submitted it, as the page or command line knows them; "" for nobody in particular."""
    plan: Plan | None
    """What it does instead of one training (a sweep, say); None: it trains its recipe."""

    @property
    def is_going(self) -> bool:
        return self.state in GOING

    @property
    def has_ended(self) -> bool:
        """Nothing happens any more, unless a person wishes (a lost run may yet be queued again)."""
        finally_lost = self.state == "lost" and self.attempt >= MOST_ATTEMPTS
        return self.state in ("done", "failed", "paused") or finally_lost


_COLUMNS = [runs_table.c[field.name] for field in fields(RunRecord)]

_log = logging.getLogger(__name__)


def list_runs(workspace: Workspace, dataset_id: str | None = None) -> list[RunRecord]:
    """Returns the runs, newest first; with `dataset_id` those of that dataset."""
    return _list(workspace, runs_table.c.plan.is_(None), dataset_id)


def list_studies(workspace: Workspace, dataset_id: str | None = None) -> list[RunRecord]:
    """Returns the items of the queue that have a plan (sweeps, searches), newest first."""
    return _list(workspace, runs_table.c.plan.is_not(None), dataset_id)


def item_id(recipe: Recipe, plan: Plan | None = None) -> str:
    """Returns the id in the queue: of the run of a recipe, or of a plan that starts from it."""
    if plan is None:
        return recipe.run_id
    return fingerprint({"recipe": recipe.run_id, "plan": plan_to_json(plan)})


def read_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Returns what is known of the run.

    Raises:
        RunMissing: No run has that id.
        BadIdentifier: It is no id at all.
    """
    check_identifier(run_id)
    with read_database(workspace) as connection:
        return select_run(connection, run_id)


def select_runs(
    connection: Connection, condition: ColumnElement[bool] | None = None
) -> list[RunRecord]:
    """Returns the runs that meet the condition, newest first.

    Runs whose recipe cannot be read (of another version of the program) are left out: one of them
    must not take the lists and the scheduler down.
    """
    query = select(*_COLUMNS).order_by(runs_table.c.number.desc())
    if condition is not None:
        query = query.where(condition)
    runs = []
    for row in connection.execute(query):
        try:
            runs.append(_record(row))
        except RecipeRefused as error:
            _tell_unreadable(row.id, str(error))
    return runs


def find_run(connection: Connection, run_id: str) -> RunRecord | None:
    """Returns what is known of the run, inside a transaction; None when there is none.

    Raises:
        RecipeRefused: Its recipe is of another version of the program.
    """
    row = connection.execute(select(*_COLUMNS).where(runs_table.c.id == run_id)).first()
    return None if row is None else _record(row)


def select_run(connection: Connection, run_id: str) -> RunRecord:
    """Returns what is known of the run, inside a transaction.

    Raises:
        RunMissing: No run has that id.
        RecipeRefused: Its recipe is of another version of the program.
    """
    run = find_run(connection, run_id)
    if run is None:
        raise RunMissing(
            f"There is no run {run_id} in this workspace.",
            "Choose a run from the list of runs, or train one.",
            run_id=run_id,
        )
    return run


def _list(
    workspace: Workspace, condition: ColumnElement[bool], dataset_id: str | None
) -> list[RunRecord]:
    if dataset_id is not None:
        condition &= runs_table.c.dataset == dataset_id
    with read_database(workspace) as connection:
        return select_runs(connection, condition)


@cache  # lists are read many times a second
def _tell_unreadable(run_id: str, problem: str) -> None:
    _log.warning("run %s is left out of the lists: %s", run_id, problem)


def _record(row: Row[tuple[object, ...]]) -> RunRecord:
    values = dict(row._mapping)
    values["name"] = values["name"] or f"Run {values['number']}"
    values["recipe"] = _read_recipe(values["recipe"])
    values["plan"] = values["plan"] and plan_from_json(values["plan"])
    values["tags"] = tuple(json.loads(values["tags"]))
    return RunRecord(**values)


@lru_cache(maxsize=4096)  # a queue of hundreds is read several times a second
def _read_recipe(text: str) -> Recipe:
    return recipe_from_json(text)
