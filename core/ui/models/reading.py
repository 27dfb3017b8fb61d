"""Reads the versions, aliases and events that the page Models shows."""

from dataclasses import dataclass, replace

from core.registry.events import ModelEvent, list_events, list_former
from core.registry.store import Alias, ModelVersion, is_row_whole, list_versions, read_aliases
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from data.manifest import list_datasets


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The registry at one moment."""

    versions: dict[int, ModelVersion]
    """By number, newest first."""
    aliases: dict[Alias, int]
    events: list[ModelEvent]
    """Newest first."""
    former: list[int]
    """Former champions, newest first: a rollback goes to the first."""
    runs: dict[str, RunRecord]
    datasets: dict[str, str]
    """Id → name of the readable datasets."""

    def named(self, alias: Alias) -> ModelVersion | None:
        """Return the version with an alias."""
        return self.versions.get(self.aliases.get(alias, 0))

    def alias_of(self, version: ModelVersion) -> Alias | None:
        """Return the alias of a version."""
        return next((a for a, number in self.aliases.items() if number == version.number), None)


def read_registry() -> Registry:
    """Return the registry as it is now."""
    workspace = cache.workspace()
    aliases = read_aliases(workspace)
    champion = aliases.get("champion")
    return Registry(
        versions={
            # Altered facts are not shown as if they had been measured.
            one.number: one if is_row_whole(one) else replace(one, facts={})
            for one in list_versions(workspace)
        },
        aliases=aliases,
        events=list_events(workspace),
        former=[] if champion is None else list_former(workspace, but=champion),
        runs={run.id: run for run in list_runs(workspace)},
        datasets={one.id: one.name for one in list_datasets(workspace) if not one.problem},
    )
