"""Retraining: the champion's recipe on a newer version of its dataset, with the reviewed photos.

It starts here, a worker trains it like any run, and a page or the scheduler finishes it: the
version is registered, becomes the challenger and is compared with the champion. Each step may be
repeated. The state is stored in the workspace and changes only under `hold_retraining`.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select

from core.errors import (
    FeedbackRefused,
    PetalscopeError,
    RetrainingRefused,
    RunMissing,
    RunUnfinished,
    VersionMissing,
)
from core.monitoring.comparison import compare_versions, find_comparison, read_version_recipe
from core.monitoring.gathering import list_reviewed, make_reviewed_version
from core.monitoring.tables import feedback_table
from core.prediction.rules import carry_rule
from core.registry.events import ModelEvent, record_event
from core.registry.promoting import set_challenger
from core.registry.registering import register_run
from core.registry.store import ModelVersion, find_version, read_aliases, read_version
from core.runs.database import read_database
from core.runs.locks import try_lock
from core.runs.queue.queue import submit_run
from core.runs.queue.scheduled import RETRAINING, keep_arrangement, read_arrangement
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """A retraining that has not finished."""

    who: str
    since: datetime
    dataset: str | None = None
    champion: int | None = None
    """This and `run` are None until dataset and recipe are ready."""
    run: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of the last retraining."""

    time: datetime
    went_well: bool
    text: str
    run: str | None = None
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class RetrainingState:
    going: Retraining | None = None
    last: Outcome | None = None


_STATE = TypeAdapter(RetrainingState)


def read_state(workspace: Workspace) -> RetrainingState:
    """Return the running retraining and the result of the last one."""
    return _STATE.validate_python(read_arrangement(workspace, RETRAINING))


def change_state(workspace: Workspace, **changes: Any) -> None:
    """Change values of the state; call it inside `hold_retraining`."""
    state = dataclasses.replace(read_state(workspace), **changes)
    content = _STATE.dump_python(state, mode="json", exclude_none=True)
    keep_arrangement(workspace, RETRAINING, content)


@contextmanager
def hold_retraining(workspace: Workspace, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock for starting and finishing a retraining.

    Raises:
        RetrainingRefused: Another process still has it after `wait_s`.
    """
    with try_lock(workspace.retraining_lock, wait_s) as is_held:
        if not is_held:
            raise RetrainingRefused(
                "A retraining is being prepared, or its challenger compared.",
                "Wait a moment and try again.",
            )
        yield


def count_waiting(workspace: Workspace) -> int:
    """Count the reviewed photos that the next challenger can be trained on."""
    try:
        champion = find_version(workspace, "champion")
    except VersionMissing:
        return 0
    return len({one.photo for one in list_reviewed(workspace, champion.dataset_id)})


def find_base(workspace: Workspace, champion: ModelVersion) -> str:
    """Return the newest version of the champion's dataset with reviewed photos, or that dataset."""
    column = feedback_table.c.dataset
    with read_database(workspace) as connection:
        query = select(column).where(column.is_not(None)).distinct()
        reviewed = set(connection.scalars(query))
    family, descendants = {champion.dataset_id}, []
    for summary in sorted(list_datasets(workspace), key=lambda one: one.edition):
        if family.isdisjoint(summary.ancestors):
            continue
        family.add(summary.id)
        if summary.id in reviewed:
            descendants.append(summary)
    newest = max(descendants, key=lambda one: (one.created, one.edition), default=None)
    return champion.dataset_id if newest is None else newest.id


def choose_dataset(workspace: Workspace, champion: ModelVersion, who: str = "") -> str:
    """Return the dataset to train on; reviewed photos become a new version first."""
    base = find_base(workspace, champion)
    if list_reviewed(workspace, base):
        try:
            return make_reviewed_version(workspace, base, who=who).id
        except FeedbackRefused:  # no photo can be added, but an earlier version may still wait
            if base == champion.dataset_id:
                raise
    if base == champion.dataset_id:
        raise RetrainingRefused(
            f"No photos were reviewed since {champion.label} was trained.",
            "Give feedback on some answers, review it, then retrain.",
        )
    return base


def read_recipe(champion: ModelVersion) -> Recipe:
    """Return the champion's recipe.

    Raises:
        RetrainingRefused: Its splits were drawn for its run, it was trained by another program, or
            a newer version wrote the recipe.
    """
    recipe = read_version_recipe(champion)
    if recipe.is_added:
        raise RetrainingRefused(
            f"{champion.label} is an added model: another program trained it.",
            "Train it there on the new photos, and add it again; or promote a run trained here.",
        )
    if recipe.split_seed is not None:
        raise RetrainingRefused(
            f"The recipe of {champion.label} draws its own splits. With other photos the splits "
            "would change, and test photos of the champion would become training photos.",
            "Train a run on the dataset's own splits, register and promote it; then retrain.",
        )
    return recipe


def find_learnt(workspace: Workspace, recipe: Recipe) -> RunRecord | None:
    """Return the completed run of a recipe; None without one."""
    try:
        run = read_run(workspace, recipe.run_id)
    except RunMissing:
        return None
    return run if run.state == "done" and not run.stopped else None


def start_retraining(
    workspace: Workspace, *, who: str = "", dataset_id: str | None = None
) -> RunRecord:
    """Queue the run of the next challenger; a scheduler must be running for it.

    Args:
        dataset_id: The dataset to train on; None: a new version with all reviewed photos, or the
            last such version.

    Raises:
        RetrainingRefused: One is running, or there are no new photos.
        VersionMissing: There is no champion.
        PetalscopeError: The dataset cannot be made, or the recipe cannot be trained.
    """
    with hold_retraining(workspace, wait_s=5.0):
        settle_ended(workspace)
        running = read_state(workspace).going
        if running is not None and running.run is not None:
            raise RetrainingRefused(
                "A challenger is being trained already.",
                f"Wait for it, or stop its run: “python -m core runs stop {running.run}”.",
                run=running.run,
            )
        return _begin(workspace, who, dataset_id)


def _begin(workspace: Workspace, who: str, dataset_id: str | None) -> RunRecord:
    """Queue the run; call it inside `hold_retraining`, when no retraining is running."""
    running = Retraining(who=who, since=datetime.now(UTC), dataset=dataset_id)
    change_state(workspace, going=running)
    try:
        champion = find_version(workspace, "champion")
        recipe = read_recipe(champion)  # refuse before reviewed photos become a dataset
        if dataset_id == champion.dataset_id:
            raise RetrainingRefused(
                f"{champion.label} was trained on this dataset: the same recipe would give the "
                "same model.",
                "Review photos first, or choose another version of the dataset.",
            )
        dataset = dataset_id or choose_dataset(workspace, champion, who)
        recipe = dataclasses.replace(recipe, dataset=read_dataset(workspace, dataset).id)
        if dataset_id is None and (run := find_learnt(workspace, recipe)) is not None:
            raise RetrainingRefused(
                f"No photos were reviewed since “{run.name}” was trained on these photos.",
                "Review more photos, or make that version the challenger again.",
                run=run.id,
            )
        run, _ = submit_run(workspace, recipe, f"Retrained from {champion.label}")
    except PetalscopeError:
        change_state(workspace, going=None)
        raise
    facts = {"run": run.id, "dataset": dataset}
    event = ModelEvent("retraining", None, champion.number, who=who, facts=facts)
    record_event(workspace, event)
    running = dataclasses.replace(running, champion=champion.number, dataset=dataset, run=run.id)
    change_state(workspace, going=running)
    return run


def _end(
    workspace: Workspace, text: str, run: str | None = None, version: int | None = None
) -> None:
    """Mark the retraining as finished; without a version it has failed."""
    well = version is not None
    last = Outcome(time=datetime.now(UTC), went_well=well, text=text, run=run, version=version)
    change_state(workspace, going=None, last=last)


def settle_ended(workspace: Workspace) -> bool:
    """Finish the retraining if its run has ended; return whether the state changed.

    Call it inside `hold_retraining`.
    """
    running = read_state(workspace).going
    if running is None:
        return False
    if running.run is None:
        _end(workspace, "The retraining was interrupted before its run began. Start it again.")
        return True
    try:
        run = read_run(workspace, running.run)
    except RunMissing:
        _end(workspace, "The run of the challenger was deleted.", running.run)
        return True
    if not run.has_ended or run.state == "paused":
        return False
    try:
        finish(workspace, run.id, running.who)
    except PetalscopeError as error:
        if read_state(workspace).going is None:
            return True  # it is the challenger; only the comparison was refused
        text = f"{error.problem} {error.remedy}"
        _end(workspace, text, run.id)
        reason, facts = f"It failed. {text}", {"run": run.id, "failed": True}
        former, who = running.champion, running.who
        event = ModelEvent("retraining", None, former, who=who, reason=reason, facts=facts)
        record_event(workspace, event)
    return True


def finish_retraining(workspace: Workspace, run_id: str, *, wait_s: float = 60.0) -> ModelVersion:
    """Register a run, make it the challenger and compare it with the champion.

    Raises:
        RunMissing: No run has that id.
        RunUnfinished: It has not finished successfully.
        RetrainingRefused: No test photo is fair to both; it stays the challenger.
    """
    with hold_retraining(workspace, wait_s):
        running = read_state(workspace).going
        return finish(workspace, run_id, running.who if running and running.run == run_id else "")


def finish(workspace: Workspace, run_id: str, who: str) -> ModelVersion:
    """Do the work of `finish_retraining`; call it inside `hold_retraining`."""
    run = read_run(workspace, run_id)
    if run.state != "done":
        raise RunUnfinished(
            run.problem or f"{run.name} is {run.state}: it has no result.",
            run.remedy or "Wait until it has finished.",
            run_id=run_id,
        )
    champion = read_aliases(workspace).get("champion")
    if champion is not None:
        carry_rule(workspace, read_version(workspace, champion), run_id)
    version = register_run(workspace, run_id, who=who)
    how = "Retrained."
    if run.stopped:
        how = f"Its training was stopped after epoch {run.epochs_done} of {run.recipe.epochs}."
    set_challenger(workspace, version.number, who=who, reason=how)
    try:
        if champion is not None and find_comparison(workspace, champion, version.number) is None:
            compare_versions(workspace, champion, version.number, who)
    finally:
        running = read_state(workspace).going
        if running is None or running.run == run_id:  # otherwise another one has started
            _end(workspace, f"{version.label} is the challenger. {how}", run_id, version.number)
    return version
