"""Runs as the program trains them: to be called in a process of its own."""

import os
import shutil
import time
from collections.abc import Sequence

import numpy as np

from core.bench.timings import TimedRun
from core.runs.database import close_databases
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.result import read_result
from core.runs.training.executing import execute_run, warm_up
from core.workspace import Workspace


def train_runs(
    workspace: Workspace, recipes: Sequence[Recipe], *, warm: bool, anew: bool = False
) -> tuple[list[TimedRun], float]:
    """Returns the runs, trained one after the other, and the seconds of getting warm before.

    What one of them extracts the next ones find.

    Args:
        warm: As a worker that waits: Keras is imported beforehand. Stages are trained by a
            process that was just started.
        anew: Whether each run starts without anything that was extracted before.
    """
    for name in ("PETALSCOPE_DATABASE_URL", "PETALSCOPE_MLFLOW_URI"):
        os.environ.pop(name, None)  # what is measured is nobody's run
    start = time.perf_counter()
    if warm:
        warm_up()
    seconds = time.perf_counter() - start
    timed = []
    for recipe in recipes:
        if anew:
            _forget(workspace)
        timed.append(_train(workspace, recipe))
    close_databases()
    return timed, seconds


def _forget(workspace: Workspace) -> None:
    shutil.rmtree(workspace.features)
    workspace.features.mkdir()


def _train(workspace: Workspace, recipe: Recipe) -> TimedRun:
    start = time.perf_counter()
    run, _ = submit_run(workspace, recipe)
    run = execute_run(workspace, run.id)
    seconds = time.perf_counter() - start
    result = read_result(workspace, run.id)  # its error says what is wrong where there is none
    test = result.splits == "test"
    right = result.scores[test].argmax(axis=1) == result.labels[test]
    return TimedRun(
        seconds=seconds,
        test_accuracy=float(np.mean(right)) if test.any() else float("nan"),
        history=result.history,
    )
