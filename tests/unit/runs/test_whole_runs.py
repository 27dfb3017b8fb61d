"""Whole runs in real processes: killed, stopped or submitted twice, nothing is lost or repeated."""

import dataclasses
import os
import shutil
import signal

import numpy as np
import psutil
import pytest

from core.errors import ResultDamaged, RunUnfinished
from core.runs.locks import is_locked
from core.runs.queue.control import extend_run, pause_run, resume_run
from core.runs.queue.queue import delete_run, request_stop, submit_run
from core.runs.queue.starting import ensure_scheduler, touch_wake
from core.runs.recipe.recipe import Recipe
from core.runs.result import RunResult, read_result, read_run_head
from core.runs.run_files import ARRAYS_FILE, FACTS_FILE, HEAD_FILE, curve, read_events
from core.runs.store import RunRecord, list_runs, read_run
from core.workspace import Workspace
from data.manifest import read_dataset
from tests.processes import find_processes, wait_until
from tests.training import change_recipe, copy_workspace, leave_out_measures, train

pytestmark = pytest.mark.usefixtures("forked_workers")

LONG = 150
"""Epochs of a run that is disturbed while it goes."""


def submit(workspace: Workspace, **changes: object) -> RunRecord:
    return submit_run(workspace, change_recipe(workspace, **changes))[0]


def wait_for_epochs(workspace: Workspace, run_id: str, epochs: int) -> RunRecord:
    """Return the run once that many epochs are done; it must still be going then."""

    def look() -> RunRecord | None:
        run = read_run(workspace, run_id)
        assert not run.has_ended, (run.state, run.problem, read_log(workspace, run_id))
        return run if run.is_going and run.epochs_done >= epochs else None

    run = wait_until(look, f"{epochs} epochs are done")
    assert run is not None
    return run


def wait_for_end(workspace: Workspace, run_id: str) -> RunRecord:
    wait_until(lambda: read_run(workspace, run_id).has_ended, "the run has ended")
    return read_run(workspace, run_id)


def read_log(workspace: Workspace, run_id: str) -> str:
    log = workspace.run_folder(run_id) / "worker.log"
    return log.read_text(encoding="utf-8") if log.exists() else ""


def read_kinds(workspace: Workspace, run_id: str) -> list[str]:
    return [event["event"] for event in read_events(workspace.run_folder(run_id))[0]]


@pytest.fixture(scope="module")
def undisturbed(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Recipe, RunResult]:
    """A long recipe, and its result when one worker trains it without being disturbed."""
    workspace = Workspace(tmp_path_factory.mktemp("undisturbed") / "workspace")
    copy_workspace(trained_workspace, workspace)
    recipe = change_recipe(workspace, epochs=2 * LONG, hidden=(16,))
    run = train(workspace, submit_run(workspace, recipe)[0])
    assert (run.state, run.epochs_done) == ("done", recipe.epochs)
    return recipe, read_result(workspace, run.id)


def assert_equal_results(found: RunResult, expected: RunResult) -> None:
    """Bit for bit, but for the time it took."""
    assert leave_out_measures(found.history) == leave_out_measures(expected.history)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert found.best_epoch == expected.best_epoch


def test_a_run_leaves_scores_of_all_photos_and_its_head(trained_workspace: Workspace) -> None:
    [run] = list_runs(trained_workspace)
    result = read_result(trained_workspace, run.id)
    assert (
        run.state == "done"
        and run.device
        and run.val_photos == np.sum(result.splits == "validation")
    )
    assert result.scores.shape == (36, 3) and result.scores.dtype == np.float32
    np.testing.assert_allclose(result.scores.sum(axis=1), 1, atol=1e-5)
    assert set(result.splits) == {"train", "validation", "test"}
    assert result.classes == ("daisy", "rose", "tulip") and len(set(result.paths)) == 36
    assert set(result.seconds) >= {"extracting", "training", "scoring"}

    losses = [epoch["val_loss"] for epoch in result.history]
    assert len(losses) == 5 and result.best_epoch == 1 + int(np.argmin(losses))
    assert run.best_epoch == result.best_epoch and run.best_val_loss == min(losses)
    validation = result.photo_numbers("validation")
    right = result.scores[validation].argmax(axis=1) == result.labels[validation]
    assert run.best_val_accuracy == pytest.approx(right.mean(), abs=1e-6)

    features = np.load(trained_workspace.features_file(result.features_id), mmap_mode="r")
    again = read_run_head(trained_workspace, run.id).scores(np.asarray(features))
    np.testing.assert_array_equal(again, result.scores)


@pytest.mark.parametrize(
    ("found_in", "before"),
    [
        ("trained_workspace", []),
        pytest.param("resnet_workspace", ["backbone"], marks=pytest.mark.slow),
    ],
)
def test_a_run_tells_what_it_does(
    found_in: str, before: list[str], request: pytest.FixtureRequest
) -> None:
    workspace: Workspace = request.getfixturevalue(found_in)
    [run] = list_runs(workspace)
    events, _ = read_events(workspace.run_folder(run.id))
    phases = [event["phase"] for event in events if event["event"] == "phase"]
    assert phases == [*before, "extracting", "training", "scoring"]
    told = leave_out_measures(curve(events))
    result = read_result(workspace, run.id)
    assert told == leave_out_measures(result.history)
    assert set(phases) <= set(result.seconds)
    progress = [event for event in events if event["event"] == "progress"]
    assert progress[-1]["done"] == progress[-1]["total"] == 36
    assert events[-1]["event"] == "end" and events[-1]["state"] == "done"
    assert "epoch 5 of 5" in read_log(workspace, run.id)


@pytest.mark.parametrize("name", [ARRAYS_FILE, HEAD_FILE, FACTS_FILE])
def test_a_damaged_result_is_noticed(trained_copy: Workspace, name: str) -> None:
    [run] = list_runs(trained_copy)
    path = trained_copy.run_folder(run.id) / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ResultDamaged, match=name):
        read_result(trained_copy, run.id)
        read_run_head(trained_copy, run.id)
    path.unlink()
    with pytest.raises(RunUnfinished if name == FACTS_FILE else ResultDamaged):
        read_result(trained_copy, run.id)
        read_run_head(trained_copy, run.id)


@pytest.mark.slow
def test_runs_are_trained_one_after_the_other_and_none_twice(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_FORKS")  # these workers start from nothing
    [finished] = list_runs(trained_copy)
    told = read_kinds(trained_copy, finished.id)
    assert submit_run(trained_copy, finished.recipe) == (finished, False)
    first, second = submit(trained_copy, seed=1), submit(trained_copy, seed=2, split_seed=7)
    ensure_scheduler(trained_copy)
    first, second = (wait_for_end(trained_copy, run.id) for run in (first, second))
    assert (first.state, second.state) == ("done", "done")
    assert first.finished and second.started and first.finished <= second.started
    drawn = read_result(trained_copy, second.id).splits
    assert not np.array_equal(drawn, read_result(trained_copy, first.id).splits)
    assert read_kinds(trained_copy, finished.id) == told
    # The settings keep no worker warm.
    wait_until(lambda: not find_processes(trained_copy, "core.runs.worker"), "all workers ended")


def test_a_worker_goes_on_with_heads_that_wait_and_each_is_as_if_alone(
    trained_copy: Workspace,
) -> None:
    first, second = submit(trained_copy, seed=1), submit(trained_copy, seed=2, hidden=(8,))
    stages, last = submit(trained_copy, strategy="last_stage"), submit(trained_copy, seed=3)
    assert train(trained_copy, first).state == "done"
    assert read_run(trained_copy, second.id).state == "done"  # and nobody else was there to do it
    assert {read_run(trained_copy, run.id).state for run in (stages, last)} == {"queued"}
    found = read_result(trained_copy, second.id)
    for run in (second, stages, last):
        delete_run(trained_copy, run.id)
    again = train(trained_copy, submit(trained_copy, seed=2, hidden=(8,)))
    assert_equal_results(read_result(trained_copy, again.id), found)


@pytest.mark.slow
def test_a_run_that_is_paused_killed_and_stopped_ends_as_one_left_alone(
    trained_copy: Workspace, undisturbed: tuple[Recipe, RunResult]
) -> None:
    recipe, expected = undisturbed
    run, _ = submit_run(trained_copy, recipe)
    request_stop(trained_copy, run.id, after_epoch=True)  # a waiting run never starts
    assert read_run(trained_copy, run.id).error_code == "run_stopped"

    submit_run(trained_copy, recipe)
    ensure_scheduler(trained_copy)
    wait_for_epochs(trained_copy, run.id, 2)
    assert pause_run(trained_copy, run.id).request == "pause"
    run = wait_for_end(trained_copy, run.id)
    assert (run.state, run.pid, run.request) == ("paused", None, "")
    assert 2 <= run.epochs_done < recipe.epochs
    with pytest.raises(RunUnfinished):
        read_result(trained_copy, run.id)
    other = wait_for_end(trained_copy, submit(trained_copy, seed=1).id)  # the device is free
    assert other.state == "done" and read_run(trained_copy, run.id).state == "paused"

    assert resume_run(trained_copy, run.id).state == "queued"
    run = wait_for_epochs(trained_copy, run.id, run.epochs_done + 1)
    assert run.pid is not None and run.pid != os.getpid()
    os.kill(run.pid, signal.SIGKILL)
    wait_until(lambda: "lost" in read_kinds(trained_copy, run.id), "the loss is noticed")
    run = wait_for_epochs(trained_copy, run.id, run.epochs_done + 1)
    asked = request_stop(trained_copy, run.id, after_epoch=True)
    assert (asked.state, asked.request) == ("stopping", "stop_after_epoch")
    before, run = run, wait_for_end(trained_copy, run.id)
    assert (run.state, run.stopped) == ("done", True)
    assert before.epochs_done < run.epochs_done < recipe.epochs
    found = read_result(trained_copy, run.id)
    assert leave_out_measures(found.history) == leave_out_measures(
        expected.history[: run.epochs_done]
    )

    assert submit_run(trained_copy, recipe)[0].state == "queued"
    wait_for_epochs(trained_copy, run.id, run.epochs_done + 1)
    assert request_stop(trained_copy, run.id).state == "stopping"
    run = wait_for_end(trained_copy, run.id)
    assert (run.state, run.stopped) == ("done", True) and run.epochs_done < recipe.epochs
    found = read_result(trained_copy, run.id)
    assert len(found.history) == run.epochs_done and found.best_epoch == run.best_epoch

    assert submit_run(trained_copy, recipe)[0].state == "queued"
    run = wait_for_end(trained_copy, run.id)
    assert (run.state, run.stopped, run.epochs_done) == ("done", False, recipe.epochs)
    assert_equal_results(read_result(trained_copy, run.id), expected)
    # A kill may lose the last epoch that was told: else each was trained once.
    assert read_kinds(trained_copy, run.id).count("epoch") <= recipe.epochs + 1
    told = curve(read_events(trained_copy.run_folder(run.id))[0])
    assert leave_out_measures(told) == leave_out_measures(expected.history)


@pytest.mark.slow
def test_a_killed_scheduler_is_not_missed(trained_copy: Workspace) -> None:
    first, second = submit(trained_copy, epochs=LONG), submit(trained_copy, seed=4)
    ensure_scheduler(trained_copy)
    wait_for_epochs(trained_copy, first.id, 1)
    [scheduler] = find_processes(trained_copy, "core.runs.scheduler")
    scheduler.kill()
    first = wait_for_end(trained_copy, first.id)
    assert (first.state, first.attempt) == ("done", 1)
    assert wait_for_end(trained_copy, second.id).state == "done"  # the worker goes on
    third = submit(trained_copy, seed=5)
    ensure_scheduler(trained_copy)
    assert wait_for_end(trained_copy, third.id).state == "done"


@pytest.mark.slow
def test_more_epochs_go_on_where_the_run_ended(
    trained_copy: Workspace, undisturbed: tuple[Recipe, RunResult]
) -> None:
    recipe, expected = undisturbed
    few = recipe.epochs - 20
    shorter = dataclasses.replace(recipe, epochs=few)
    run = train(trained_copy, submit_run(trained_copy, shorter)[0])
    longer, is_new = extend_run(trained_copy, run.id, 20)
    assert is_new and longer.recipe == recipe and "Continues" in longer.notes
    longer = train(trained_copy, longer)
    assert (longer.state, longer.epochs_done) == ("done", recipe.epochs)
    found, before = (read_result(trained_copy, each.id) for each in (longer, run))
    assert_equal_results(found, expected)
    assert found.history[:few] == before.history  # with its seconds: not trained again


@pytest.mark.slow
def test_a_worker_that_hangs_is_lost_and_its_run_goes_on_before_the_next(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_HEARTBEAT_TIMEOUT_S", "8")  # a slow machine is no hanging one
    hung, other = submit(trained_copy, epochs=LONG), submit(trained_copy, seed=2)
    ensure_scheduler(trained_copy)
    going = wait_for_epochs(trained_copy, hung.id, 1)
    assert going.pid is not None
    os.kill(going.pid, signal.SIGSTOP)
    wait_until(lambda: read_run(trained_copy, hung.id).attempt >= 2, "it goes on")
    again = read_run(trained_copy, hung.id).started
    events = read_events(trained_copy.run_folder(hung.id))[0]
    lost = next(event["time"] for event in events if event["event"] == "lost")
    assert again is not None and again.timestamp() - lost < 10
    wait_until(lambda: not psutil.pid_exists(going.pid), "the hanging process is gone")
    assert wait_for_end(trained_copy, other.id).state == "done"
    run = wait_for_end(trained_copy, hung.id)
    assert (run.state, run.epochs_done) == ("done", LONG) and run.attempt >= 2


def test_a_run_that_fails_says_why_and_what_to_do(trained_copy: Workspace) -> None:
    [finished] = list_runs(trained_copy)
    shutil.rmtree(trained_copy.dataset_folder(finished.recipe.dataset))
    run = train(trained_copy, submit(trained_copy, seed=5))
    assert (run.state, run.error_code) == ("failed", "dataset_missing")
    assert run.problem and run.remedy and run.pid is None
    assert read_kinds(trained_copy, run.id)[-1] == "end"
    assert "dataset_missing" in read_log(trained_copy, run.id)


def test_photos_altered_in_place_are_not_learned_from(trained_copy: Workspace) -> None:
    [finished] = list_runs(trained_copy)
    features = read_result(trained_copy, finished.id).features_id
    photos = read_dataset(trained_copy, finished.recipe.dataset).photos_file
    content = photos.read_bytes()
    photos.unlink()  # it is a link to the original
    photos.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert train(trained_copy, submit(trained_copy, seed=9)).state == "done"  # features are kept
    trained_copy.features_file(features).unlink()
    run = train(trained_copy, submit(trained_copy, seed=10))
    assert (run.state, run.error_code) == ("failed", "result_damaged")
    assert run.remedy and "mport it again" in run.remedy


def test_a_damaged_result_is_made_anew_bit_for_bit(trained_copy: Workspace) -> None:
    [finished] = list_runs(trained_copy)
    expected = read_result(trained_copy, finished.id)
    (trained_copy.run_folder(finished.id) / HEAD_FILE).unlink()
    queued, created = submit_run(trained_copy, finished.recipe)
    assert not created and queued.state == "queued"
    run = train(trained_copy, queued)
    assert (run.state, run.epochs_done) == ("done", finished.epochs_done)
    assert_equal_results(read_result(trained_copy, run.id), expected)
    read_run_head(trained_copy, run.id)


def test_weights_that_changed_since_are_noticed(trained_copy: Workspace) -> None:
    [finished] = list_runs(trained_copy)
    recipe = Recipe(
        dataset=finished.recipe.dataset, weights="random", weights_digest="random-of-old"
    )
    run = train(trained_copy, submit_run(trained_copy, recipe)[0])
    assert (run.state, run.error_code) == ("failed", "weights_missing")


def test_a_fault_of_the_program_stands_in_the_log_with_its_traceback(
    trained_copy: Workspace,
) -> None:
    run = submit(trained_copy, seed=6)
    (trained_copy.run_folder(run.id) / "checkpoint").write_text("not a folder", encoding="utf-8")
    run = train(trained_copy, run)
    assert (run.state, run.error_code) == ("failed", "bug")
    assert "Traceback" in read_log(trained_copy, run.id)


@pytest.mark.slow
def test_a_warm_worker_waits_and_leaves_with_its_scheduler(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PETALSCOPE_WORKER_IDLE_MINUTES")
    touch_wake(trained_copy)
    ensure_scheduler(trained_copy)
    wait_until(lambda: find_processes(trained_copy, "core.runs.worker"), "a worker warms up")
    [scheduler] = find_processes(trained_copy, "core.runs.scheduler")
    scheduler.terminate()
    wait_until(lambda: not find_processes(trained_copy, "core.runs.scheduler"), "it has ended")
    wait_until(lambda: not find_processes(trained_copy, "core.runs.worker"), "it has left")
    assert not is_locked(trained_copy.scheduler_lock)
