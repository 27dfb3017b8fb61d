"""Nearest training photos: equal to a plain search over all, never the photo itself."""

import dataclasses

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from core.errors import FeaturesMissing
from core.prediction import nearest
from core.prediction.nearest import find_nearest_learnt, find_nearest_training
from core.runs.result import RunResult, read_result
from core.runs.store import list_runs
from core.workspace import Workspace

CLASSES, PHOTOS = 3, 90


@pytest.fixture
def result(trained_workspace: Workspace) -> RunResult:
    return read_result(trained_workspace, list_runs(trained_workspace)[-1].id)


@pytest.fixture
def made_up(result: RunResult, monkeypatch: pytest.MonkeyPatch) -> tuple[RunResult, np.ndarray]:
    """A result over random features, which stand in place of the run's."""
    rng = np.random.default_rng(1)
    features = rng.gamma(1.0, 1.0, (PHOTOS, 2048)).astype(np.float32)
    features[40] = features[7]  # an exact copy
    monkeypatch.setattr(nearest, "read_run_features", lambda _workspace, _result: features)
    made = dataclasses.replace(
        result,
        labels=rng.integers(0, CLASSES, PHOTOS),
        splits=rng.choice(["train", "validation", "test"], PHOTOS, p=[0.6, 0.2, 0.2]),
    )
    made.splits[[7, 40]] = "train"
    made.labels[[7, 40]] = 1
    return made, features


def test_equals_a_search_by_scikit_learn(
    made_up: tuple[RunResult, np.ndarray], trained_workspace: Workspace
) -> None:
    result, features = made_up
    features[40] = np.roll(features[7], 1)  # no ties: scikit-learn breaks them in its own way
    for photo in range(0, PHOTOS, 7):
        found = find_nearest_training(trained_workspace, result, photo, [0, 1, 2], 5)
        for number in range(CLASSES):
            among = np.flatnonzero((result.splits == "train") & (result.labels == number))
            among = among[among != photo]
            search = NearestNeighbors(n_neighbors=5, metric="cosine").fit(features[among])
            distances, rows = search.kneighbors(features[photo][None])
            np.testing.assert_array_equal(found[number].photos, among[rows[0]])
            np.testing.assert_allclose(found[number].cosines, 1 - distances[0], atol=1e-5)


def test_the_photo_itself_is_never_found_but_its_copy_is(
    made_up: tuple[RunResult, np.ndarray], trained_workspace: Workspace
) -> None:
    result, _ = made_up
    found = find_nearest_training(trained_workspace, result, 7, [1], 1000)[1]
    assert 7 not in found.photos
    assert found.photos[0] == 40
    assert found.cosines[0] == pytest.approx(1, abs=1e-6)
    assert (np.diff(found.cosines) <= 0).all()
    assert result.splits[7] == "train"  # the result is left as it was


def test_a_class_without_training_photos_gives_none(
    made_up: tuple[RunResult, np.ndarray], trained_workspace: Workspace
) -> None:
    result, _ = made_up
    result.splits[result.labels == 2] = "test"
    found = find_nearest_training(trained_workspace, result, 0, [2, 0, 2], 3)
    assert list(found) == [2, 0]
    assert len(found[2].photos) == len(found[2].cosines) == 0
    assert len(found[0].photos) == 3


def test_ties_go_by_photo_number_and_no_feature_is_no_error(
    made_up: tuple[RunResult, np.ndarray], trained_workspace: Workspace
) -> None:
    result, features = made_up
    among = np.flatnonzero((result.splits == "train") & (result.labels == 0))
    features[among] = features[among[0]]
    found = find_nearest_training(trained_workspace, result, 7, [0], len(among))[0]
    np.testing.assert_array_equal(found.photos, among)
    features[7] = 0.0
    found = find_nearest_training(trained_workspace, result, 7, [0], 2)[0]
    assert found.cosines.tolist() == [0, 0]


def test_works_on_the_features_of_a_real_run(
    trained_workspace: Workspace, result: RunResult
) -> None:
    photo = int(result.photo_numbers("validation")[0])
    found = find_nearest_training(trained_workspace, result, photo, [0, 1, 2])
    for number, (photos, cosines) in found.items():
        assert (result.splits[photos] == "train").all()
        assert (result.labels[photos] == number).all()
        assert ((cosines > 0.1) & (cosines <= 1)).all()


def test_missing_features_are_said(trained_copy: Workspace) -> None:
    result = read_result(trained_copy, list_runs(trained_copy)[-1].id)
    trained_copy.features_file(result.features_id).unlink()
    with pytest.raises(FeaturesMissing):
        find_nearest_training(trained_copy, result, 0, [0])


def test_a_photo_of_no_dataset_is_near_to_training_photos_of_any_class(
    made_up: tuple[RunResult, np.ndarray], trained_workspace: Workspace
) -> None:
    result, features = made_up
    found = find_nearest_learnt(trained_workspace, result, features[7] * 3, 5)
    assert found.photos[:2].tolist() == [7, 40]  # both copies, by number
    np.testing.assert_allclose(found.cosines[:2], 1, atol=1e-6)
    learnt = np.flatnonzero(result.splits == "train")
    lengths = np.linalg.norm(features[learnt], axis=1) * np.linalg.norm(features[7])
    cosines = features[learnt] @ features[7] / lengths
    np.testing.assert_allclose(found.cosines, np.sort(cosines)[::-1][:5], atol=1e-5)
    assert (np.diff(found.cosines) <= 0).all()
