"""The job of the exact head: fit it, or make an analysis that rests on it."""

from collections.abc import Mapping
from typing import Any

from core.exact import forecasting, store
from core.runs.jobs import Report
from core.runs.result import read_result
from core.workspace import Workspace
from data.manifest import read_dataset

_MAKERS = {
    forecasting.KIND: forecasting.prepare_curve,
}
"""Kind of an analysis that validation photos judge → the function that makes it."""


def make_analysis(
    workspace: Workspace, asked: Mapping[str, Any], report: Report
) -> Mapping[str, Any]:
    """Do the job."""
    kind, run = asked["kind"], str(asked.get("run", ""))
    dataset = read_dataset(workspace, asked["dataset"])
    if maker := _MAKERS.get(kind.partition("-")[0]):
        maker(workspace, store.find_judged_source(workspace, dataset), report)
        return {}
    report("solving", 0, 0)
    source = (
        store.find_run_source(workspace, dataset, run, read_result(workspace, run))
        if run
        else store.find_source(workspace, dataset)
    )
    store.prepare_head(workspace, source)
    return {}
