"""An estimate is the last run of the same kind, scaled by photos and epochs."""

import pytest

from core.runs.queue.estimating import estimate_run
from core.runs.queue.queue import delete_run
from core.runs.run_files import curve, read_events
from core.runs.store import list_runs
from core.workspace import Workspace
from data.manifest import read_dataset
from tests.training import change_recipe


def test_epochs_take_as_long_as_those_of_the_last_run_of_its_kind(trained_copy: Workspace) -> None:
    last = list_runs(trained_copy)[0]
    dataset = read_dataset(trained_copy, last.recipe.dataset)
    epochs = curve(read_events(trained_copy.run_folder(last.id))[0])
    mean = sum(epoch["seconds"] for epoch in epochs) / len(epochs)
    recipe = change_recipe(trained_copy, epochs=7, dropout=0.4)
    found = estimate_run(trained_copy, recipe, dataset)
    assert found is not None and found.run.id == last.id
    assert found.seconds == pytest.approx(7 * mean)
    stages = change_recipe(trained_copy, strategy="last_stage")
    assert estimate_run(trained_copy, stages, dataset) is None
    for run in list_runs(trained_copy):
        delete_run(trained_copy, run.id)
    assert estimate_run(trained_copy, recipe, dataset) is None
