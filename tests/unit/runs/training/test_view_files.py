"""The room that views take: never begun without it, given back alone or with their dataset."""

import json
import shutil

import pytest
from filelock import FileLock

from core.cli import main
from core.errors import DiskFull, RunStopped
from core.runs.training.preparing import delete_features
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from tests.builders import write_class_folders
from tests.views import NONE, Told, count_files, prepare


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    """The dataset of the finished run: 36 photos, their features kept."""
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def test_views_without_room_are_not_begun(trained_copy, dataset, monkeypatch):
    usage = shutil.disk_usage(trained_copy.features)._replace(free=500_000_000 + 7_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    files = sorted(trained_copy.features.iterdir())
    with pytest.raises(DiskFull, match=r"2 views of 10 photos need 8 MB .* 7 MB is free"):
        prepare(trained_copy, dataset, kind="conv4")
    assert sorted(trained_copy.features.iterdir()) == files
    prepare(trained_copy, dataset, kind="conv4", views=1)  # half of it has room


def test_what_was_computed_in_part_counts_as_room(trained_copy, dataset, monkeypatch):
    with pytest.raises(RunStopped):
        prepare(trained_copy, dataset, kind="conv4", stop_after=8)
    usage = shutil.disk_usage(trained_copy.features)._replace(free=500_000_000 + 5_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    views, _ = prepare(trained_copy, dataset, kind="conv4")
    assert len(views) == 2


def test_views_go_with_their_dataset(trained_copy, dataset, tmp_path):
    other = import_source(
        trained_copy, write_class_folders(tmp_path / "more", photos_per_class=4, first=50)
    )
    prepare(trained_copy, other, [0, 1], views=1)
    prepare(trained_copy, dataset, views=1)
    prepare(trained_copy, dataset, policy=NONE, kind="conv4")
    with pytest.raises(RunStopped):
        prepare(trained_copy, dataset, seed=5, stop_after=8)
    assert list(trained_copy.features.glob("*.part"))
    assert delete_features(trained_copy, dataset.id) == 3
    assert not list(trained_copy.features.glob(f"*{dataset.id}*"))
    assert count_files(trained_copy) == 1
    _, told = prepare(trained_copy, other, [0, 1], views=1)
    assert told == Told([], [])


def test_views_alone_are_dropped_but_not_one_that_is_being_made(trained_copy, dataset, capsys):
    features = {file.name for file in trained_copy.features.glob("[!.]*")}
    prepare(trained_copy, dataset, views=1)
    for seed in (1, 2):
        with pytest.raises(RunStopped):
            prepare(trained_copy, dataset, kind="conv4", seed=seed, stop_after=8)
    locks = sorted(trained_copy.features.glob(f".{dataset.id}.conv4.*.lock"))
    with FileLock(locks[0]):
        assert main(["features", dataset.id, "--drop-views", "--json"]) == 0
    freed = json.loads(capsys.readouterr().out)["bytes"]
    assert freed == 2 * 128 + 10 * 2048 * 4 + 8 * 14 * 14 * 1024 * 2
    assert {file.name for file in trained_copy.features.glob("[!.]*")} == features
    left = [file.with_suffix(".lock") for file in trained_copy.features.glob("*.part")]
    assert left == [locks[0]]
