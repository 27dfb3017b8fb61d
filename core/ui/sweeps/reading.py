"""What the training page shows of sweeps: those of a dataset, the chosen one, its trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from core.errors import WeightsDamaged, WeightsMissing
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_studies
from core.runs.training.study_results import (
    Importance,
    TrialResult,
    read_importance,
    read_trials,
    sort_trials,
)
from core.ui.parts import cache
from core.ui.parts.choosing import find_default
from core.ui.parts.state import read_choice
from data.dataset import Dataset
from models.weights import find_weights

STUDY = "sweep"
"""Parameter of the address: the sweep that is looked at."""


@dataclass(frozen=True, kw_only=True)
class SweepsPage:
    """The sweeps of a dataset, newest first, and which one is looked at."""

    dataset: Dataset
    recipe: Recipe | None
    """What a sweep starts from: that of the form, else the default one; None without weights."""
    sweeps: dict[str, RunRecord]
    chosen: str | None
    """The sweep that the address names, else the one that is running."""
    is_missing: bool
    """Whether the address names a sweep that no dataset has."""


@dataclass(frozen=True, kw_only=True)
class SweepRun:
    """A sweep as it is now, with the trials that ended."""

    run: RunRecord
    trials: Sequence[TrialResult]

    @cached_property
    def ranked(self) -> list[TrialResult]:
        """The trials, best first."""
        return sort_trials(self.trials)

    @property
    def best(self) -> TrialResult:
        return self.ranked[0]

    @property
    def n(self) -> int:
        """Validation photos."""
        return self.run.val_photos or 0

    @cached_property
    def importance(self) -> Importance | None:
        """What the settings explain; None before ten trials, or where none explains anything."""
        known = read_importance(cache.workspace().run_folder(self.run.id))
        return known if known is not None and any(known.shares.values()) else None


def read_sweeps(dataset: Dataset, recipe: Recipe | None) -> SweepsPage:
    """Return the sweeps of a dataset.

    Args:
        recipe: That of the form; None: the default one with the pretrained weights, if found.
    """
    sweeps = _list_sweeps(dataset.id)
    stated = read_choice(STUDY)
    own = find_default([sweep for sweep in sweeps.values() if not sweep.has_ended])
    return SweepsPage(
        dataset=dataset,
        recipe=recipe or _find_recipe(dataset),
        sweeps=sweeps,
        chosen=stated if stated in sweeps else None if own is None else own.id,
        is_missing=stated is not None and stated not in sweeps | _list_sweeps(),
    )


def read_sweep(run: RunRecord) -> SweepRun:
    """Return a sweep with the trials that ended."""
    return SweepRun(run=run, trials=read_trials(cache.workspace().run_folder(run.id)))


def _list_sweeps(dataset_id: str | None = None) -> dict[str, RunRecord]:
    studies = list_studies(cache.workspace(), dataset_id)
    return {study.id: study for study in studies}


def _find_recipe(dataset: Dataset) -> Recipe | None:
    try:
        weights = find_weights(cache.workspace(), "pretrained")
    except (WeightsMissing, WeightsDamaged):
        return None
    return Recipe(dataset=dataset.id, weights_digest=weights.digest)
