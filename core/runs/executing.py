"""The job itself: from a recipe to the scores of all photos, by worker and command line alike.

Dataset → features → head → scores. Each step is kept under an id of what went in, so a run that is
tried again does only what is missing. Keras is imported inside functions, once the run is held.
"""

import logging
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from core.errors import DISK_FULL_ERRNOS, DiskFull, PetalscopeError, RecipeRefused, UnexpectedFault
from core.runs.holding import Hold, hold_run
from core.runs.preparing import Features, find_recipe_weights, prepare_features
from core.runs.progress import fail_run, finish_run
from core.runs.queue import claim_next_run
from core.runs.recipe import Recipe
from core.runs.reporting import RunReport, keep_finite
from core.runs.result import RunResult, write_result
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace
from data.manifest import Dataset, read_dataset
from data.splits import draw_splits
from models.devices import find_device

if TYPE_CHECKING:
    from models.fitting import FitResult

CHECKPOINT_FOLDER = "checkpoint"

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
    from models import fitting

    fitting.warm_up()


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
        if not stopped:  # nothing is left to go on with
            shutil.rmtree(workspace.run_folder(run.id) / CHECKPOINT_FOLDER, ignore_errors=True)


def _train(workspace: Workspace, run: RunRecord, hold: Hold, report: RunReport) -> bool:
    """Returns whether a person stopped the run; its result stands in its folder."""
    dataset = read_dataset(workspace, run.recipe.dataset)
    splits = choose_splits(dataset, run.recipe)
    device = find_device()
    features = prepare_features(
        workspace,
        dataset,
        find_recipe_weights(workspace, run.recipe.weights, run.recipe.weights_digest),
        run.recipe.preprocessing,
        device=device,
        listener=report,
        should_stop=hold.should_stop,
    )
    report.begin_phase(
        "training", device=device.name, val_photos=int(np.count_nonzero(splits == "validation"))
    )
    fit = _fit(workspace, run, dataset, splits, features, report, hold)
    report.begin_phase("scoring")
    scores = fit.head.scores(features.values)
    report.begin_phase("")
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
        seconds=report.seconds,
    )
    write_result(workspace.run_folder(run.id), result, fit.head)
    return fit.stopped


def _fit(
    workspace: Workspace,
    run: RunRecord,
    dataset: Dataset,
    splits: np.ndarray,
    features: Features,
    report: RunReport,
    hold: Hold,
) -> "FitResult":
    from models.fitting import fit_head

    recipe, labels = run.recipe, dataset.labels
    train, validation = splits == "train", splits == "validation"
    return fit_head(
        train=(features.values[train], labels[train]),
        validation=(features.values[validation], labels[validation]),
        n_classes=len(dataset.classes),
        hidden=recipe.hidden,
        dropout=recipe.dropout,
        learning_rate=recipe.learning_rate,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        seed=recipe.seed,
        standardise=recipe.standardise,
        checkpoint_folder=workspace.run_folder(run.id) / CHECKPOINT_FOLDER,
        on_epoch=lambda epoch, best: report.tell_epoch(asdict(epoch), asdict(best)),
        should_stop=hold.should_stop,
    )


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
