"""A run or dataset that is deleted takes what only it needed along, at once and for good."""

import json
import os
from pathlib import Path

import pytest

from core.config import fingerprint
from core.datasets.versions import delete_version
from core.errors import DatasetMissing, RunMissing
from core.runs.queue.queue import delete_run, submit_run
from core.runs.result import read_result
from core.runs.store import list_runs, read_openings, read_run, record_opening
from core.workspace import Workspace, sweep_leftovers
from data.manifest import read_dataset
from data.policy import PRESETS
from tests.training import change_recipe
from tests.views import GENTLE


def test_a_run_goes_and_the_features_of_its_dataset_stay(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    features = trained_copy.features_file(read_result(trained_copy, run.id).features_id)
    record_opening(trained_copy, run.id, "me", "metrics")
    delete_run(trained_copy, run.id)
    with pytest.raises(RunMissing):
        read_run(trained_copy, run.id)
    assert not trained_copy.run_folder(run.id).exists() and features.exists()
    assert list(trained_copy.temporary.iterdir()) == []
    assert len(read_openings(trained_copy, run.id)) == 1  # a look at test photos is not undone


def test_views_go_with_the_last_run_of_their_augmentation(trained_copy: Workspace) -> None:
    view = trained_copy.features_file("0123456789abcdef")
    facts = {"dataset": list_runs(trained_copy)[0].recipe.dataset, "policy": fingerprint(GENTLE)}
    for file, content in ((view, ""), (view.with_suffix(".json"), json.dumps(facts))):
        file.write_text(content)
    first, second, other = (
        submit_run(trained_copy, change_recipe(trained_copy, augmentation=policy, seed=seed))[0]
        for policy, seed in ((GENTLE, 1), (GENTLE, 2), (PRESETS["strong"], 1))
    )
    for run, stays in ((first, True), (other, True), (second, False)):
        delete_run(trained_copy, run.id)
        assert view.exists() == view.with_suffix(".json").exists() == stays
    assert len(list(trained_copy.features.glob("*.npy"))) == 1  # features of the dataset


def test_a_dataset_goes(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    delete_version(trained_copy, run.recipe.dataset, force=True)
    with pytest.raises(DatasetMissing):
        read_dataset(trained_copy, run.recipe.dataset)
    assert list(trained_copy.datasets.iterdir()) == []
    assert not list(trained_copy.features.glob("*.npy"))


def test_old_files_of_killed_processes_go(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    kept = [file for file in trained_copy.root.rglob("*") if file.is_file()]
    places = (trained_copy.datasets, trained_copy.run_folder(run.id), trained_copy.copies)
    left = [place / ".4000000-12345678-name" / "images.npy" for place in places]
    left += [trained_copy.datasets / ".deleted-12345678-name" / "images.npy"]
    left += [trained_copy.temporary / "import-1"]
    young = [trained_copy.temporary / "import-2", trained_copy.datasets / ".1-12345678-a" / "b"]
    for file in (*left, *young):
        put(file)
    for path in trained_copy.root.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    for file in young:
        os.utime(file)
    sweep_leftovers(trained_copy)
    files = {file for file in trained_copy.root.rglob("*") if file.is_file()}
    assert files == {*kept, *young}


def put(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("half")
