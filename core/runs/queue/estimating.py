"""How long a run will take on this machine, and how long it waits: an estimate by its parts.

What is kept already costs nothing. Speeds are those that earlier runs measured here
(`core.runs.queue.speeds`). Where none did, stated ones of another machine take their place, and the
estimate says so. An estimate is a range.
"""

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from core.errors import PetalscopeError
from core.runs.queue.queue import read_active
from core.runs.queue.speeds import FORWARD_SHARE, PER_PHOTO, Cost, find_cost, read_costs
from core.runs.recipe.plans import SweepPlan, list_costs
from core.runs.recipe.recipe import Recipe
from core.runs.run_files import curve, read_events
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from data.policy import AugmentationPolicy
from models.devices import Device, find_device
from models.weights import Weights

AFTER_TRAINING = ("keeping the tuned network", "scoring all photos")
"""Parts of an estimate that follow the last epoch."""

_BACKBONE_S = 12.0
"""Making the backbone of weights once, or that of a fine-tuned run."""
_BEGIN_S = {"head": 0.5, "stages": 12.0}
"""Until the first step: a warm worker trains a head at once, stages need a fresh one."""
_SHARED = (
    "preparing the backbone",
    "fitting the photos into the square",
    "features of the photos",
    "features of the views",
    "activations of the views",
)
"""Parts of an estimate that the next run finds done."""
_OF_VIEWS = _SHARED[3:]
"""Those of them that depend on the augmentation."""
_LEAST_OF_TRIALS = 0.5
"""Trials that fall behind end early: this share of all epochs may do."""
_FRESH_S = 30.0
"""Estimates are made anew after this long: what is kept and how fast it goes changes."""
_RECENT = 5
"""Epochs that tell how long the next one takes."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long a run will take, in seconds."""

    low: float
    """Alone on the machine."""
    high: float
    """With as much else going on as of late."""
    parts: tuple[tuple[str, float], ...]
    """(what is done, seconds), in order; parts that cost nothing are left out."""
    measured: bool
    """False: some speed is that of another machine."""

    @property
    def seconds(self) -> float:
        """How long it takes most likely: all parts."""
        return sum(spent for _, spent in self.parts)


class _Part(NamedTuple):
    label: str
    kind: str
    amount: float
    """Photos of that kind of work; with an empty kind, seconds."""
    least: float = 1.0
    """Share of the amount that may do."""


def estimate_run(
    workspace: Workspace,
    recipe: Recipe,
    dataset: Dataset,
    device: Device,
    *,
    plan: SweepPlan | None = None,
    epochs_done: int = 0,
) -> Estimate:
    """Return how long the run of this recipe would take from now on.

    Args:
        plan: What is done instead of one training: a sweep's trials.
        epochs_done: Epochs that a checkpoint holds already.
    """
    costs = read_costs(workspace, device)
    seconds: dict[str, float] = {}
    low, high, measured = 0.0, 0.0, True
    listed = (
        _list_trials(workspace, list_costs(recipe, plan, device.kind), dataset, plan, epochs_done)
        if plan is not None
        else _list_parts(workspace, recipe, dataset, epochs_done)
    )
    for part in listed:
        one = find_cost(costs, part.kind, device) if part.kind else Cost(1.0, 1.0)
        cost = one.times(part.amount)
        likely = math.sqrt(cost.low * cost.high)
        seconds[part.label] = seconds.get(part.label, 0.0) + likely
        low, high = low + cost.low * part.least, high + cost.high
        measured &= cost.measured or part.amount == 0
    if plan is not None and plan.minutes is not None:
        limit = 60.0 * plan.minutes
        share = min(1.0, limit / max(1.0, sum(seconds.values())))
        seconds = {label: share * spent for label, spent in seconds.items()}
        low, high = min(low, limit), min(high, limit)
    parts = tuple((label, spent) for label, spent in seconds.items() if spent > 0)
    return Estimate(low=low, high=high, parts=parts, measured=measured)


def _list_trials(
    workspace: Workspace, recipes: Sequence[Recipe], dataset: Dataset, plan: SweepPlan, done: int
) -> Iterator[_Part]:
    """Yield the parts of a sweep whose trials are of these recipes, each as often as the others."""
    each = max(0, plan.trials - done) / len(recipes)
    known = set()
    for recipe in recipes:
        for part in _list_parts(workspace, recipe, dataset, 0):
            if part.label in _SHARED:
                of_views = recipe.augmentation if part.label in _OF_VIEWS else None
                if (part.label, of_views) not in known:
                    known.add((part.label, of_views))
                    yield part
            elif part.label not in AFTER_TRAINING:
                yield part._replace(amount=each * part.amount, least=_LEAST_OF_TRIALS)


def _list_parts(
    workspace: Workspace, recipe: Recipe, dataset: Dataset, epochs_done: int
) -> Iterator[_Part]:
    """Yield the parts of a run, those of the network in photos of the usual size."""
    for part in _list_photos(workspace, recipe, dataset, epochs_done):
        per_photo = not part.kind or part.kind in PER_PHOTO
        share = 1.0 if per_photo else recipe.seen_as.work
        yield part._replace(amount=share * part.amount)


def _list_photos(
    workspace: Workspace, recipe: Recipe, dataset: Dataset, epochs_done: int
) -> Iterator[_Part]:
    splits = dataset.choose_splits(recipe.split_seed)
    train, validation = np.flatnonzero(splits == "train"), np.flatnonzero(splits == "validation")
    tunes = recipe.trained_stages > 0
    yield _Part("starting", "", _BEGIN_S["stages" if tunes else "head"])
    yield from _list_preparations(workspace, recipe, dataset, (train, validation), tunes)
    alone = recipe.epochs_of_head  # epochs in which the head is trained alone
    yield _Part("training the head", "head", max(0, alone - epochs_done) * len(train))
    if tunes:
        kind = f"stages:{recipe.trained_stages}:{recipe.precision}"
        photos = len(train) + len(validation) / FORWARD_SHARE
        left = max(0, recipe.epochs - max(alone, epochs_done))
        yield _Part("training the network", kind, left * photos)
        keeping, scoring = AFTER_TRAINING
        yield _Part(keeping, "", _BACKBONE_S)
        yield _Part(scoring, "extracting", len(dataset))


def _list_preparations(
    workspace: Workspace,
    recipe: Recipe,
    dataset: Dataset,
    photos: tuple[np.ndarray, np.ndarray],
    tunes: bool,
) -> Iterator[_Part]:
    """Yield what is computed once and kept, as far as it is not there.

    Args:
        tunes: Whether stages are trained.
    """
    # OpenVINO comes with it: who only asks for speeds shall not load it.
    from core.runs.training import views

    weights = Weights(  # an id asks for no more than their digest
        name=recipe.weights, file=None, digest=recipe.weights_digest, origin="", official=False
    )
    every = views.request_views(recipe, weights, dataset)
    train, validation = (dataclasses.replace(every, photos=some) for some in photos)
    if not views.has_backbone(workspace, every):
        yield _Part("preparing the backbone", "", _BACKBONE_S)
    missing = views.count_missing_features(workspace, every)
    if missing or tunes or not recipe.augmentation.does_nothing:
        unpacked = views.count_unpacked(workspace, every)
        yield _Part("fitting the photos into the square", "packing", unpacked)
    yield _Part("features of the photos", "extracting", missing)
    trains_head = not tunes or recipe.epochs_of_head > 0
    if trains_head and not recipe.augmentation.does_nothing:
        missing = views.count_missing(workspace, train)
        yield _Part("features of the views", "extracting", missing)
    if tunes and recipe.keeps_views and recipe.trained_stages == 1:
        plain = dataclasses.replace(validation, kind="conv4", policy=AugmentationPolicy())
        missing = views.count_missing(workspace, dataclasses.replace(train, kind="conv4"))
        missing += views.count_missing(workspace, plain)
        yield _Part("activations of the views", "activations", missing)


def expected_wait(workspace: Workspace, run_id: str) -> tuple[int, float | None]:
    """Return a run's place in the queue, 1 for the next to start, and the seconds until then.

    The seconds are None when they cannot be told; (0, 0.0): the run does not wait.
    """
    active = read_active(workspace)
    waiting = [run for run in active if not run.is_going]
    place = next((number for number, run in enumerate(waiting, 1) if run.id == run_id), 0)
    if not place:
        return 0, 0.0
    going = [run for run in active if run.is_going]
    try:
        rest = sum(_measure_rest(workspace, run) for run in going)
        return place, rest + sum(_list_seconds(workspace, waiting[: place - 1], going))
    except PetalscopeError:  # a dataset was deleted: that run will fail in no time, others may not
        return place, None


def _list_seconds(
    workspace: Workspace, runs: Sequence[RunRecord], before: Sequence[RunRecord]
) -> Iterator[float]:
    """Yield the seconds that each run takes after those before it."""
    done = {(label, _name_kept(run)) for run in before for label in _SHARED}
    for run in runs:
        seconds = 0.0
        for label, spent in _estimate(workspace, run).parts:
            kept = (label, _name_kept(run))
            if label in _SHARED and kept in done:
                continue
            done.add(kept)
            seconds += spent
        yield seconds


def _measure_rest(workspace: Workspace, run: RunRecord) -> float:
    """Return how many seconds a run that goes will take until its end."""
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
    workspace: Workspace, recipe: Recipe, plan: SweepPlan | None, epochs_done: int, _moment: int
) -> Estimate:
    dataset = read_dataset(workspace, recipe.dataset)
    return estimate_run(
        workspace, recipe, dataset, find_device(), plan=plan, epochs_done=epochs_done
    )


def _name_kept(run: RunRecord) -> tuple[object, ...]:
    recipe = run.recipe
    seed = 0 if recipe.augmentation.does_nothing else recipe.seed
    photos = (recipe.dataset, recipe.split_seed, recipe.seen_as)
    seen = (recipe.weights_digest, recipe.preprocessing)
    return (*photos, *seen, recipe.augmentation, recipe.views, seed)
