"""The sweeps of a dataset, and the trials of the chosen one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from core.runs.store import RunRecord, list_studies
from core.runs.training.study import (
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

STUDY = "sweep"
"""Parameter of the address: the chosen sweep."""


@dataclass(frozen=True, kw_only=True)
class SweepsPage:
    """The sweeps of a dataset, newest first, and the chosen one."""

    sweeps: dict[str, RunRecord]
    chosen: str | None
    """The sweep that the address names, else the one that is running."""
    is_missing: bool
    """Whether the address names a sweep that no dataset has."""


@dataclass(frozen=True, kw_only=True)
class SweepRun:
    """A sweep with its finished trials."""

    run: RunRecord
    trials: Sequence[TrialResult]
    importance: Importance | None
    """None before ten trials, or where no setting explains anything."""

    @cached_property
    def ranked(self) -> list[TrialResult]:
        """The trials, best first."""
        return sort_trials(self.trials)

    @property
    def n(self) -> int:
        """Validation photos."""
        return self.run.val_photos or 0


def read_sweeps(dataset: Dataset) -> SweepsPage:
    """Return the sweeps of a dataset."""
    sweeps = _list_sweeps(dataset.id)
    stated = read_choice(STUDY)
    running = find_default([sweep for sweep in sweeps.values() if not sweep.has_ended])
    return SweepsPage(
        sweeps=sweeps,
        chosen=stated if stated in sweeps else running.id if running else None,
        is_missing=stated is not None and stated not in sweeps | _list_sweeps(),
    )


def read_sweep(run: RunRecord) -> SweepRun:
    """Return a sweep with its finished trials."""
    folder = cache.workspace().run_folder(run.id)
    known = read_importance(folder)
    explains = known is not None and any(known.shares.values())
    return SweepRun(run=run, trials=read_trials(folder), importance=known if explains else None)


def _list_sweeps(dataset_id: str | None = None) -> dict[str, RunRecord]:
    return {study.id: study for study in list_studies(cache.workspace(), dataset_id)}
