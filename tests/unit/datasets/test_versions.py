"""Deleting a version: its uses are protected, and its own files are deleted."""

import json

import numpy as np
import pytest

from core.datasets.edits.tray import add_edits, apply_edits, count_edits
from core.datasets.versions import delete_version, describe_uses
from core.errors import BadIdentifier, DatasetInUse, DatasetMissing
from core.runs.locks import free_lock, take_lock
from core.runs.queue.queue import claim_next_run, submit_run
from core.runs.store import list_runs
from core.runs.training.donors import find_donors
from core.runs.training.preparing import Features, Preparation, prepare_features
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import check_photos, list_datasets, read_dataset
from models.rows import read_kept
from models.weights import find_weights
from tests.builders import write_class_folders
from tests.training import change_recipe


def prepare(workspace: Workspace, dataset: Dataset) -> tuple[Features, list[str]]:
    """Return the features of a dataset by random weights, and the phases of the preparation."""
    phases: list[str] = []
    by = Preparation(workspace=workspace, tell=lambda phase, *_, **__: phases.append(phase))
    features = prepare_features(by, dataset, find_weights(workspace, "random"), "resnet")
    return features, list(dict.fromkeys(phases))


@pytest.fixture
def parent(trained_copy: Workspace) -> Dataset:
    """The dataset of the finished run."""
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


def edit(workspace: Workspace, dataset: Dataset) -> Dataset:
    add_edits(workspace, dataset, [2, 14], "exclude")
    add_edits(workspace, dataset, [3], "relabel", "rose")
    return apply_edits(workspace, dataset)


def test_no_photo_of_a_version_goes_through_the_backbone(trained_copy, parent):
    made = edit(trained_copy, parent)
    before, _ = prepare(trained_copy, parent)
    features, phases = prepare(trained_copy, made)
    assert phases == []  # the phase comes before a backbone is opened
    rest = np.delete(np.arange(len(parent)), [2, 14])
    assert np.array_equal(features.values, before.values[rest])
    assert features.features_id != before.features_id
    assert prepare(trained_copy, made)[1] == []


def test_only_new_photos_are_computed(trained_copy, parent, tmp_path):
    folder = write_class_folders(tmp_path / "more", photos_per_class=14)
    more = import_source(trained_copy, folder)
    before, _ = prepare(trained_copy, parent)
    precision = precision_of(trained_copy, before)
    facts = {"view": None, "backbone": before.backbone_id, "precision": precision}
    known = find_donors(trained_copy, more, facts)
    assert len(known.find_unknown(0)) == 6
    features, phases = prepare(trained_copy, more)
    assert phases == ["extracting"]
    for photo, digest in enumerate(more.manifest["sha256"]):
        same = np.flatnonzero(parent.manifest["sha256"] == digest)
        if len(same):
            assert np.array_equal(features.values[photo], before.values[same[0]])
    # Without anything to copy, the computed rows are the same.
    trained_copy.features_file(features.features_id).unlink()
    delete_version(trained_copy, parent.id, force=True)
    alone, _ = prepare(trained_copy, more)
    assert np.array_equal(alone.values, features.values)


def precision_of(workspace: Workspace, features: Features) -> str:
    file = workspace.features_file(features.features_id).with_suffix(".json")
    return str(json.loads(file.read_text())["precision"])


def test_damaged_features_are_not_copied(trained_copy, parent):
    before, _ = prepare(trained_copy, parent)
    expected = np.array(before.values)
    file = trained_copy.features_file(before.features_id)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink()  # it may be linked: never written in place
    file.write_bytes(content)
    features, phases = prepare(trained_copy, edit(trained_copy, parent))
    assert phases == ["extracting"]
    rest = np.delete(np.arange(len(parent)), [2, 14])
    assert np.array_equal(features.values, expected[rest])


def test_a_dataset_in_use_stays_unless_forced(trained_copy, parent):
    made = edit(trained_copy, parent)
    run = list_runs(trained_copy)[0]
    with pytest.raises(DatasetInUse) as refused:
        delete_version(trained_copy, parent.id)
    assert refused.value.code == "dataset_in_use"
    assert run.name in refused.value.problem
    assert made.name in refused.value.problem
    assert refused.value.facts["runs"] == [run.id]
    assert read_dataset(trained_copy, parent.id).id == parent.id

    lost = delete_version(trained_copy, parent.id, force=True)
    assert [run.id for run in lost.runs] == [run.id]
    assert [child.id for child in lost.children] == [made.id]
    assert describe_uses(lost) == f"1 run (“{run.name}”) and 1 version (“{made.name}”)"
    with pytest.raises(DatasetMissing):
        read_dataset(trained_copy, parent.id)
    check_photos(read_dataset(trained_copy, made.id))
    assert [run.id for run in list_runs(trained_copy)] == [run.id]


def test_its_own_files_are_deleted_with_it(trained_copy, parent):
    made = edit(trained_copy, parent)
    of_parent, _ = prepare(trained_copy, parent)
    of_made, _ = prepare(trained_copy, made)
    add_edits(trained_copy, parent, [1], "exclude")
    for name, dataset in (("analysis-1", parent), ("analysis-2", made)):
        folder = trained_copy.analysis_folder(name)
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps({"dataset": dataset.id}))
    part = trained_copy.features / f".{parent.id}.features.{of_parent.features_id}.part"
    part.write_bytes(b"half")
    delete_version(trained_copy, parent.id, force=True)
    assert not trained_copy.features_file(of_parent.features_id).exists()
    assert not part.exists()
    assert read_kept(trained_copy, of_made.features_id) is not None
    assert [folder.name for folder in trained_copy.analyses.iterdir()] == ["analysis-2"]
    assert count_edits(trained_copy, parent.id) == 0


def test_a_dataset_of_a_queued_or_running_run_stays(trained_copy, parent):
    submit_run(trained_copy, change_recipe(trained_copy, epochs=7), name="slow")
    for _ in ("queued", "running"):
        with pytest.raises(DatasetInUse, match="slow"):
            delete_version(trained_copy, parent.id, force=True)
        claim_next_run(trained_copy)


def test_a_dataset_of_a_running_analysis_stays(trained_copy, parent):
    made = edit(trained_copy, parent)
    folder = trained_copy.analysis_folder("analysis-1")
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"dataset": made.id}))
    lock = take_lock(folder / "job.lock")
    try:
        with pytest.raises(DatasetInUse, match="analysis"):
            delete_version(trained_copy, made.id, force=True)
    finally:
        free_lock(lock)
    assert delete_version(trained_copy, made.id).nothing


def test_an_unknown_dataset_is_refused(workspace):
    with pytest.raises(DatasetMissing):
        delete_version(workspace, "0123456789abcdef", force=True)
    with pytest.raises(BadIdentifier):
        delete_version(workspace, "../runs")
