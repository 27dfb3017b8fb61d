"""A version answers as its run does, whatever becomes of the run, and shares its backbone."""

import shutil

import numpy as np
import pytest

from core.datasets.versions import delete_version as hide_dataset
from core.errors import FeaturesMissing, RunMissing, RunUnfinished
from core.prediction.deciding import DecisionRule, delete_rule, save_rule
from core.prediction.predictor import open_predictor
from core.registry.events import list_events
from core.registry.files import PROPERTIES, read_reference
from core.registry.loading import open_version
from core.registry.registering import register_run
from core.registry.store import list_versions, read_version
from core.runs.queue.queue import delete_run, submit_run
from core.runs.result import read_result
from core.runs.store import list_runs
from core.workspace import Workspace
from data.manifest import read_dataset
from tests.builders import draw_photo, encode_photo
from tests.registered import register_versions
from tests.training import change_recipe

PHOTO = encode_photo(draw_photo(1, 3), quality=90)


def test_a_version_answers_as_its_run_and_outlives_run_and_dataset(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1]
    save_rule(
        trained_copy,
        run.id,
        DecisionRule(temperature=2.0, class_thresholds={"rose": 0.4}, unlike_limit=1.5, n=6),
    )
    asked = open_predictor(trained_copy, run.id).predict(PHOTO)
    version = register_run(trained_copy, run.id, name="first", who="Ada")
    assert (version.label, version.name, version.who) == ("v1", "first", "Ada")
    delete_run(trained_copy, run.id)
    hide_dataset(trained_copy, run.recipe.dataset, True)
    for folder in ("runs", "datasets", "features", "backbones"):
        shutil.rmtree(trained_copy.root / folder)
    for purpose in ("latency", "throughput"):
        predictor = open_version(trained_copy, 1, purpose)
        assert predictor.version == version
        answer = predictor.predict(PHOTO)
        assert answer.version == 1
        np.testing.assert_allclose(answer.scores, asked.scores, atol=1e-3)
        assert answer.decision.kind == asked.decision.kind
        assert answer.decision.distance == pytest.approx(asked.decision.distance, rel=1e-2)
    exact = open_version(trained_copy, 1).predict(PHOTO)
    np.testing.assert_array_equal(exact.scores, asked.scores)
    assert exact.decision == asked.decision


def test_the_same_content_is_the_same_version(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1].id
    first = register_run(trained_copy, run)
    assert register_run(trained_copy, run, name="another name") == first
    assert [event.kind for event in list_events(trained_copy)] == ["registered"]
    save_rule(trained_copy, run, DecisionRule(threshold=0.5))
    ruled = register_run(trained_copy, run)
    assert ruled.number == 2
    save_rule(trained_copy, run, DecisionRule(threshold=0.5))  # the same, written anew
    assert register_run(trained_copy, run) == ruled
    assert open_version(trained_copy, 1).rule.is_default  # type: ignore[union-attr]
    assert not open_version(trained_copy, 2).rule.is_default  # type: ignore[union-attr]
    delete_rule(trained_copy, run)
    assert open_version(trained_copy, register_run(trained_copy, run).number).rule is None
    rule = open_version(trained_copy, 2).rule
    assert rule is not None
    assert rule.threshold == 0.5


def test_many_versions_of_one_backbone_share_its_files(trained_copy: Workspace) -> None:
    register_versions(trained_copy, 1)
    once = _count_bytes(trained_copy)
    versions = register_versions(trained_copy, 6)
    assert len({version.digest for version in versions}) == 6
    assert _count_bytes(trained_copy) == once


def test_a_version_says_what_it_is_made_of(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1]
    result = read_result(trained_copy, run.id)
    version = register_run(trained_copy, run.id)
    validation = result.photo_numbers("validation")
    right = result.scores[validation].argmax(axis=1) == result.labels[validation]
    assert version.facts["validation"] == {"n": len(validation), "right": int(right.sum())}
    assert version.classes == result.classes
    counts = version.facts["train_counts"]
    assert sum(counts.values()) == len(result.photo_numbers("train"))
    assert version.facts["recipe"]["weights"] == "random"
    assert read_version(trained_copy, 1) == version


def test_the_reference_is_of_validation_photos(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1]
    result = read_result(trained_copy, run.id)
    dataset = read_dataset(trained_copy, result.dataset_id)
    reference = read_reference(trained_copy, register_run(trained_copy, run.id))
    photos = result.photo_numbers("validation")
    np.testing.assert_array_equal(reference["scores"], result.scores[photos])
    np.testing.assert_array_equal(reference["labels"], result.labels[photos])
    manifest = dataset.manifest.iloc[photos]
    np.testing.assert_allclose(reference["properties"], manifest[list(PROPERTIES)])
    assert bytes(reference["photos"][0]).hex() == manifest["sha256"].iat[0]
    assert reference["features"].dtype == np.float16


def test_what_cannot_be_registered_is_refused(trained_copy: Workspace) -> None:
    with pytest.raises(RunMissing):
        register_run(trained_copy, "0123456789abcdef")
    queued, _ = submit_run(trained_copy, change_recipe(trained_copy, seed=9))
    with pytest.raises(RunUnfinished):
        register_run(trained_copy, queued.id)
    run = list_runs(trained_copy)[-1].id
    trained_copy.features_file(read_result(trained_copy, run).features_id).unlink()
    with pytest.raises(FeaturesMissing):
        register_run(trained_copy, run)
    assert list_versions(trained_copy) == []
    assert list_events(trained_copy) == []


def _count_bytes(workspace: Workspace) -> int:
    files = (workspace.registry / "files").rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
