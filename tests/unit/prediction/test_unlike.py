"""The distance: Mahalanobis's where all directions are kept, 1 in training, far where it is far."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from core.evaluation.coverage import find_limit
from core.prediction.unlike import fit_unlike


def draw(n: int, d: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % k
    spread = rng.normal(0, 1, (d, d)) / np.sqrt(d) + np.eye(d)
    middles = rng.normal(0, 4, (k, d))
    return (middles[labels] + rng.normal(0, 1, (n, d)) @ spread + 7).astype(np.float32), labels


@pytest.mark.parametrize("n", [60, 400])
def test_it_is_mahalanobis_where_all_directions_are_kept(n: int) -> None:
    features, labels = draw(n, 8, 4, seed=1)
    model = fit_unlike(features, labels)
    means = np.stack([features[labels == label].mean(axis=0) for label in range(4)])
    apart = features - means[labels]
    precision = np.linalg.inv(apart.T @ apart / n)
    new, _ = draw(50, 8, 4, seed=2)
    expected = cdist(new, means, "mahalanobis", VI=precision).min(axis=1) / np.sqrt(8)
    np.testing.assert_allclose(model.measure(new), expected, rtol=1e-3)


@pytest.mark.parametrize(("n", "d"), [(300, 200), (150, 200)])
def test_training_photos_lie_at_one_and_others_farther(n: int, d: int) -> None:
    both, labels = draw(2 * n, d, 5, seed=3)
    model = fit_unlike(both[:n], labels[:n])
    train, new = model.measure(both[:n]), model.measure(both[n:])
    assert np.sqrt(np.mean(train**2)) == pytest.approx(1, abs=0.12)
    limit = find_limit(new)
    assert limit is not None
    far = model.measure(both[n:] + 12 * np.sign(np.random.default_rng(4).normal(size=d)))
    assert (far > limit).all()
    assert model.directions.shape == (d, 64)


def test_a_photo_alone_lies_where_it_lies_among_others() -> None:
    features, labels = draw(200, 100, 3, seed=5)
    model = fit_unlike(features, labels)
    together = model.measure(features[:20])
    alone = np.concatenate([model.measure(one[None]) for one in features[:20]])
    np.testing.assert_allclose(alone, together, rtol=1e-4)


def test_order_of_training_photos_and_missing_classes_do_not_matter() -> None:
    features, labels = draw(120, 30, 4, seed=6)
    order = np.random.default_rng(7).permutation(120)
    gaps = np.array([0, 5, 6, 99])[labels]  # classes without training photos have no mean
    one, other = fit_unlike(features, labels), fit_unlike(features[order], gaps[order])
    np.testing.assert_allclose(one.measure(features), other.measure(features), rtol=1e-3)


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        (np.ones((6, 16)), [0, 0, 0, 1, 1, 1]),  # nothing stirs
        (np.eye(3, 16), [0, 1, 2]),  # a photo a class
        (np.ones((1, 16)), [0]),
        (np.eye(5, 16), [0, 0, 0, 0, 0]),
    ],
)
def test_degenerate_training_sets_have_distances(features: np.ndarray, labels: list[int]) -> None:
    model = fit_unlike(features.astype(np.float32), np.array(labels))
    near = model.measure(features)
    far = model.measure(features + 100 * np.arange(16))
    assert np.isfinite(near).all()
    assert np.isfinite(far).all()
    assert (far > near).all()
