"""A challenger out of what was reviewed: the champion's recipe on a newer version of its dataset.

Begun here, trained by a worker as any run, finished here by a page or the scheduler: registered,
made the challenger, compared with the champion. Each step may be repeated.
"""

import dataclasses
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from core.errors import (
    FeedbackRefused,
    PetalscopeError,
    RetrainingRefused,
    RunMissing,
    RunUnfinished,
    VersionMissing,
)
from core.formats import count
from core.monitoring.comparison import compare_versions, find_comparison, read_version_recipe
from core.monitoring.gathering import list_reviewed, make_reviewed_version
from core.monitoring.retraining_state import (
    Going,
    Outcome,
    change_state,
    hold_retraining,
    read_state,
)
from core.monitoring.tables import feedback_table
from core.prediction.rules import carry_rule
from core.registry.events import record_event
from core.registry.promoting import set_challenger
from core.registry.registering import register_run
from core.registry.store import ModelVersion, find_version, read_aliases, read_version
from core.runs.database import read_database
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset


def choose_dataset(workspace: Workspace, champion: ModelVersion, who: str = "") -> str:
    """Return the id of the dataset; reviewed photos that none holds yet make a new version."""
    base = find_base(workspace, champion)
    if list_reviewed(workspace, base):
        try:
            return make_reviewed_version(workspace, base, who=who).id
        except FeedbackRefused:  # none of them can be added; an earlier version may still wait
            if base == champion.dataset_id:
                raise
    if base == champion.dataset_id:
        raise RetrainingRefused(
            f"Nothing new was reviewed since {champion.label} was trained.",
            "Say of some answers whether they are right, review them, then retrain.",
        )
    return base


def count_waiting(workspace: Workspace) -> int:
    """Return how many reviewed photos wait to be learnt from by the champion's challenger."""
    try:
        champion = find_version(workspace, "champion")
    except VersionMissing:
        return 0
    return len({one.photo for one in list_reviewed(workspace, champion.dataset_id)})


def find_base(workspace: Workspace, champion: ModelVersion) -> str:
    """Return the newest dataset made of the champion's by a review, else the champion's."""
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


_MOST_ATTEMPTS = 3


def plan_challenger(workspace: Workspace, champion: ModelVersion, dataset_id: str) -> Recipe:
    """Return the champion's recipe on another version of its dataset."""
    recipe = read_recipe(champion)
    dataset = read_dataset(workspace, dataset_id)
    if dataset.id == champion.dataset_id:
        raise RetrainingRefused(
            f"{champion.label} was trained on “{dataset.name}” itself: the same recipe would give "
            "the same model.",
            "Review photos first, or choose another version of the dataset.",
        )
    return dataclasses.replace(recipe, dataset=dataset.id)


def read_recipe(champion: ModelVersion) -> Recipe:
    """Return the champion's recipe, which can be taken to other photos.

    Raises:
        RetrainingRefused: Its splits were drawn for its run, or it is of another program.
    """
    recipe = read_version_recipe(champion)
    if recipe.split_seed is not None:
        raise RetrainingRefused(
            f"The recipe of {champion.label} draws its own splits. In a dataset with other photos "
            "they fall otherwise, and test photos of the champion would be learnt from.",
            "Train a run on the dataset's own splits, register and promote it; then retrain.",
        )
    return recipe


def begin(
    workspace: Workspace,
    *,
    who: str,
    dataset_id: str | None = None,
    attempts: int = 1,
) -> RunRecord:
    """Return the run, queued; for use inside `hold_retraining`, when nothing goes.

    Args:
        attempts: How often it was begun, with this one.
    """
    now = datetime.now(UTC)
    going = Going(who=who, since=now, dataset=dataset_id, attempts=attempts)
    change_state(workspace, going=going)
    try:
        champion = find_version(workspace, "champion")
        read_recipe(champion)  # before reviewed photos become a dataset that nobody can train
        dataset = dataset_id or choose_dataset(workspace, champion, who)
        recipe = plan_challenger(workspace, champion, dataset)
        if dataset_id is None and (run := find_learnt(workspace, recipe)) is not None:
            raise RetrainingRefused(
                f"Nothing new was reviewed since “{run.name}” was trained from these photos.",
                "Review more photos; or make that version the challenger again.",
                run=run.id,
            )
        run, _ = submit_run(workspace, recipe, f"Retrained from {champion.label}")
    except PetalscopeError as error:
        if attempts == 1:  # the person who asked reads the error at once
            change_state(workspace, going=None)
        else:
            end_retraining(workspace, f"{error.problem} {error.remedy}")
        raise
    _record(workspace, champion.number, who, "", run=run.id, dataset=dataset)
    going = dataclasses.replace(going, champion=champion.number, dataset=dataset, run=run.id)
    change_state(workspace, going=going)
    return run


def _record(workspace: Workspace, former: int | None, who: str, reason: str, **facts: Any) -> None:
    record_event(workspace, "retraining", former=former, who=who, reason=reason, facts=facts)


def end_retraining(
    workspace: Workspace, text: str, run: str | None = None, version: int | None = None
) -> None:
    """Mark the retraining as ended and keep its outcome: it went well where it made a version."""
    went_well = version is not None
    last = Outcome(time=datetime.now(UTC), went_well=went_well, text=text, run=run, version=version)
    change_state(workspace, going=None, last=last)


def find_learnt(workspace: Workspace, recipe: Recipe) -> RunRecord | None:
    """Return the run that did what the recipe says, to its end; None where none did."""
    try:
        run = read_run(workspace, recipe.run_id)
    except RunMissing:
        return None
    return run if run.state == "done" and not run.stopped else None


def settle_ended(workspace: Workspace) -> bool:
    """Return whether something was settled: a retraining whose run has ended is so no longer.

    For use inside `hold_retraining`. One that was cut short before it had a run is begun again.
    """
    going = read_state(workspace).going
    if going is None:
        return False
    if going.run is None:
        _begin_again(workspace, going)
        return True
    try:
        run = read_run(workspace, going.run)
    except RunMissing:
        end_retraining(workspace, "The run of the challenger was deleted.", going.run)
        return True
    if not run.has_ended or run.state == "paused":
        return False
    try:
        finish(workspace, run.id, going.who)
    except PetalscopeError as error:
        if read_state(workspace).going is None:
            return True  # it is the challenger: the comparison was refused, and can be asked for
        text = f"{error.problem} {error.remedy}"
        end_retraining(workspace, text, run.id)
        reason = f"It came to nothing. {text}"
        _record(workspace, going.champion, going.who, reason, run=run.id, failed=True)
    return True


def finish(workspace: Workspace, run_id: str, who: str) -> ModelVersion:
    """Return what `finish_retraining` does; for use inside `hold_retraining`."""
    run = read_run(workspace, run_id)
    if run.state != "done":
        raise RunUnfinished(
            run.problem or f"{run.name} is {run.state}: it has no result.",
            run.remedy or "Wait until it is trained.",
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
        going = read_state(workspace).going
        if going is None or going.run == run_id:  # else it was settled, and another was begun
            text = f"{version.label} is the challenger. {how}"
            end_retraining(workspace, text, run_id, version.number)
    return version


def _begin_again(workspace: Workspace, going: Going) -> None:
    if going.attempts >= _MOST_ATTEMPTS:
        end_retraining(
            workspace,
            f"The retraining was cut short {count(going.attempts, 'time')} while its dataset was "
            "made. Look into the log of the scheduler.",
        )
        return
    with suppress(PetalscopeError):  # what it came to stands in the state
        attempts = going.attempts + 1
        begin(workspace, who=going.who, dataset_id=going.dataset, attempts=attempts)


def start_retraining(
    workspace: Workspace, *, who: str = "", dataset_id: str | None = None
) -> RunRecord:
    """Return the run that will be the challenger, queued; a scheduler has to be at work for it.

    Args:
        dataset_id: What to learn from; None: a new version with all reviewed photos, or the last
            one that was made with such.

    Raises:
        RetrainingRefused: One is going, or there is nothing new to learn from.
        VersionMissing: There is no champion.
        PetalscopeError: The reviewed photos make no dataset, or the recipe cannot be trained.
    """
    with hold_retraining(workspace, wait_s=5.0):
        settle_ended(workspace)
        going = read_state(workspace).going
        if going is not None and going.run is not None:
            raise RetrainingRefused(
                "A challenger is being trained already.",
                f"Wait for it, or stop its run: “python -m core runs stop {going.run}”.",
                run=going.run,
            )
        return begin(workspace, who=who, dataset_id=dataset_id)


def finish_retraining(workspace: Workspace, run_id: str, *, wait_s: float = 60.0) -> ModelVersion:
    """Return the version of a run, which is the challenger now and has met the champion.

    Raises:
        RunMissing: No run has that id.
        RunUnfinished: It has not ended, or not well.
        RetrainingRefused: There is no photo that is a fair question to both; it stays challenger.
    """
    with hold_retraining(workspace, wait_s):
        going = read_state(workspace).going
        return finish(workspace, run_id, going.who if going and going.run == run_id else "")
