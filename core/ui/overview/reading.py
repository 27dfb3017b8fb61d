"""What the overview shows: the datasets, the runs, and the weights that would be used."""

from dataclasses import dataclass

from core.errors import WeightsDamaged, WeightsMissing
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from data.manifest import DatasetSummary, list_datasets
from models.weights import Weights, find_weights


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Where things stand in the workspace; datasets and runs newest first."""

    datasets: list[DatasetSummary]
    runs: list[RunRecord]
    pretrained: Weights | WeightsMissing | WeightsDamaged
    """The pretrained weights, or why there are none."""

    @property
    def newest_dataset(self) -> DatasetSummary | None:
        """The newest dataset that can be used."""
        return next((entry for entry in self.datasets if not entry.problem), None)

    @property
    def newest_done(self) -> RunRecord | None:
        return next((run for run in self.runs if run.state == "done"), None)

    @property
    def has_unfinished(self) -> bool:
        return any(not run.has_ended for run in self.runs)


def read_overview() -> Overview:
    """Return what the overview shows."""
    workspace = cache.workspace()
    return Overview(
        datasets=list_datasets(workspace),
        runs=list_runs(workspace),
        pretrained=_find_pretrained(),
    )


def find_random_weights() -> Weights:
    """Return the random weights, which are always there."""
    return find_weights(cache.workspace(), "random")


def _find_pretrained() -> Weights | WeightsMissing | WeightsDamaged:
    try:
        return find_weights(cache.workspace(), "pretrained")
    except (WeightsMissing, WeightsDamaged) as error:
        return error
