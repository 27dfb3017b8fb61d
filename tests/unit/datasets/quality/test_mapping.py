"""Maps keep what is near near, are the same on each call, and stand few photos."""

import numpy as np
import pytest

from core.datasets.quality.mapping import map_by_pca, map_by_tsne, reduce_features


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
