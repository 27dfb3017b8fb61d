"""Repeats: runs of one recipe that differ in nothing but the seed, and what they say together."""

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord


@dataclass(frozen=True)
class Repeats:
    """Runs of one recipe but for its seed, in the order given; often there is only one."""

    runs: tuple[RunRecord, ...]

    @property
    def first(self) -> RunRecord:
        return self.runs[0]

    @property
    def measured(self) -> tuple[RunRecord, ...]:
        """The runs that are done and have a validation accuracy."""
        done = (run for run in self.runs if run.state == "done")
        return tuple(run for run in done if run.best_val_accuracy is not None)

    @property
    def mean_accuracy(self) -> float | None:
        """Mean of the best epochs' validation accuracies; of a single run also while it goes."""
        runs = self.measured or (self.runs if len(self.runs) == 1 else ())
        known = [run.best_val_accuracy for run in runs if run.best_val_accuracy is not None]
        return fmean(known) if known else None

    @property
    def spread(self) -> float:
        """Standard deviation between the seeds (n - 1 below the line); NaN for fewer than two."""
        accuracies = [run.best_val_accuracy or 0.0 for run in self.measured]
        return stdev(accuracies) if len(accuracies) > 1 else math.nan


def fold_repeats(runs: Iterable[RunRecord]) -> list[Repeats]:
    """Return the runs folded by recipe but for the seed; a group stands where its first run did.

    Runs that a person stopped stand alone: they did not do what their recipe says.
    """
    groups: dict[Recipe | str, list[RunRecord]] = {}
    for run in runs:
        key = run.id if run.stopped else dataclasses.replace(run.recipe, seed=0)
        groups.setdefault(key, []).append(run)
    return [Repeats(tuple(group)) for group in groups.values()]
