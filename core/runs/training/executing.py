"""The job itself: from a recipe to the scores of all photos, by worker and command line alike.

Dataset → training by the recipe's strategy (`strategies`) → scores. Each step is kept
under an id of what went in, so a run that is tried again does only what is missing.
"""

import logging
from dataclasses import asdict

import numpy as np

from core.errors import (
    DISK_FULL_ERRNOS,
    DiskFull,
    PetalscopeError,
    RecipeRefused,
    RunStopped,
    UnexpectedFault,
)
from core.runs.queue.progress import fail_run, finish_run, mark_paused
from core.runs.queue.queue import claim_next_run
from core.runs.queue.run_lock import Hold, hold_run
from core.runs.recipe.recipe import Recipe
from core.runs.result import RunResult, write_result
from core.runs.store import RunRecord, read_run
from core.runs.training.mirror import mirror_run
from core.runs.training.reporting import RunReport, keep_finite
from core.runs.training.strategies import Training
from core.runs.training.studies import execute_plan
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from data.splits import draw_splits
from models.devices import find_device

_log = logging.getLogger("run")


def execute_run(workspace: Workspace, run_id: str) -> RunRecord:
    """Returns the run after it was trained here, in this process.

    A run that waits is claimed first. One that another process has, or whose turn has not come, is
    returned as it is.

    Raises:
        RunMissing: No run has that id.
    """
    run = claim_next_run(workspace, run_id) or read_run(workspace, run_id)
    with hold_run(workspace, run) as hold:
        if hold is not None:
            _execute(workspace, run, hold)
    return read_run(workspace, run_id)


def warm_up() -> None:
    """Returns nothing; Keras is imported and a tiny head was trained: the next one is fast."""
    from models.fitting import warm_up

    warm_up()


def choose_splits(dataset: Dataset, recipe: Recipe) -> np.ndarray:
    """Returns the split of each photo in this recipe, (n,) str.

    Raises:
        RecipeRefused: No photo is left to learn from.
    """
    if recipe.split_seed is None:
        splits = dataset.splits
    else:
        groups = dataset.manifest["sha256"].to_numpy()
        splits = draw_splits(dataset.labels, groups, seed=recipe.split_seed)
    if not np.any(splits == "train"):
        raise RecipeRefused(
            "The dataset has no photo to train with.",
            "Import photos with a train folder, or let the recipe draw new splits.",
            dataset=dataset.id,
        )
    return splits


def _execute(workspace: Workspace, run: RunRecord, hold: Hold) -> None:
    report = RunReport(workspace, run)
    try:
        stopped = _train(workspace, run, hold, report)
    except RunStopped as error:
        if hold.request() == "pause":
            _pause(workspace, run, report, error)
        else:
            _fail(workspace, run, report, error)
    except PetalscopeError as error:
        _fail(workspace, run, report, error)
    except OSError as error:
        full = error.errno in DISK_FULL_ERRNOS
        _fail(workspace, run, report, _describe_full_disk() if full else _describe_fault(error))
        if not full:
            raise
    except Exception as error:
        _fail(workspace, run, report, _describe_fault(error))
        raise
    else:
        report.tell_end("done", stopped=stopped)
        finish_run(workspace, run, stopped=stopped)


def _train(workspace: Workspace, run: RunRecord, hold: Hold, report: RunReport) -> bool:
    """Returns whether a person stopped the run; its result stands in its folder."""
    dataset = read_dataset(workspace, run.recipe.dataset)
    splits = choose_splits(dataset, run.recipe)
    training = Training(workspace, run, dataset, splits, find_device(), report, hold)
    if run.plan is not None:
        return _follow_plan(workspace, run, hold, report, training, len(dataset.classes))
    trained = training.run()
    report.begin_phase("scoring")
    scores = trained.fit.head.scores(trained.features.values)
    report.begin_phase("")
    result = RunResult(
        scores=scores,
        labels=dataset.labels,
        splits=splits,
        paths=np.asarray(dataset.manifest["path"], dtype=np.str_),
        classes=dataset.classes,
        best_epoch=trained.fit.best_epoch,
        history=[keep_finite(asdict(epoch)) for epoch in trained.fit.history],
        dataset_id=dataset.id,
        backbone_id=trained.features.backbone_id,
        features_id=trained.features.features_id,
        seconds=report.seconds,
    )
    write_result(workspace.run_folder(run.id), result, trained.fit.head)
    mirror_run(workspace, run, result)
    return trained.fit.stopped


def _follow_plan(
    workspace: Workspace,
    run: RunRecord,
    hold: Hold,
    report: RunReport,
    training: Training,
    n_classes: int,
) -> bool:
    train, validation = training.split_features(training.read_features(training.weights))
    training.begin()
    return execute_plan(
        workspace, run, hold, report, train=train, validation=validation, n_classes=n_classes
    )


def _pause(workspace: Workspace, run: RunRecord, report: RunReport, error: RunStopped) -> None:
    if mark_paused(workspace, run):
        report.tell_end("paused")
    else:  # a stop came after the pause
        _fail(workspace, run, report, error)


def _fail(workspace: Workspace, run: RunRecord, report: RunReport, error: PetalscopeError) -> None:
    _log.error("%s: %s %s", error.code, error.problem, error.remedy, exc_info=True)
    fail_run(workspace, run, error)
    report.tell_end("failed", code=error.code)


def _describe_full_disk() -> DiskFull:
    return DiskFull(
        "The disk is full.",
        "Make room, then start the run again: it goes on from its last epoch.",
    )


def _describe_fault(error: Exception) -> UnexpectedFault:
    return UnexpectedFault(
        f"The program made a mistake: {type(error).__name__}: {error}"[:500],
        "Read the end of the run's log. Starting the run again goes on from its last epoch.",
    )
