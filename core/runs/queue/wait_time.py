"""How long a waiting run has to wait, for a person who looks at the queue.

What the runs before it will take is estimated (`estimating`); what several of them need
and keep, such as the features of the same photos, is counted once.
"""

import dataclasses
import time
from collections.abc import Sequence
from functools import lru_cache

from core.errors import PetalscopeError
from core.runs.events import curve, read_events
from core.runs.queue.estimating import AFTER_TRAINING, Estimate, estimate_run
from core.runs.queue.queue import read_active
from core.runs.recipe.plans import Plan
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.manifest import read_dataset
from models.devices import find_device

_KEPT = (
    "preparing the backbone",
    "features of the photos",
    "features of the views",
    "activations of the views",
)
"""Parts of an estimate that the next run finds done."""
_FRESH_S = 30.0
"""Estimates are made anew after this long: what is kept and how fast it goes changes."""
_RECENT = 5
"""Epochs that tell how long the next one takes."""


def expected_wait(workspace: Workspace, run_id: str) -> tuple[int, float | None]:
    """Returns a run's place in the queue, 1 for the next to start, and the seconds until then.

    The seconds are None when they cannot be told; (0, 0.0): the run does not wait.
    """
    active = read_active(workspace)
    waiting = [run for run in active if not run.is_going]
    place = next((number for number, run in enumerate(waiting, 1) if run.id == run_id), 0)
    if not place:
        return 0, 0.0
    going = [run for run in active if run.is_going]
    try:
        left = sum(_measure_rest(workspace, run) for run in going)
        return place, left + _add_up(workspace, waiting[: place - 1], going)
    except PetalscopeError:  # a dataset was deleted: that run will fail in no time, others may not
        return place, None


def _add_up(workspace: Workspace, runs: Sequence[RunRecord], before: Sequence[RunRecord]) -> float:
    """Returns the seconds that runs take one after the other."""
    done = {(label, _name_kept(run)) for run in before for label in _KEPT}
    seconds = 0.0
    for run in runs:
        for label, spent in _estimate(workspace, run).parts:
            kept = (label, _name_kept(run))
            if label in _KEPT and kept in done:
                continue
            done.add(kept)
            seconds += spent
    return seconds


def _measure_rest(workspace: Workspace, run: RunRecord) -> float:
    """Returns how many seconds a run that goes will take until its end."""
    estimate = _estimate(workspace, run)  # of what is left: what is done or kept costs nothing
    epochs = curve(read_events(workspace.run_folder(run.id))[0])
    in_head = run.recipe.starts_with_head and len(epochs) <= run.recipe.head_epochs
    if run.plan is not None or run.phase != "training" or not epochs or in_head:
        return estimate.seconds
    recent = [float(epoch["seconds"]) for epoch in epochs[-_RECENT:]]
    after = sum(spent for label, spent in estimate.parts if label in AFTER_TRAINING)
    return max(0, run.recipe.epochs - len(epochs)) * sum(recent) / len(recent) + after


def _estimate(workspace: Workspace, run: RunRecord) -> Estimate:
    recipe = run.recipe
    if recipe.augmentation.does_nothing:  # repeats take equally long: they are estimated once
        recipe = dataclasses.replace(recipe, seed=0)
    moment = int(time.monotonic() / _FRESH_S)
    return _estimate_once(workspace, recipe, run.plan, run.epochs_done, moment)


@lru_cache(maxsize=512)
def _estimate_once(
    workspace: Workspace, recipe: Recipe, plan: Plan | None, epochs_done: int, _moment: int
) -> Estimate:
    dataset = read_dataset(workspace, recipe.dataset)
    return estimate_run(
        workspace, recipe, dataset, find_device(), plan=plan, epochs_done=epochs_done
    )


def _name_kept(run: RunRecord) -> tuple[object, ...]:
    recipe = run.recipe
    seed = 0 if recipe.augmentation.does_nothing else recipe.seed
    photos = (recipe.dataset, recipe.split_seed, recipe.weights_digest, recipe.preprocessing)
    return (*photos, recipe.augmentation, recipe.views, seed)
