"""The index of runs: the records in the database.

States: queued → starting → running (→ stopping) → done, failed, paused or lost. A lost run lost its
worker: it is queued again and resumes from its checkpoint. A paused one resumes on request.
`core.runs.queue` changes the states. Also here: repeats with other seeds, and the log of openings
of the test photos, because a model that was chosen by its test photos has no test left.
"""

import json
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from statistics import fmean, stdev
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Row, insert, select

from core.config import fingerprint
from core.errors import RecipeRefused, RunMissing
from core.runs.database import read_database, write_database
from core.runs.recipe.plans import SweepPlan, base_recipe, plan_from_json, plan_to_json
from core.runs.recipe.recipe import Recipe, recipe_from_json
from core.runs.tables import openings_table, runs_table
from core.workspace import Workspace, check_identifier

State = Literal["queued", "starting", "running", "stopping", "done", "failed", "paused", "lost"]
Request = Literal["", "stop", "stop_after_epoch", "pause"]
"""Request of a person for a running or waiting run."""
Phase = Literal["", "backbone", "packing", "extracting", "activations", "training", "scoring"]

GOING: tuple[State, ...] = ("starting", "running", "stopping")
"""States of a run that a worker has."""
MOST_LOSSES = 3
"""After this many lost workers without a new epoch, a run is not queued again automatically."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """The record of a run. Times are UTC; the accuracy is of the best epoch, n is `val_photos`."""

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
    """Stopped by a person; its best epoch is stored."""
    notes: str
    tags: tuple[str, ...]
    plan: SweepPlan | None
    """None: it trains its recipe; else it is a sweep."""
    losses: int
    """Lost workers since the last new epoch."""
    lost_at: int
    """The most epochs done when a worker was lost."""

    @property
    def is_going(self) -> bool:
        return self.state in GOING

    @property
    def has_ended(self) -> bool:
        """Whether nothing happens without a request (a lost run may still be queued again)."""
        finally_lost = self.state == "lost" and self.losses >= MOST_LOSSES
        return self.state in ("done", "failed", "paused") or finally_lost

    @property
    def epoch_words(self) -> str:
        """The best epoch, “epoch 3 of 10”; empty for a strategy without epochs."""
        known = self.best_epoch is not None and self.recipe.has_epochs
        return f"epoch {self.best_epoch} of {self.epochs_done}" if known else ""

    @property
    def trains_stages(self) -> bool:
        """Whether it may train stages of the network."""
        sweeps = self.plan is not None and "strategy" in self.plan.vary
        return sweeps or self.recipe.trained_stages > 0


_COLUMNS = [runs_table.c[field.name] for field in fields(RunRecord)]

_log = logging.getLogger(__name__)


def list_runs(workspace: Workspace, dataset_id: str | None = None) -> list[RunRecord]:
    """Return the runs of a dataset, or of all datasets, newest first."""
    return _list(workspace, runs_table.c.plan.is_(None), dataset_id)


def list_trained(workspace: Workspace, dataset_id: str | None = None) -> list[RunRecord]:
    """Return the runs that were trained here, newest first: all but added predictions."""
    return [run for run in list_runs(workspace, dataset_id) if not run.recipe.is_added]


def list_studies(workspace: Workspace, dataset_id: str | None = None) -> list[RunRecord]:
    """Return the sweeps of a dataset, or of all datasets, newest first."""
    return _list(workspace, runs_table.c.plan.is_not(None), dataset_id)


def item_id(recipe: Recipe, plan: SweepPlan | None = None) -> str:
    """Return the id of the run of a recipe, or of a sweep that starts from it."""
    if plan is None:
        return recipe.run_id
    recipe = base_recipe(recipe, plan.vary)
    return fingerprint({"recipe": recipe.run_id, "plan": plan_to_json(plan)})


def read_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Return the record of a run.

    Raises:
        RunMissing: No run has that id.
        BadIdentifier: The id is malformed.
    """
    check_identifier(run_id)
    with read_database(workspace) as connection:
        return select_run(connection, run_id)


def select_runs(
    connection: Connection, condition: ColumnElement[bool] | None = None
) -> list[RunRecord]:
    """Return the runs that meet the condition, newest first.

    Runs whose recipe cannot be read are left out: one of them must not break all lists.
    """
    query = select(*_COLUMNS).order_by(runs_table.c.number.desc())
    if condition is not None:
        query = query.where(condition)
    runs = []
    for row in connection.execute(query):
        try:
            runs.append(_record(row))
        except RecipeRefused as error:
            _log_unreadable(row.id, str(error))
    return runs


def find_run(connection: Connection, run_id: str) -> RunRecord | None:
    """Return the record of a run, inside a transaction; None where no run has that id.

    Raises:
        RecipeRefused: Its recipe is of another version of the program.
    """
    row = connection.execute(select(*_COLUMNS).where(runs_table.c.id == run_id)).first()
    return None if row is None else _record(row)


def select_run(connection: Connection, run_id: str) -> RunRecord:
    """Return the record of a run as `find_run` does.

    Raises:
        RunMissing: No run has that id.
    """
    run = find_run(connection, run_id)
    if run is None:
        problem = f"There is no run {run_id} in this workspace."
        raise RunMissing(problem, "Choose a run from the list of runs.", run_id=run_id)
    return run


def _list(
    workspace: Workspace, condition: ColumnElement[bool], dataset_id: str | None
) -> list[RunRecord]:
    if dataset_id is not None:
        condition &= runs_table.c.dataset == dataset_id
    with read_database(workspace) as connection:
        return select_runs(connection, condition)


@cache  # once per process: lists are read many times a second
def _log_unreadable(run_id: str, problem: str) -> None:
    _log.warning("run %s is left out of the lists: %s", run_id, problem)


def _record(row: Row[tuple[object, ...]]) -> RunRecord:
    values = dict(row._mapping)
    values["name"] = values["name"] or f"Run {values['number']}"
    values["recipe"] = _read_recipe(values["recipe"])
    values["plan"] = values["plan"] and plan_from_json(values["plan"])
    values["tags"] = tuple(json.loads(values["tags"]))
    return RunRecord(**values)


_read_recipe = lru_cache(maxsize=4096)(recipe_from_json)  # lists are read many times a second


@dataclass(frozen=True)
class Repeats:
    """Runs of one recipe with different seeds, often only one."""

    runs: tuple[RunRecord, ...]

    @property
    def first(self) -> RunRecord:
        return self.runs[0]

    @property
    def measured(self) -> tuple[RunRecord, ...]:
        """The finished runs with a validation accuracy."""
        done = (run for run in self.runs if run.state == "done")
        return tuple(run for run in done if run.best_val_accuracy is not None)

    @property
    def mean_accuracy(self) -> float | None:
        """Mean validation accuracy of the best epochs; of a single run also while it is running."""
        runs = self.measured or (self.runs if len(self.runs) == 1 else ())
        known = [run.best_val_accuracy for run in runs if run.best_val_accuracy is not None]
        return fmean(known) if known else None

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds (divisor n - 1); NaN for fewer than two."""
        accuracies = [run.best_val_accuracy or 0.0 for run in self.measured]
        return stdev(accuracies) if len(accuracies) > 1 else math.nan


def fold_repeats(runs: Iterable[RunRecord]) -> list[Repeats]:
    """Return the runs grouped by recipe without seed, in the order of their first runs.

    Stopped runs are not grouped: they did not finish their recipe.
    """
    groups: dict[Recipe | str, list[RunRecord]] = {}
    for run in runs:
        key = run.id if run.stopped else replace(run.recipe, seed=0)
        groups.setdefault(key, []).append(run)
    return [Repeats(tuple(group)) for group in groups.values()]


@dataclass(frozen=True, kw_only=True)
class Opening:
    """One opening of a run's test photos."""

    opened: datetime
    """UTC."""
    who: str
    """Name of the user; "" where it is unknown."""
    place: str
    """“page metrics” or “command line”."""


def record_opening(workspace: Workspace, run_id: str, who: str, place: str) -> list[Opening]:
    """Record an opening and return all openings of the run, oldest first.

    Raises:
        RunMissing: No run has that id.
    """
    values = {"run": check_identifier(run_id), "opened": datetime.now(UTC)}
    with write_database(workspace) as connection:
        select_run(connection, run_id)
        connection.execute(insert(openings_table).values(**values, who=who, place=place))
    return read_openings(workspace, run_id)


def read_openings(workspace: Workspace, run_id: str) -> list[Opening]:
    """Return the openings of the run's test photos, oldest first."""
    query = (
        select(openings_table.c.opened, openings_table.c.who, openings_table.c.place)
        .where(openings_table.c.run == check_identifier(run_id))
        .order_by(openings_table.c.number)
    )
    with read_database(workspace) as connection:
        return [Opening(**row._mapping) for row in connection.execute(query)]
