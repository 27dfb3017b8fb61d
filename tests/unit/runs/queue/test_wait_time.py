"""The expected wait: the runs before it, what they share counted once."""

import dataclasses

import pytest

from core.runs.queue.estimating import Estimate, estimate_run, expected_wait
from core.runs.queue.queue import claim_next_run, submit_run
from core.runs.queue.run_lock import begin_run, record_phase
from core.runs.run_files import append_event
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.manifest import read_dataset
from models.devices import find_device
from tests.training import change_recipe


def submit(workspace: Workspace, **changes: object) -> RunRecord:
    return submit_run(workspace, change_recipe(workspace, **changes))[0]


def estimate(workspace: Workspace, run: RunRecord) -> Estimate:
    dataset = read_dataset(workspace, run.recipe.dataset)
    return estimate_run(workspace, run.recipe, dataset, find_device())


def test_the_first_waits_for_nothing_the_next_for_the_first(trained_copy: Workspace) -> None:
    first, second = submit(trained_copy, epochs=50), submit(trained_copy, epochs=51)
    assert expected_wait(trained_copy, first.id) == (1, 0.0)
    place, seconds = expected_wait(trained_copy, second.id)
    assert place == 2
    assert seconds == pytest.approx(estimate(trained_copy, first).seconds)


def test_features_that_several_need_are_counted_once(trained_copy: Workspace) -> None:
    for file in trained_copy.features.iterdir():
        file.unlink()
    runs = [submit(trained_copy, seed=seed) for seed in range(1, 4)]
    [features] = [
        spent for label, spent in estimate(trained_copy, runs[0]).parts if "features" in label
    ]
    once = estimate(trained_copy, runs[0]).seconds
    place, seconds = expected_wait(trained_copy, runs[2].id)
    assert place == 3 and seconds == pytest.approx(2 * once - features)


def test_a_run_that_goes_is_measured_by_its_own_epochs(trained_copy: Workspace) -> None:
    submit(trained_copy, epochs=10)
    waiting = submit(trained_copy, epochs=11)
    going = claim_next_run(trained_copy)
    assert going is not None and begin_run(trained_copy, going)
    record_phase(trained_copy, going, "training")
    for epoch in (1, 2):
        event = {"event": "epoch", "epoch": epoch, "seconds": 4.0}
        append_event(trained_copy.run_folder(going.id), event)
    assert expected_wait(trained_copy, waiting.id) == (1, pytest.approx(8 * 4.0))
    assert expected_wait(trained_copy, going.id) == (0, 0.0)


def test_without_the_dataset_nobody_knows(trained_copy: Workspace) -> None:
    gone, _ = submit_run(
        trained_copy, dataclasses.replace(change_recipe(trained_copy), dataset="abc")
    )
    second = submit(trained_copy, seed=1)
    assert expected_wait(trained_copy, gone.id) == (1, 0.0)
    assert expected_wait(trained_copy, second.id) == (2, None)
