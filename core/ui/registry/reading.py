"""What the page “Models” reads at each run: versions, aliases, events, and where they came from."""

import math
from dataclasses import dataclass, replace

from core.errors import VersionDamaged
from core.evaluation.intervals import Estimate, wilson_interval
from core.registry.events import ModelEvent, list_events, list_former
from core.registry.store import (
    Alias,
    ModelVersion,
    find_damage,
    is_row_whole,
    list_versions,
    read_aliases,
)
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from data.manifest import list_datasets


@dataclass(frozen=True, kw_only=True)
class Registry:
    """All that stands in the registry at one moment."""

    versions: dict[int, ModelVersion]
    """By number, newest first."""
    aliases: dict[Alias, int]
    events: list[ModelEvent]
    """Newest first."""
    crowned: ModelEvent | None
    """The promotion or rollback that made the champion."""
    former: list[int]
    """Former champions, newest first: where a rollback would go."""
    runs: dict[str, RunRecord]
    """Those that can still be opened."""
    datasets: dict[str, str]
    """Id → name, of those that are still here."""

    def named(self, alias: Alias) -> ModelVersion | None:
        """Return the version that an alias names."""
        return self.versions.get(self.aliases.get(alias, 0))

    def alias_of(self, version: ModelVersion) -> Alias | None:
        """Return the alias that names a version."""
        return next((a for a, number in self.aliases.items() if number == version.number), None)


def read_registry() -> Registry:
    """Return what the registry holds now."""
    workspace = cache.workspace()
    aliases = read_aliases(workspace)
    champion = aliases.get("champion")
    former = list_former(workspace, but=champion) if champion is not None else []
    turns = list_events(workspace, 1, ("promoted", "rolled_back"))
    return Registry(
        versions={
            # What was altered is not shown as if it had been measured.
            one.number: one if is_row_whole(one) else replace(one, facts={})
            for one in list_versions(workspace)
        },
        aliases=aliases,
        events=list_events(workspace),
        crowned=turns[0] if turns else None,
        former=former,
        runs={run.id: run for run in list_runs(workspace)},
        datasets={one.id: one.name for one in list_datasets(workspace) if not one.problem},
    )


def find_fault(version: ModelVersion) -> VersionDamaged | None:
    """Return why a version would be refused, or None."""
    return find_damage(cache.workspace(), version)


def estimate_accuracy(version: ModelVersion) -> Estimate:
    """Return the accuracy on validation photos (they chose the epoch, too); NaN without any."""
    judged = version.facts.get("validation", {})
    n = int(judged.get("n", 0))
    low, high = wilson_interval(judged["right"], n) if n else (math.nan, math.nan)
    value = judged["right"] / n if n else math.nan
    return Estimate(value=value, low=low, high=high, n=n, method="Wilson")
