"""Neighbours, typicality and directions are those of the plain formulas, also in blocks."""

import numpy as np
import pytest

from core.datasets.quality import neighbours
from core.datasets.quality.neighbours import (
    find_directions,
    find_neighbours,
    map_by_pca,
    map_by_tsne,
    measure_typicality,
    normalise_features,
    project_features,
    reduce_features,
)


@pytest.fixture(params=[False, True], ids=["one block", "many blocks"])
def block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param:
        monkeypatch.setattr(neighbours, "_BLOCK_BYTES", 4 * 7 * 40)
        monkeypatch.setattr(neighbours, "_TILE", (7, 9))


def draw_features(n: int = 40, size: int = 12) -> np.ndarray:
    return np.random.default_rng(3).random((n, size), dtype=np.float32)


@pytest.mark.usefixtures("block_bytes")
def test_neighbours_are_the_nearest() -> None:
    features = draw_features()
    features[7] = 3 * features[2] + 0.01  # nearly the same direction, another length
    unit = normalise_features(features)
    found, cosines = find_neighbours(unit, 5)
    exact = features.astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    table = exact @ exact.T
    np.fill_diagonal(table, -1)
    assert (found.dtype, cosines.dtype) == (np.int32, np.float32)
    assert found.tolist() == np.argsort(-table, axis=1)[:, :5].tolist()
    assert np.take_along_axis(table, found, axis=1) == pytest.approx(cosines, abs=1e-5)
    assert (found[7, 0], found[2, 0]) == (2, 7)


def test_few_photos_have_few_neighbours() -> None:
    found, _ = find_neighbours(normalise_features(draw_features(3)))
    assert found.shape == (3, 2)
    assert sorted(found[0]) == [1, 2]


@pytest.mark.usefixtures("block_bytes")
def test_the_stranger_in_a_class_is_an_outlier() -> None:
    rng = np.random.default_rng(4)
    centres = np.eye(2, 12)
    labels = np.repeat([0, 1], 20)
    features = (centres[labels] + rng.normal(0, 0.1, (40, 12))).astype(np.float32)
    features[5] = centres[1]  # named class 0, looks like class 1
    typicality, score = measure_typicality(normalise_features(features), labels)
    assert score.argmax() == 5
    assert score[5] > neighbours.OUTLIER_LIMIT
    assert (score > neighbours.OUTLIER_LIMIT).sum() <= 2
    for label in (0, 1):
        own = np.sort(typicality[labels == label])
        assert own == pytest.approx(np.arange(20) / 19)
    assert typicality[5] == 0


def test_a_class_of_one_or_two_photos_has_no_outlier() -> None:
    labels = np.array([0, 1, 1, 2, 2, 2, 2])
    typicality, score = measure_typicality(normalise_features(draw_features(7)), labels)
    assert typicality[:3].tolist() == [1, 1, 1]
    assert not score[:3].any()
    assert sorted(typicality[3:]) == pytest.approx([0, 1 / 3, 2 / 3, 1])


@pytest.mark.usefixtures("block_bytes")
def test_directions_are_the_principal_ones() -> None:
    features = draw_features()
    directions = find_directions(features, 3)
    _, _, wanted = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    assert np.abs((directions.T * wanted[:3]).sum(axis=1)) == pytest.approx(1, abs=1e-3)
    assert project_features(features, directions) == pytest.approx(features @ directions, abs=1e-5)
    assert find_directions(features, 99).shape == (12, 12)


def test_many_photos_are_reduced_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST_FULL", 30)
    monkeypatch.setattr(neighbours, "REDUCED", 4)
    rng = np.random.default_rng(5)
    features = (rng.random((40, 4)) @ rng.random((4, 12))).astype(np.float32)  # of 4 dimensions
    unit = normalise_features(features)
    assert unit.shape == (40, 4)
    exact = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert unit @ unit.T == pytest.approx(exact @ exact.T, abs=1e-4)


def draw_blobs(n: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(9)
    labels = np.arange(n) % 3
    features = 3 * np.eye(3, 80)[labels] + rng.normal(0, 0.2, (n, 80))
    return features.astype(np.float32), labels


@pytest.mark.parametrize("method", [map_by_pca, map_by_tsne])
def test_classes_that_are_apart_stay_apart(method: object) -> None:
    features, labels = draw_blobs()
    reduced = reduce_features(features)
    assert reduced.shape == (90, 50)
    positions = method(reduced)  # type: ignore[operator]
    assert (positions.shape, positions.dtype) == ((90, 2), np.float32)
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()
    assert (method(reduced) == positions).all()  # type: ignore[operator]


@pytest.mark.parametrize("photos", [4, 5])
def test_a_handful_of_photos_has_a_map(photos: int) -> None:
    features, _ = draw_blobs(photos)
    reduced = reduce_features(features)
    assert np.isfinite(map_by_pca(reduced)).all()
    assert np.isfinite(map_by_tsne(reduced)).all()
