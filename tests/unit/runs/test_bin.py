"""The bin: what is deleted is whole for 30 days, comes back as it was, and then goes for good."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from core.datasets.versions import delete_version
from core.errors import DatasetMissing, NotInBin, RunMissing
from core.runs.bin import KEEP_DAYS, empty_bin, list_binned, put_back, sweep_bin
from core.runs.queue.queue import delete_run
from core.runs.result import read_result
from core.runs.run_files import WITH_IT, take_tuned_backbone
from core.runs.store import list_runs, read_openings, read_run, record_opening
from core.workspace import Workspace
from data.manifest import read_dataset
from tests.training import train
from tests.unit.runs.test_whole_runs import submit


def test_a_run_comes_back_as_it_was(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    scores = read_result(trained_copy, run.id).scores
    record_opening(trained_copy, run.id, "me", "metrics")
    delete_run(trained_copy, run.id)
    with pytest.raises(RunMissing):
        read_run(trained_copy, run.id)
    [binned] = list_binned(trained_copy)
    assert (binned.kind, binned.id, binned.days_left) == ("run", run.id, KEEP_DAYS)
    put_back(trained_copy, "run", run.id)
    assert read_run(trained_copy, run.id) == run
    np.testing.assert_array_equal(read_result(trained_copy, run.id).scores, scores)
    assert len(read_openings(trained_copy, run.id)) == 1  # a look at test photos is not undone
    assert list_binned(trained_copy) == []


def test_a_run_that_was_made_again_stays(trained_copy: Workspace) -> None:
    run = submit(trained_copy, seed=9)
    delete_run(trained_copy, run.id)
    assert train(trained_copy, submit(trained_copy, seed=9)).state == "done"
    with pytest.raises(NotInBin, match="made again"):
        put_back(trained_copy, "run", run.id)
    delete_run(trained_copy, run.id)  # takes the place of the former one
    assert len(list_binned(trained_copy)) == 1
    put_back(trained_copy, "run", run.id)
    assert read_run(trained_copy, run.id).state == "done"
    with pytest.raises(NotInBin):
        put_back(trained_copy, "run", run.id)


def test_a_tuned_backbone_goes_with_its_run_and_comes_back(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    backbone = read_result(trained_copy, run.id).backbone_id
    folder = trained_copy.run_folder(run.id)
    recipe = replace(run.recipe, strategy="last_stage", weights_digest="0" * 64)
    aside = folder.rename(trained_copy.root / "aside")
    take_tuned_backbone(trained_copy, aside, recipe)  # as if the run had tuned it
    aside.rename(folder)
    assert not trained_copy.backbone_folder(backbone).exists()
    assert len(list((folder / WITH_IT / "features").iterdir())) == 2
    delete_run(trained_copy, run.id)
    put_back(trained_copy, "run", run.id)
    assert trained_copy.backbone_folder(backbone).exists()
    assert list(trained_copy.features.glob("*.npy")) and not (folder / WITH_IT).exists()


def test_a_dataset_comes_back(trained_copy: Workspace) -> None:
    [run] = list_runs(trained_copy)
    before = read_dataset(trained_copy, run.recipe.dataset)
    delete_version(trained_copy, before.id, force=True)
    with pytest.raises(DatasetMissing):
        read_dataset(trained_copy, before.id)
    [binned] = list_binned(trained_copy)
    assert (binned.kind, binned.name) == ("dataset", before.name)
    put_back(trained_copy, "dataset", before.id)
    after = read_dataset(trained_copy, before.id)
    np.testing.assert_array_equal(after.photos, before.photos)


def test_after_thirty_days_or_when_it_is_emptied_it_is_gone(trained_copy: Workspace) -> None:
    for seed in (1, 2):
        delete_run(trained_copy, submit(trained_copy, seed=seed).id)
    old, new = list_binned(trained_copy)
    long_ago = time.time() - 86_400 * KEEP_DAYS - 1
    os.utime(trained_copy.bin / "run" / old.id, (long_ago, long_ago))
    sweep_bin(trained_copy)
    assert [one.id for one in list_binned(trained_copy)] == [new.id]
    empty_bin(trained_copy)
    assert list_binned(trained_copy) == [] and not list(trained_copy.temporary.iterdir())
