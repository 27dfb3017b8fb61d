"""Whole photos in place of their centre: packed once, kept, gone on with; nothing else changes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.config import Framing
from core.datasets.edits.tray import add_edits, apply_edits
from core.datasets.quality.store import find_feature_sets
from core.errors import DiskFull, RunStopped
from core.monitoring.kept_photos import Photo
from core.monitoring.log import describe_prediction
from core.prediction.explaining import open_explainer
from core.prediction.predictor import open_predictor
from core.registry.loading import open_version
from core.registry.registering import register_run
from core.runs.queue.queue import delete_run, submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.result import read_result, read_run_features
from core.runs.run_files import read_events
from core.runs.store import list_runs
from core.runs.training.donors import find_donors
from core.runs.training.preparing import Preparation, delete_views, prepare_photos
from core.workspace import PROJECT_ROOT, Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from models.backbone import open_backbone, read_backbone_facts
from models.weights import find_weights
from tests.builders import unpack_flowers
from tests.training import change_recipe, copy_workspace, train
from tests.views import Ear, prepare


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    """The dataset of the finished run: 36 photos of 96 x 80 px."""
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def prepare_padded(workspace: Workspace, dataset: Dataset, ear: Ear | None = None) -> Path:
    """Return the file of the dataset's whole photos."""
    ear = ear or Ear()
    by = Preparation(workspace=workspace, tell=ear.tell, should_stop=ear.should_stop)
    return prepare_photos(by, dataset, Framing(how="pad"))


def test_photos_are_packed_once_from_their_own_files(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    ear = Ear()
    packed = np.load(prepare_padded(trained_copy, dataset, ear))
    wanted = [dataset.read_photo(photo, Framing(how="pad")) for photo in range(len(dataset))]
    assert np.array_equal(packed, wanted)
    assert not np.array_equal(packed, dataset.photos)
    assert (ear.told.phases, ear.told.progress[-1]) == (["packing"], (36, 36))
    again = Ear()
    assert np.array_equal(np.load(prepare_padded(trained_copy, dataset, again)), packed)
    assert again.told.phases == []


def test_packing_without_room_is_not_begun(
    trained_copy: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pack(ear: Ear) -> Path:
        return prepare_padded(trained_copy, dataset, ear)

    usage = shutil.disk_usage(trained_copy.features)._replace(free=500_000_000 + 4_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(DiskFull, match=r"36 padded photos need .* is free"):
            pack(Ear())
    with pytest.raises(RunStopped):
        pack(Ear(patience=16))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert np.load(pack(Ear()), mmap_mode="r").shape == (36, 224, 224, 3)  # the rest has room


def test_what_was_stopped_or_altered_is_completed(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    with pytest.raises(RunStopped):
        prepare_padded(trained_copy, dataset, Ear(patience=16))
    ear = Ear()
    file = prepare_padded(trained_copy, dataset, ear)
    assert ear.told.progress[0] == (32, 36)  # it goes on behind the first 16
    packed = file.read_bytes()
    file.write_bytes(packed[:-1] + bytes([packed[-1] ^ 1]))
    assert prepare_padded(trained_copy, dataset).read_bytes() == packed


def test_a_version_takes_the_whole_photos_of_its_parent_along(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    parent = np.load(prepare_padded(trained_copy, dataset))
    add_edits(trained_copy, dataset, [3], "exclude")
    child = apply_edits(trained_copy, dataset)
    ear = Ear()
    packed = np.load(prepare_padded(trained_copy, child, ear))
    assert np.array_equal(packed, np.delete(parent, 3, axis=0))
    assert ear.told.progress == []  # nothing was decoded


def test_whole_photos_go_with_the_views_or_the_last_run_that_needs_them(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    file = prepare_padded(trained_copy, dataset)
    runs = [
        submit_run(trained_copy, change_recipe(trained_copy, framing="pad", seed=seed))[0]
        for seed in (1, 2)
    ]
    delete_run(trained_copy, runs[0].id)
    assert file.exists()
    delete_run(trained_copy, runs[1].id)
    assert not file.exists()
    file = prepare_padded(trained_copy, dataset)
    taken = file.stat().st_size
    assert delete_views(trained_copy, dataset.id) >= taken
    assert not file.exists()


def test_views_are_no_features_of_the_dataset(trained_copy: Workspace, dataset: Dataset) -> None:
    before = find_feature_sets(trained_copy, dataset.id)
    prepare(trained_copy, dataset, views=1)
    assert find_feature_sets(trained_copy, dataset.id) == before


@pytest.fixture(scope="module")
def padded(trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a second run, on whole photos."""
    workspace = Workspace(tmp_path_factory.mktemp("padded") / "workspace")
    copy_workspace(trained_workspace, workspace)
    recipe = change_recipe(workspace, framing="pad")
    assert train(workspace, submit_run(workspace, recipe)[0]).state == "done"
    return workspace


@pytest.mark.slow
def test_features_of_whole_photos_are_apart_from_those_of_centres(
    padded: Workspace, trained_workspace: Workspace
) -> None:
    run = list_runs(padded)[0]
    events = read_events(padded.run_folder(run.id))[0]
    phases = [event["phase"] for event in events if event["event"] == "phase"]
    assert phases[:3] == ["backbone", "packing", "extracting"]
    result, dataset = read_result(padded, run.id), read_dataset(padded, run.recipe.dataset)
    facts = read_backbone_facts(padded, result.backbone_id)
    assert facts.framing == Framing(how="pad")
    backbone = open_backbone(padded, result.backbone_id, purpose="throughput")
    photos = np.stack([dataset.read_photo(photo, Framing(how="pad")) for photo in range(8)])
    features = read_run_features(padded, result)
    assert np.array_equal(features[:8], backbone.look(photos).features)
    # Quality goes by the centre squares, as before; whole photos come last, and say so.
    listed, centres = (find_feature_sets(one, dataset.id) for one in (padded, trained_workspace))
    assert listed[:-1] == centres
    assert listed[-1].label.endswith("padded photos")
    rows = {"view": None, "backbone": centres[0].backbone_id, "precision": facts.precision}
    donors = find_donors(padded, dataset, rows)
    assert all(len(one) == len(dataset) for one in donors.features)


@pytest.mark.slow
def test_a_run_on_padded_photos_goes_the_whole_way(padded: Workspace) -> None:
    framing, changes = Framing(how="pad"), {"framing": "pad"}
    run = list_runs(padded)[0]
    result, dataset = read_result(padded, run.id), read_dataset(padded, run.recipe.dataset)
    version = register_run(padded, run.id)
    assert version.facts["backbone"].items() >= changes.items()
    assert version.facts["recipe"].items() >= changes.items()
    contents = [dataset.original(photo) for photo in (0, 17, 35)]
    whole = [dataset.read_photo(photo, framing) for photo in (0, 17, 35)]
    for predictor in (open_predictor(padded, run.id), open_version(padded, 1)):
        answers = [predictor.predict(content) for content in contents]
        assert np.array_equal([answer.photo for answer in answers], whole)
        scores = np.array([answer.scores for answer in answers])
        np.testing.assert_allclose(scores, result.scores[[0, 17, 35]], atol=1e-2)
    # The log compares with the dataset's photos, which were measured as they were imported.
    row = describe_prediction(answers[1], Photo(contents[1]), source="cli", latency_ms=1.0)
    assert row["properties"]["brightness"] == pytest.approx(
        dataset.manifest["brightness"].iat[17], abs=1e-5
    )
    explainer = open_explainer(padded, run.id)
    assert np.array_equal(explainer.read_photo(17), whole[1])
    seen = explainer.maps.read(dataset, 17)
    np.testing.assert_allclose(seen.mean(axis=(0, 1)), answers[1].features, rtol=0.02, atol=0.02)
    usual = register_run(padded, list_runs(padded)[-1].id)
    assert not (usual.facts["backbone"] | usual.facts["recipe"]).keys() & changes.keys()


SHARED = PROJECT_ROOT.parent / "shared"
PHOTOS = SHARED / "data" / "flower_photos.tgz"
WEIGHTS = SHARED / "weights" / "resnet50_standin_notop.h5"
PER_CLASS = 45


@pytest.mark.slow
@pytest.mark.shared
def test_pretrained_weights_beat_random_ones(
    resnet_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for needed in (PHOTOS, WEIGHTS):
        if not needed.exists():
            pytest.skip(f"not on this machine: {needed}")
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(WEIGHTS))
    workspace = resnet_copy  # the backbone of random weights is made
    dataset = import_source(workspace, unpack_flowers(PHOTOS, tmp_path / "photos", PER_CLASS))
    accuracy = {}
    for kind in ("pretrained", "random"):
        weights = find_weights(workspace, kind)
        recipe = Recipe(dataset=dataset.id, weights=kind, weights_digest=weights.digest)
        run = train(workspace, submit_run(workspace, recipe)[0])
        assert run.state == "done", run.problem
        assert run.best_val_accuracy is not None
        accuracy[kind] = run.best_val_accuracy
    assert accuracy["pretrained"] > 0.65
    assert accuracy["pretrained"] > accuracy["random"] + 0.1
