"""Executes a run: dataset → training by the recipe's strategy → scores of all photos.

Each step is cached under an id of its input: a run that is tried again only does missing steps.
"""

import logging
from dataclasses import asdict

import numpy as np

from core.errors import (
    DISK_FULL_ERRNOS,
    DiskFull,
    PetalscopeError,
    RecipeRefused,
    UnexpectedFault,
)
from core.runs.queue.queue import claim_next_run
from core.runs.queue.run_lock import Attempt, fail_run, finish_run, keep_finite, lock_run
from core.runs.recipe.recipe import Recipe
from core.runs.result import RunResult, write_result
from core.runs.store import RunRecord, read_run
from core.runs.training.strategies import Training
from core.runs.training.sweeping import execute_sweep
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset

_log = logging.getLogger("run")


def execute_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Train the run in this process and return it.

    A waiting run is claimed first. One that another process has, or whose turn has not come, is
    returned unchanged.

    Raises:
        RunMissing: No run has that id.
    """
    run = claim_next_run(workspace, run_id) or read_run(workspace, run_id)
    with lock_run(workspace, run) as attempt:
        if attempt is not None:
            _execute(attempt)
    return read_run(workspace, run_id)


def choose_splits(dataset: Dataset, recipe: Recipe) -> np.ndarray:
    """Return the split of each photo in this recipe, (n,) str.

    Raises:
        RecipeRefused: The dataset has no training photo, or only one class.
    """
    if len(dataset.classes) < 2:
        raise RecipeRefused(
            f"All photos are “{dataset.classes[0]}”: training needs two classes or more.",
            "Relabel photos into a second class on page Dataset.",
            dataset=dataset.id,
        )
    splits = dataset.choose_splits(recipe.split_seed)
    if not np.any(splits == "train"):
        raise RecipeRefused(
            "The dataset has no training photo.",
            "Import photos with a train folder, or let the recipe draw new splits.",
            dataset=dataset.id,
        )
    return splits


def _execute(attempt: Attempt) -> None:
    try:
        stopped = _train(attempt)
    except PetalscopeError as error:
        _fail(attempt, error)
    except OSError as error:
        full = error.errno in DISK_FULL_ERRNOS
        remedy = "Free some space, then start the run again: it resumes after its last epoch."
        _fail(attempt, DiskFull("The disk is full.", remedy) if full else _describe_fault(error))
        if not full:
            raise
    except Exception as error:
        _fail(attempt, _describe_fault(error))
        raise
    else:
        attempt.tell_end("done", stopped=stopped)
        finish_run(attempt.workspace, attempt.run, stopped=stopped)


def _train(attempt: Attempt) -> bool:
    """Write the result into the run's folder; return whether the run was stopped."""
    run = attempt.run
    dataset = read_dataset(attempt.workspace, run.recipe.dataset)
    splits = choose_splits(dataset, run.recipe)
    if run.plan is not None:
        return execute_sweep(attempt, dataset, splits)
    fit, features = Training(attempt, dataset, splits).run()
    attempt.begin_phase("scoring")
    scores = fit.head.scores(features.values)
    attempt.begin_phase("")
    result = RunResult(
        scores=scores,
        labels=dataset.labels,
        splits=splits,
        paths=np.asarray(dataset.manifest["path"], dtype=np.str_),
        classes=dataset.classes,
        best_epoch=fit.best_epoch,
        history=[keep_finite(asdict(epoch)) for epoch in fit.history],
        dataset_id=dataset.id,
        backbone_id=features.backbone_id,
        features_id=features.features_id,
        seconds=attempt.seconds,
    )
    write_result(attempt.folder, result, fit.head)
    return fit.stopped


def _fail(attempt: Attempt, error: PetalscopeError) -> None:
    if fail_run(attempt.workspace, attempt.run, error):
        attempt.tell_end("paused")
        return
    _log.error("%s: %s %s", error.code, error.problem, error.remedy, exc_info=True)
    attempt.tell_end("failed", code=error.code)


def _describe_fault(error: Exception) -> UnexpectedFault:
    return UnexpectedFault(
        f"This is a bug of the program: {type(error).__name__}: {error}"[:500],
        "See the end of the run's log. Started again, the run resumes after its last epoch.",
    )
