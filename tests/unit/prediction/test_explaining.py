"""Explanations of real runs: exact for the head, the same cold and kept, gone with what they show.

A run that tuned its last stage is trained for real, on a few tiny photos.
"""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from core.errors import BackboneMissing, DatasetMissing, ResultDamaged, RunUnfinished
from core.prediction.explaining import Explainer, find_cached_maps, open_explainer
from core.runs.queue.queue import delete_run, submit_run
from core.runs.result import read_run_features
from core.runs.store import list_runs
from core.runs.training.preparing import delete_features, delete_views
from core.workspace import Workspace
from models.backbone import Backbone, Look
from tests.processes import wait_until
from tests.training import change_recipe, copy_workspace, train


class Watched:
    """A backbone that counts the photos it looked at."""

    def __init__(self, backbone: Backbone) -> None:
        self.facts, self._backbone, self.looks = backbone.facts, backbone, 0

    def look(self, photos: np.ndarray) -> Look:
        self.looks += len(photos)
        return self._backbone.look(photos)


def watch(explainer: Explainer) -> Watched:
    watched = Watched(explainer.maps.backbone)
    explainer.maps.backbone = watched  # type: ignore[assignment]
    return watched


@pytest.fixture
def explainer(trained_copy: Workspace) -> Explainer:
    return open_explainer(trained_copy, list_runs(trained_copy)[-1].id)


@pytest.fixture(scope="module")
def tuned_workspace(
    resnet_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A copy of the workspace of ResNet-50 in which a second run tuned the last stage."""
    workspace = Workspace(tmp_path_factory.mktemp("tuned") / "workspace")
    copy_workspace(resnet_workspace, workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(workspace.root))
        recipe = change_recipe(workspace, strategy="last_stage", epochs=1, learning_rate=1e-5)
        run = train(workspace, submit_run(workspace, recipe)[0])
    assert run.state == "done", (workspace.run_folder(run.id) / "worker.log").read_text()
    return workspace


def find_logits(explainer: Explainer, photo: int) -> np.ndarray:
    """Return the logits of a photo but for a constant, as the run scored it."""
    logits = np.log(explainer.result.scores[photo].astype(np.float64))
    centred: np.ndarray = logits - logits.mean()
    return centred


def find_constants(explainer: Explainer) -> np.ndarray:
    """Return what a linear head adds to each logit, whatever the photo shows."""
    head = explainer.head
    (kernel,), (bias,) = head.kernels, head.biases
    constants: np.ndarray = bias - (head.mean / head.scale).astype(np.float64) @ kernel
    return constants


@pytest.mark.parametrize(
    ("kind", "found_in"),
    [
        ("head", "trained_workspace"),
        pytest.param("tuned", "tuned_workspace", marks=pytest.mark.slow),
    ],
)
def test_with_a_linear_head_the_places_add_up_to_the_logits_of_the_run(
    kind: str, found_in: str, request: pytest.FixtureRequest
) -> None:
    """The mean over the places, and the constant of the head, are the logits the run scored by."""
    workspace: Workspace = request.getfixturevalue(found_in)
    run = list_runs(workspace)[0]
    assert bool(run.recipe.trained_stages) == (kind == "tuned")
    explainer = open_explainer(workspace, run.id)
    features = read_run_features(workspace, explainer.result)
    constants = find_constants(explainer)
    for photo in (0, 17, 35):
        last_map = explainer.maps.read(explainer.dataset, photo)
        pooled = last_map.mean(axis=(0, 1))
        cosine = pooled @ features[photo] / np.linalg.norm(pooled) / np.linalg.norm(features[photo])
        assert cosine > 0.999  # the map is that of the backbone that the run was scored with
        logits = explainer.measure(photo, [0, 1, 2]).mean(axis=(1, 2)) + constants
        expected = find_logits(explainer, photo)
        np.testing.assert_allclose(logits - logits.mean(), expected, atol=0.05)


@pytest.mark.slow
def test_a_tuned_run_has_maps_of_its_own(tuned_workspace: Workspace) -> None:
    tuned, plain = (open_explainer(tuned_workspace, run.id) for run in list_runs(tuned_workspace))
    assert tuned.maps.backbone_facts.id != plain.maps.backbone_facts.id
    pair = [one.maps.read(one.dataset, 5) for one in (tuned, plain)]
    assert not np.array_equal(*pair)


@pytest.mark.slow
def test_deleting_a_tuned_run_takes_its_maps_along(
    tuned_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    copy_workspace(tuned_workspace, workspace)
    monkeypatch.setenv("PETALSCOPE_WORKSPACE", str(workspace.root))
    tuned, plain = list_runs(workspace)
    for run in (tuned, plain):
        open_explainer(workspace, run.id).explain(0, [0])
    dataset = plain.recipe.dataset
    assert len(list(workspace.maps_folder(dataset).glob("*/0.map"))) == 2
    delete_run(workspace, tuned.id)
    assert open_explainer(workspace, plain.id).maps.backbone_facts.id in str(
        *workspace.maps_folder(dataset).glob("*/0.map")
    )


def test_a_map_is_computed_once_and_the_same_when_kept(explainer: Explainer) -> None:
    watched = watch(explainer)
    cold = explainer.explain(4, [0, 2])
    warm = explainer.explain(4, [0, 2])
    assert watched.looks == 1
    np.testing.assert_array_equal(cold, warm)
    assert (cold.shape, cold.min(), cold.max()) == ((2, 7, 7), 0, 1)


def test_maps_too_large_for_half_precision_are_computed_each_time(explainer: Explainer) -> None:
    backbone = explainer.maps.backbone

    class Loud(Watched):
        def look(self, photos: np.ndarray) -> Look:
            seen = super().look(photos)
            return Look(seen.maps * 1e6, seen.features * 1e6)

    loud = Loud(backbone)
    explainer.maps.backbone = loud  # type: ignore[assignment]
    first = explainer.maps.read(explainer.dataset, 0)
    assert np.isfinite(first).all()
    assert first.max() > 65504
    explainer.maps.read(explainer.dataset, 0)
    assert loud.looks == 2


def test_maps_are_kept_ahead_and_newer_wishes_win(
    explainer: Explainer, trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, seen = threading.Event(), threading.Event()
    read = explainer.maps._compute

    def read_slowly(*arguments: object, **named: object) -> np.ndarray:
        seen.set()
        assert go.wait(30)
        return read(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(explainer.maps, "_compute", read_slowly)
    explainer.maps.fetch_ahead(explainer.dataset, [1, 2, 3])
    assert seen.wait(30)
    explainer.maps.fetch_ahead(explainer.dataset, [9, 10])
    go.set()
    for thread in threading.enumerate():
        if thread.name == "maps ahead":
            thread.join(30)
    kept = find_cached_maps(trained_copy, explainer.dataset.id, explainer.maps.backbone_facts)
    assert sorted(int(file.stem) for file in kept.folder.iterdir()) == [1, 9, 10]


def is_fetching(thread: threading.Thread) -> bool:
    return thread.name == "maps ahead"


def test_fetching_ahead_goes_on_after_an_error(
    explainer: Explainer, trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the network gave up")

    said: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading, "excepthook", said.append)
        patch.setattr(explainer.maps.backbone, "look", fail)
        explainer.maps.fetch_ahead(explainer.dataset, [1])
        wait_until(lambda: said and not any(map(is_fetching, threading.enumerate())), "it ended")
    explainer.maps.fetch_ahead(explainer.dataset, [2])
    kept = find_cached_maps(trained_copy, explainer.dataset.id, explainer.maps.backbone_facts)
    assert wait_until(lambda: kept.read(2) is not None, "the next wish was heard")


def test_fetching_ahead_survives_a_dataset_that_went(
    explainer: Explainer, trained_copy: Workspace
) -> None:
    shutil.rmtree(trained_copy.dataset_folder(explainer.dataset.id))
    explainer.maps.fetch_ahead(explainer.dataset, [0, 1])
    wait_until(lambda: not any(map(is_fetching, threading.enumerate())), "the thread has ended")
    kept = find_cached_maps(trained_copy, explainer.dataset.id, explainer.maps.backbone_facts)
    assert kept.read(0) is None


def test_maps_go_with_the_dataset_and_with_its_views(
    explainer: Explainer, trained_copy: Workspace
) -> None:
    dataset = explainer.dataset
    kept = find_cached_maps(trained_copy, dataset.id, explainer.maps.backbone_facts)
    explainer.explain(0, [0])
    assert delete_views(trained_copy, dataset.id) == 7 * 7 * 2048 * 2 + 16
    assert kept.read(0) is None
    explainer.explain(0, [0])
    delete_features(trained_copy, dataset.id)
    assert kept.read(0) is None


def test_what_is_missing_is_said(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1]
    with pytest.raises(RunUnfinished):
        open_explainer(trained_copy, "0123456789abcdef")
    backbone = open_explainer(trained_copy, run.id).result.backbone_id
    hidden = trained_copy.backbones / "elsewhere"
    trained_copy.backbone_folder(backbone).rename(hidden)
    with pytest.raises(BackboneMissing) as missing:
        open_explainer(trained_copy, run.id)
    assert "python -m core features" in missing.value.remedy
    hidden.rename(trained_copy.backbone_folder(backbone))
    shutil.rmtree(trained_copy.dataset_folder(run.recipe.dataset))
    with pytest.raises(DatasetMissing):
        open_explainer(trained_copy, run.id)


def test_photos_that_are_not_those_of_the_run_are_refused(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.prediction import explaining

    read = explaining.read_dataset

    def read_reversed(workspace: Workspace, dataset_id: str) -> object:
        dataset = read(workspace, dataset_id)
        object.__setattr__(dataset, "manifest", dataset.manifest.iloc[::-1])
        return dataset

    monkeypatch.setattr(explaining, "read_dataset", read_reversed)
    with pytest.raises(ResultDamaged):
        open_explainer(trained_copy, list_runs(trained_copy)[-1].id)
