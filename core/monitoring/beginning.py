"""The first half of a retraining: a dataset, the champion's recipe on it, a run in the queue."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.errors import PetalscopeError, RetrainingRefused, RunMissing
from core.monitoring.arranging import Going, Outcome, Why, change_state
from core.monitoring.comparison_answers import read_version_recipe
from core.monitoring.retraining_dataset import choose_dataset
from core.registry.events import record_event
from core.registry.store import ModelVersion, find_version
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace
from data.manifest import read_dataset

_WORDS: dict[Why, str] = {
    "by hand": "Begun by hand",
    "photos": "Enough photos were reviewed",
    "time": "The arranged time had come",
}


def plan_challenger(workspace: Workspace, dataset_id: str) -> Recipe:
    """Returns the champion's recipe on another version of its dataset.

    Raises:
        VersionMissing: There is no champion.
        DatasetMissing: There is no such dataset.
        RetrainingRefused: It is the champion's own dataset; or its splits were drawn for its run.
    """
    champion = find_version(workspace, "champion")
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
    """Returns the champion's recipe, which can be taken to other photos.

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
    why: Why,
    dataset_id: str | None = None,
    attempts: int = 1,
    taken: Mapping[str, Any] | None = None,
) -> RunRecord:
    """Returns the run, queued; for use inside `hold_retraining`, when nothing goes.

    Args:
        workspace: Holds the registry and the review inbox.
        who: Wants it.
        why: What began it.
        dataset_id: As in `start_retraining`.
        attempts: How often it was begun, with this one.
        taken: What of the plan counts as taken up from now on, as `change_state` takes it.
    """
    now = datetime.now(UTC)
    going = Going(who=who, why=why, since=now, dataset=dataset_id, attempts=attempts)
    change_state(workspace, going=going, **(taken or {}))
    try:
        champion = find_version(workspace, "champion")
        read_recipe(champion)  # before reviewed photos become a dataset that nobody can train
        dataset = dataset_id or choose_dataset(workspace, champion, who)
        recipe = plan_challenger(workspace, dataset)
        if dataset_id is None and (run := find_learnt(workspace, recipe)) is not None:
            raise RetrainingRefused(
                f"Nothing new was reviewed since “{run.name}” was trained from these photos.",
                "Review more photos; or make that version the challenger again.",
                run=run.id,
            )
        run, _ = submit_run(workspace, recipe, f"Retrained from {champion.label}", submitter=who)
    except PetalscopeError as error:
        if why == "by hand":  # whoever asked is told at once, and nobody else needs to know
            change_state(workspace, going=None)
        else:
            end_retraining(workspace, f"{error.problem} {error.remedy}", went_well=False)
        raise
    facts = {"run": run.id, "dataset": dataset, "why": why}
    reason = f"{_WORDS[why]}."
    record_event(
        workspace, "retraining", former=champion.number, who=who, reason=reason, facts=facts
    )
    going = dataclasses.replace(going, champion=champion.number, dataset=dataset, run=run.id)
    change_state(workspace, going=going)
    return run


def end_retraining(
    workspace: Workspace,
    text: str,
    *,
    went_well: bool,
    run: str | None = None,
    version: int | None = None,
) -> None:
    """Returns nothing; no retraining goes, and what became of it is kept."""
    last = Outcome(time=datetime.now(UTC), went_well=went_well, text=text, run=run, version=version)
    change_state(workspace, going=None, last=last)


def find_learnt(workspace: Workspace, recipe: Recipe) -> RunRecord | None:
    """Returns the run that did what the recipe says, to its end; None where none did."""
    try:
        run = read_run(workspace, recipe.run_id)
    except RunMissing:
        return None
    return run if run.state == "done" and not run.stopped else None
