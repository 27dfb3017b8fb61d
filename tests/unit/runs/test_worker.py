"""An idle worker: what it prepares for a first run, and that the run takes it over."""

import subprocess
import sys

import pytest

from core.datasets.quality.store import find_feature_sets
from core.errors import RunStopped
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import python_command, python_environment
from core.runs.recipe.recipe import Recipe
from core.runs.run_files import read_events
from core.runs.store import read_run
from core.runs.training import preparing
from core.runs.training.preparing import delete_features, prepare_first_run
from core.workspace import Workspace
from data.manifest import list_datasets
from models.weights import find_weights
from tests.processes import PATIENCE_S, wait_until


@pytest.fixture
def dataset_id(trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> str:
    """A dataset of 36 photos without features; random weights are the usual ones."""
    monkeypatch.setattr(preparing, "name_usual", lambda _: "random")
    dataset = list_datasets(trained_copy)[0].id
    delete_features(trained_copy, dataset)
    return dataset


def test_features_are_there_before_the_first_run(trained_copy: Workspace, dataset_id: str) -> None:
    prepare_first_run(trained_copy, lambda: False)
    [made] = find_feature_sets(trained_copy, dataset_id)
    assert made.kind == "random"
    prepare_first_run(trained_copy, lambda: pytest.fail("there is nothing left to do"))


def test_it_stops_for_a_run(trained_copy: Workspace, dataset_id: str) -> None:
    with pytest.raises(RunStopped):
        prepare_first_run(trained_copy, lambda: True)
    assert not find_feature_sets(trained_copy, dataset_id)


def test_a_large_dataset_waits_for_its_run(
    trained_copy: Workspace, dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "MOST_AHEAD", 35)
    prepare_first_run(trained_copy, lambda: pytest.fail("nothing is computed"))
    assert not find_feature_sets(trained_copy, dataset_id)


@pytest.mark.slow
def test_an_idle_worker_prepares_a_run_and_trains_it(trained_copy: Workspace) -> None:
    dataset = list_datasets(trained_copy)[0].id
    delete_features(trained_copy, dataset)
    worker = subprocess.Popen(
        python_command("core.runs.worker"),
        env=python_environment(trained_copy),
        stdin=subprocess.PIPE,
        stdout=sys.stderr,
    )
    wait_until(lambda: find_feature_sets(trained_copy, dataset), "features are there")
    weights = find_weights(trained_copy, "starter")
    recipe = Recipe(dataset=dataset, weights="starter", weights_digest=weights.digest, epochs=2)
    run, _ = submit_run(trained_copy, recipe)
    worker.communicate(f"{run.id}\n".encode(), timeout=PATIENCE_S)
    assert read_run(trained_copy, run.id).state == "done"
    events, _ = read_events(trained_copy.run_folder(run.id))
    phases = [event["phase"] for event in events if event["event"] == "phase"]
    assert phases == ["training", "scoring"]
