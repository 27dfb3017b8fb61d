"""Runs as the program trains them: to be called in a process of its own."""

import time
from collections.abc import Sequence

import numpy as np

from core.bench.timings import TimedRun
from core.runs.database import close_databases
from core.runs.executing import execute_run, warm_up
from core.runs.queue import submit_run
from core.runs.recipe import Recipe
from core.runs.result import read_result
from core.workspace import Workspace


def train_runs(
    workspace: Workspace, recipes: Sequence[Recipe], *, warm: bool
) -> tuple[list[TimedRun], float]:
    """Returns the runs, trained one after the other, and the seconds of getting warm before.

    Args:
        warm: As a worker that waits: Keras is imported beforehand. Stages are trained by a
            process that was just started.
    """
    start = time.perf_counter()
    if warm:
        warm_up()
    seconds = time.perf_counter() - start
    timed = [_train(workspace, recipe) for recipe in recipes]
    close_databases()
    return timed, seconds


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
