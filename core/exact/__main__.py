"""The job of what rests on an exact head: `python -m core.exact FOLDER` makes it and keeps it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.exact import forecasting, lesson, store
from core.runs.jobs import Tell, run_job
from core.runs.result import read_result
from core.workspace import open_workspace
from data.manifest import read_dataset

_MAKERS = {
    forecasting.KIND: forecasting.prepare_curve,
    lesson.KIND: lesson.prepare_stages,
    lesson.TRAININGS: lesson.prepare_trainings,
}
"""Kind of an analysis that validation photos of a dataset judge → the function that makes it."""


def _make(asked: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
    workspace, kind, run = open_workspace(), asked["kind"], str(asked.get("run", ""))
    dataset = read_dataset(workspace, asked["dataset"])
    if maker := _MAKERS.get(kind.partition("-")[0]):
        maker(workspace, store.find_judged_source(workspace, dataset), tell)
    else:
        tell("solving", 0, 0)
        source = (
            store.find_run_source(workspace, dataset, run, read_result(workspace, run))
            if run
            else store.find_source(workspace, dataset)
        )
        store.prepare_head(workspace, source)
    return {}


if __name__ == "__main__":
    os.nice(5)  # pages that are looked at meanwhile come first
    run_job(Path(sys.argv[1]), _make)
