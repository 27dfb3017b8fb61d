"""Views: draws of photos through the network, computed once, gone on with, shared, taken along."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from filelock import FileLock

from core.cli import main
from core.datasets.edits.tray import add_edits, apply_edits
from core.errors import DiskFull, RunStopped
from core.runs.training.preparing import delete_features
from core.workspace import PROJECT_ROOT, Workspace
from data.augmentation import augment
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from data.policy import AugmentationPolicy
from models.backbone import backbone_id, open_backbone
from models.devices import find_device
from models.weights import find_weights
from tests.builders import write_class_folders
from tests.views import GENTLE, NONE, PHOTOS, STRONG, Told, count_files, prepare


def draw(dataset: Dataset, policy: AugmentationPolicy, view: int) -> np.ndarray:
    digests = dataset.manifest["sha256"].tolist()
    return np.stack(
        [
            augment(dataset.photos[n], policy, seed=0, photo_id=digests[n], draw=view)
            for n in PHOTOS.tolist()
        ]
    )


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    """The dataset of the finished run: 36 photos, their features kept."""
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def test_a_view_is_the_features_of_its_draws(trained_copy, dataset):
    (first, second), told = prepare(trained_copy, dataset)
    backbone = open_backbone(
        trained_copy,
        backbone_id(find_weights(trained_copy, "random"), "resnet"),
        purpose="throughput",
    )
    assert isinstance(first, np.memmap)
    for view, rows in enumerate((first, second)):
        expected = backbone.look(draw(dataset, GENTLE, view)).features
        assert np.array_equal(rows, expected)
    assert not np.array_equal(first, second)
    assert told.phases == ["extracting"]
    assert told.progress == [(8, 20), (10, 20), (18, 20), (20, 20)]


def test_activations_are_those_of_the_draws(trained_copy, dataset):
    (first, second), told = prepare(trained_copy, dataset, kind="conv4", policy=STRONG)
    identifier = backbone_id(find_weights(trained_copy, "random"), "resnet")
    trunk = open_backbone(trained_copy, identifier, purpose="throughput", is_trunk=True)
    drawn = draw(dataset, STRONG, 1)
    assert np.array_equal(second, np.concatenate(list(trunk.stream([drawn[:8], drawn[8:]]))))
    assert (first.shape, first.dtype) == ((10, 14, 14, 1024), np.float16)
    assert told.phases == ["activations"]


def test_views_are_computed_once(trained_copy, dataset):
    before, _ = prepare(trained_copy, dataset)
    again, told = prepare(trained_copy, dataset)
    assert told == Told([], [])
    assert all(np.array_equal(a, b) for a, b in zip(before, again, strict=True))
    more, told = prepare(trained_copy, dataset, views=3)
    assert told.progress == [(28, 30), (30, 30)]
    assert np.array_equal(more[1], before[1])


def test_other_draws_are_other_views(trained_copy, dataset):
    (rows,), _ = prepare(trained_copy, dataset, views=1)
    for changes in ({"seed": 1}, {"policy": STRONG}):
        (others,), told = prepare(trained_copy, dataset, views=1, **changes)
        assert told.phases == ["extracting"]
        assert not np.array_equal(rows, others)


def test_without_augmentation_there_is_one_view(trained_copy, dataset):
    files = count_files(trained_copy)
    features = np.load(next(trained_copy.features.glob("[!.]*.npy")))
    views, told = prepare(trained_copy, dataset, policy=NONE, views=4)
    assert told == Told([], [])
    assert len(views) == 1 and np.array_equal(views[0], features[PHOTOS])
    assert count_files(trained_copy) == files

    (rows,), told = prepare(trained_copy, dataset, policy=NONE, kind="conv4", views=4)
    assert told.progress[-1] == (10, 10)
    (again,), told = prepare(trained_copy, dataset, policy=NONE, kind="conv4", seed=7)
    assert told == Told([], []) and np.array_equal(rows, again)


def test_no_photos_give_no_rows(trained_copy, dataset):
    (rows,), told = prepare(trained_copy, dataset, photos=np.array([], np.int64), kind="conv4")
    assert (rows.shape, rows.dtype) == ((0, 14, 14, 1024), np.float16)
    assert told == Told([], [])


def test_rows_of_other_views_are_copied(trained_copy, dataset):
    (rows, _), _ = prepare(trained_copy, dataset, kind="conv4")
    (some, _), told = prepare(trained_copy, dataset, PHOTOS[[4, 1]], kind="conv4")
    assert told.progress == []  # none went through the network
    assert np.array_equal(some, rows[[4, 1]])
    add_edits(trained_copy, dataset, [0, 1], "exclude")
    made = apply_edits(trained_copy, dataset)
    digests = dataset.manifest["sha256"].tolist()
    kept = [number for number in PHOTOS.tolist() if number not in (0, 1)]
    same = [made.manifest["sha256"].tolist().index(digests[number]) for number in kept]
    (of_made, _), told = prepare(trained_copy, made, [*same, 30], kind="conv4")
    assert [done for done, _ in told.progress] == [10, 20]  # one photo of each view is new
    assert np.array_equal(of_made[:-1], rows[PHOTOS != 0])


def test_a_stopped_preparation_goes_on(trained_copy, dataset):
    whole, _ = prepare(trained_copy, dataset)
    expected = [np.array(rows) for rows in whole]
    delete_features(trained_copy, dataset.id)
    with pytest.raises(RunStopped):
        prepare(trained_copy, dataset, stop_after=18)
    views, told = prepare(trained_copy, dataset)
    assert told.progress == [(20, 20)]
    assert all(np.array_equal(a, b) for a, b in zip(views, expected, strict=True))


def test_a_killed_preparation_goes_on(trained_copy, dataset):
    script = (
        "from tests import views as t\n"
        "from core.workspace import open_workspace\n"
        "from data.manifest import read_dataset\n"
        "t.Ear.should_stop = lambda ear: bool(\n"
        "    print(ear.told.progress[-1][0], flush=True) if ear.told.progress else 0) or (\n"
        "    ear.told.progress and ear.told.progress[-1][0] >= 18 and bool(input()))\n"
        "workspace = open_workspace()\n"
        f"t.prepare(workspace, read_dataset(workspace, {dataset.id!r}), kind='conv4')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "18":
                process.send_signal(signal.SIGKILL)
    views, told = prepare(trained_copy, dataset, kind="conv4")
    assert told.progress == [(20, 20)]
    delete_features(trained_copy, dataset.id)
    unbroken, _ = prepare(trained_copy, dataset, kind="conv4")
    assert all(np.array_equal(a, b) for a, b in zip(views, unbroken, strict=True))


def test_an_altered_view_is_made_again(trained_copy, dataset):
    (rows, _), _ = prepare(trained_copy, dataset)
    expected = np.array(rows)
    file = trained_copy.features / str(rows.filename)
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    (again, _), told = prepare(trained_copy, dataset)
    assert told.progress == [(8, 20), (10, 20)]
    assert np.array_equal(again, expected)


@pytest.mark.slow
def test_on_a_gpu_keras_computes_them(resnet_copy):
    dataset = read_dataset(resnet_copy, list_datasets(resnet_copy)[0].id)
    gpu = dataclasses.replace(find_device(), kind="gpu")  # Keras itself stays on the CPU here
    (in_keras,), told = prepare(resnet_copy, dataset, kind="conv4", views=1, device=gpu)
    assert told.phases == ["activations"]
    _, told = prepare(resnet_copy, dataset, kind="conv4", views=1, device=gpu)
    assert told == Told([], [])
    (rows,), _ = prepare(resnet_copy, dataset, kind="conv4", views=1)
    assert np.abs(rows.astype(np.float32) - in_keras).mean() < 0.01 * rows.mean(dtype=np.float32)


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
    delete_features(trained_copy, dataset.id)
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
