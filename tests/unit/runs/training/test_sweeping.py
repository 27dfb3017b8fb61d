"""Sweeps by real workers: killed, stopped, paused, and turned into runs."""

import dataclasses
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from core.errors import RecipeRefused
from core.runs.queue.control import pause_run, resume_run
from core.runs.queue.queue import mark_lost, queue_lost_runs, request_stop, submit_run
from core.runs.queue.run_lock import Attempt
from core.runs.recipe.plans import SweepPlan, base_recipe, first_settings
from core.runs.result import read_result
from core.runs.store import RunRecord, list_runs, list_studies, read_run
from core.runs.training.executing import execute_run
from core.runs.training.study import (
    TrialResult,
    append_trial,
    read_importance,
    read_trials,
    sort_trials,
)
from core.runs.training.sweeping import execute_sweep
from core.workspace import Workspace
from data.manifest import read_dataset
from data.policy import PRESETS
from tests.forking import fork_worker
from tests.processes import PATIENCE_S, wait_until
from tests.training import change_recipe, copy_workspace, make_trial, train

PLAN = SweepPlan(trials=12, seed=4)
"""More trials than are drawn at random: the later ones follow from those before."""
BESIDE = ThreadPoolExecutor(1)


def submit_sweep(workspace: Workspace, plan: SweepPlan = PLAN) -> RunRecord:
    recipe = change_recipe(workspace, epochs=3, dropout=0.3, learning_rate=1e-5)
    return submit_run(workspace, base_recipe(recipe, plan.vary), "sweep", plan=plan)[0]


def read_settled(workspace: Workspace, sweep: RunRecord) -> list[TrialResult]:
    """Return the trials without their durations."""
    trials = read_trials(workspace.run_folder(sweep.id))
    return [dataclasses.replace(trial, seconds=0.0) for trial in trials]


def start_worker(workspace: Workspace, sweep: RunRecord) -> "Future[int]":
    """Return how the worker will have ended that trains it beside the test."""
    return BESIDE.submit(fork_worker, workspace, sweep, None, 5 * PATIENCE_S)


def kill_worker(workspace: Workspace, sweep: RunRecord, worker: "Future[int]") -> None:
    pid = read_run(workspace, sweep.id).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert worker.result() == -signal.SIGKILL


def wait_for_trials(workspace: Workspace, sweep: RunRecord, trials: int) -> None:
    folder = workspace.run_folder(sweep.id)
    wait_until(lambda: len(read_trials(folder)) >= trials, f"{trials} trials were made")


@pytest.fixture(scope="module")
def swept(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workspace, RunRecord]]:
    """A workspace with a sweep that nobody disturbed."""
    workspace = Workspace(tmp_path_factory.mktemp("swept") / "workspace")
    copy_workspace(trained_workspace, workspace)
    yield workspace, train(workspace, submit_sweep(workspace))


def test_a_sweep_makes_its_trials(swept: tuple[Workspace, RunRecord]) -> None:
    workspace, sweep = swept
    assert (sweep.state, sweep.problem) == ("done", None)
    trials = read_trials(workspace.run_folder(sweep.id))
    assert len(trials) == PLAN.trials == sweep.epochs_done
    assert trials[0].settings == first_settings(sweep.recipe, PLAN.vary)
    assert len({trial.recipe.run_id for trial in trials}) > 8
    assert all(len(trial.val_loss) == 3 or trial.pruned for trial in trials)
    best = sort_trials(trials)[0]
    assert (sweep.best_epoch, sweep.best_val_accuracy) == (best.number, best.accuracy)
    assert best.accuracy >= trials[0].accuracy
    importance = read_importance(workspace.run_folder(sweep.id))
    assert importance is not None and importance.trials == PLAN.trials
    assert set(importance.shares) == set(PLAN.vary)
    assert sweep.id not in {run.id for run in list_runs(workspace)}
    assert [study.id for study in list_studies(workspace)] == [sweep.id]


def test_the_best_trial_as_a_run_reaches_the_same_numbers(
    swept: tuple[Workspace, RunRecord],
) -> None:
    workspace, sweep = swept
    best = next(one for one in sort_trials(read_settled(workspace, sweep)) if not one.pruned)
    run = train(workspace, submit_run(workspace, best.recipe)[0])
    history = read_result(workspace, run.id).history
    assert [epoch["val_accuracy"] for epoch in history] == list(best.val_accuracy)
    assert [epoch["val_loss"] for epoch in history] == list(best.val_loss)
    assert (run.best_val_accuracy, run.best_epoch) == (best.accuracy, best.best_epoch)


@pytest.mark.slow
def test_killed_stopped_and_paused_it_gives_the_same_trials(
    swept: tuple[Workspace, RunRecord], trained_copy: Workspace
) -> None:
    workspace, undisturbed = swept
    sweep = submit_sweep(trained_copy)
    assert sweep.id == undisturbed.id
    worker = start_worker(trained_copy, sweep)
    wait_for_trials(trained_copy, sweep, 2)
    kill_worker(trained_copy, sweep, worker)
    assert mark_lost(trained_copy, read_run(trained_copy, sweep.id))
    queue_lost_runs(trained_copy)

    worker = start_worker(trained_copy, sweep)
    wait_for_trials(trained_copy, sweep, 4)
    pause_run(trained_copy, sweep.id)
    worker.result()
    assert read_run(trained_copy, sweep.id).state == "paused"
    resume_run(trained_copy, sweep.id)

    worker = start_worker(trained_copy, sweep)
    wait_for_trials(trained_copy, sweep, 6)
    request_stop(trained_copy, sweep.id, after_epoch=True)
    worker.result()
    stopped = read_run(trained_copy, sweep.id)
    assert (stopped.state, stopped.stopped) == ("done", True)
    assert 6 <= stopped.epochs_done < PLAN.trials

    done = train(trained_copy, submit_sweep(trained_copy))
    assert (done.state, done.stopped) == ("done", False)
    assert read_settled(trained_copy, sweep) == read_settled(workspace, undisturbed)


@pytest.mark.slow
@pytest.mark.usefixtures("small_resnet")
def test_strategies_and_policies_are_varied_and_a_kill_changes_nothing(
    trained_copy: Workspace,
) -> None:
    plan = SweepPlan(trials=3, vary=("strategy", "augmentation", "optimizer"), seed=29)
    recipe = change_recipe(trained_copy, epochs=2)
    sweep, _ = submit_run(trained_copy, recipe, "sweep", plan=plan)
    folder = trained_copy.run_folder(sweep.id)
    worker = start_worker(trained_copy, sweep)
    wait_until(lambda: list(folder.glob("trial-2/checkpoint/stages/*")), "an epoch is kept")
    kill_worker(trained_copy, sweep, worker)
    assert len(read_settled(trained_copy, sweep)) == 1
    assert mark_lost(trained_copy, read_run(trained_copy, sweep.id))
    queue_lost_runs(trained_copy)
    train(trained_copy, sweep)
    trials = read_settled(trained_copy, sweep)
    assert trials[0].recipe == recipe
    assert [trial.recipe.strategy for trial in trials] == ["head", "last_stage", "head"]
    assert trials[2].recipe.augmentation == PRESETS["strong"]
    assert trials[2].recipe.optimizer == "adamw"
    assert not list(folder.glob("trial-*"))
    alone = []
    for trial in trials:
        run = train(trained_copy, submit_run(trained_copy, trial.recipe)[0])
        history = read_result(trained_copy, run.id).history
        alone.append([epoch["val_loss"] for epoch in history])
    assert alone[1] == list(trials[1].val_loss)
    for told, trial in zip(alone, trials, strict=True):
        assert told == pytest.approx(trial.val_loss, rel=1e-4)  # heads go by other instructions


def test_a_budget_that_is_spent_opens_the_same_sweep_again(trained_copy: Workspace) -> None:
    plan = SweepPlan(trials=300, vary=("dropout",), minutes=1)
    sweep = submit_sweep(trained_copy, plan)
    folder = trained_copy.run_folder(sweep.id)
    settings = first_settings(sweep.recipe, plan.vary)
    long = make_trial(1, sweep.recipe, settings, seconds=60.5)
    append_trial(folder, long)
    assert execute_run(trained_copy, sweep.id).state == "done"
    assert read_trials(folder) == [long]
    again = submit_sweep(trained_copy, plan)
    assert (again.id, again.state, again.epochs_done) == (sweep.id, "done", 1)


def test_settings_that_are_few_are_not_trained_twice(trained_copy: Workspace) -> None:
    sweep = submit_sweep(trained_copy, SweepPlan(trials=7, vary=("hidden",)))
    assert train(trained_copy, sweep).state == "done"
    trials = read_trials(trained_copy.run_folder(sweep.id))
    recipes: dict[str, list[TrialResult]] = {}
    for trial in trials:
        recipes.setdefault(trial.recipe.run_id, []).append(trial)
    assert len(trials) == 7 and len(recipes) <= 5
    for twins in recipes.values():
        assert len({twin.val_accuracy for twin in twins}) == 1
        assert all(twin.seconds < twins[0].seconds for twin in twins[1:])


def test_without_validation_photos_nothing_can_be_compared(trained_copy: Workspace) -> None:
    sweep = submit_sweep(trained_copy)
    with pytest.raises(RecipeRefused, match="validation"):
        execute_sweep(
            Attempt(trained_copy, sweep),
            read_dataset(trained_copy, sweep.recipe.dataset),
            np.array(["train", "test"]),
        )
