"""Baselines of a real run: learnt from its training photos, kept beside it, made anew with it."""

import numpy as np
import pytest

from core.errors import FeaturesMissing, ResultDamaged
from core.evaluation.baselines import predict_neighbours
from core.prediction.nearest import (
    compare_with_baselines,
    find_frozen_features,
    predict_baselines,
)
from core.runs.result import RunResult, read_result, read_run_features
from core.runs.store import RunRecord, list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset

NAMES = {"majority", "colours_1", "colours_5", "features_1", "features_5"}


def open_run(workspace: Workspace) -> tuple[RunRecord, RunResult, Dataset]:
    run = list_runs(workspace)[0]
    result = read_result(workspace, run.id)
    return run, result, read_dataset(workspace, result.dataset_id)


def test_all_rules_answer_every_photo_of_the_split(trained_copy: Workspace) -> None:
    run, result, dataset = open_run(trained_copy)
    found = predict_baselines(trained_copy, run, result, dataset, "validation")
    photos, train = result.photo_numbers("validation"), result.photo_numbers("train")
    assert set(found) == NAMES
    assert all(answers.shape == photos.shape for answers in found.values())
    assert set(found["majority"]) == {np.bincount(result.labels[train]).argmax()}
    # A head's own features are the frozen ones.
    features = read_run_features(trained_copy, result)
    expected = predict_neighbours(features, result.labels, train, photos, 5)
    np.testing.assert_array_equal(found["features_5"], expected)
    # The drawn flowers differ in colour: looking for the nearest colours finds their class.
    assert (found["colours_1"] == result.labels[photos]).mean() > 0.8


def test_they_are_kept_beside_the_run(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_run(trained_copy)
    first = predict_baselines(trained_copy, *opened, "train")

    def refuse(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("core.prediction.nearest.predict_neighbours", refuse)
    again = predict_baselines(trained_copy, *opened, "train")
    for name, answers in first.items():
        np.testing.assert_array_equal(again[name], answers)


def test_without_kept_features_colours_answer_alone(trained_copy: Workspace) -> None:
    run, result, dataset = open_run(trained_copy)
    for file in trained_copy.features.glob("*.json"):
        file.unlink()
    assert find_frozen_features(trained_copy, run.recipe, result) is None
    found = predict_baselines(trained_copy, run, result, dataset, "test")
    assert set(found) == {"majority", "colours_1", "colours_5"}


def test_altered_features_are_said(trained_copy: Workspace) -> None:
    for file in trained_copy.features.glob("*.npy"):
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(FeaturesMissing):
        predict_baselines(trained_copy, *open_run(trained_copy), "test")


def test_photos_in_another_order_are_refused(trained_copy: Workspace) -> None:
    import dataclasses

    run, result, dataset = open_run(trained_copy)
    turned = dataclasses.replace(result, paths=result.paths[::-1])
    with pytest.raises(ResultDamaged):
        predict_baselines(trained_copy, run, turned, dataset, "validation")


def test_of_very_many_photos_a_sample_is_asked(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, result, dataset = open_run(trained_copy)
    n = len(result.photo_numbers("validation"))
    monkeypatch.setattr("core.prediction.nearest._MOST_WHOLE", 5)
    monkeypatch.setattr("core.prediction.nearest._ASKED", 4)
    besides = compare_with_baselines(trained_copy, run, result, dataset, "validation")
    assert n > 5 and {(one.own.n, one.accuracy.n) for one in besides} == {(4, 4)}
    photos = result.draw_photos("validation", 4)
    right = result.scores[photos].argmax(axis=1) == result.labels[photos]
    assert besides[0].own.value == right.mean()
