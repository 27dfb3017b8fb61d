"""The head in NumPy: scores, gradient, spread, and its file."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import ResultDamaged
from models.dense import (
    DenseHead,
    measure_scores,
    measure_spread,
    read_head,
    select_outputs,
    write_head,
)


def make_head(*sizes: int) -> DenseHead:
    """Return a head with random layers of these sizes."""
    rng = np.random.default_rng(0)
    pairs = list(zip((2048, *sizes), sizes, strict=False))
    return DenseHead(
        kernels=tuple(rng.normal(0, a**-0.5, (a, b)).astype(np.float32) for a, b in pairs),
        biases=tuple(rng.normal(0, 0.1, b).astype(np.float32) for _, b in pairs),
        mean=rng.normal(0, 1, 2048).astype(np.float32),
        scale=rng.uniform(0.5, 2, 2048).astype(np.float32),
    )


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (6, 2048)).astype(np.float32)


@pytest.mark.parametrize("sizes", [(3,), (16, 3), (32, 16, 3)])
def test_scores_do_not_depend_on_the_photos_beside(
    sizes: tuple[int, ...], features: np.ndarray
) -> None:
    head = make_head(*sizes)
    scores = head.scores(features)
    assert scores.shape == (6, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    alone = np.concatenate([head.scores(row[None]) for row in features])
    np.testing.assert_allclose(alone, scores, atol=1e-7)


@pytest.mark.parametrize("sizes", [(3,), (16, 3)])
def test_outputs_are_put_in_the_order_of_the_classes(
    sizes: tuple[int, ...], features: np.ndarray
) -> None:
    head = make_head(*sizes)
    all_three = head.scores(features)
    turned = select_outputs(head, (2, 0, 1))
    np.testing.assert_allclose(turned.scores(features), all_three[:, [2, 0, 1]], atol=1e-7)
    some = select_outputs(head, (2, -1, 0)).scores(features)
    wanted = all_three[:, [2, 0]] / all_three[:, [2, 0]].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(some[:, [0, 2]], wanted, atol=1e-6)
    assert not some[:, 1].any()
    assert head.kernels[-1].all()  # unchanged


def test_many_photos_are_scored_in_parts(features: np.ndarray) -> None:
    head = make_head(3)
    many = np.tile(features, (1000, 1))
    np.testing.assert_allclose(head.scores(many), np.tile(head.scores(features), (1000, 1)))
    assert head.scores(many[:0]).shape == (0, 3)


def test_huge_logits_stay_finite(features: np.ndarray) -> None:
    scores = make_head(3).scores(features * 1e4)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("sizes", [(3,), (16, 3), (32, 16, 3)])
def test_the_gradient_is_the_slope_of_the_logit(
    sizes: tuple[int, ...], features: np.ndarray
) -> None:
    head = make_head(*sizes)
    classes = np.array([0, 1, 2, 0, 1, 2])
    gradient = head.logit_gradient(features, classes)
    step = np.random.default_rng(2).normal(0, 1e-4, features.shape)

    def chosen_logit(at: np.ndarray) -> np.ndarray:
        values = (at - head.mean) / head.scale
        for kernel, bias in zip(head.kernels[:-1], head.biases[:-1], strict=True):
            values = np.maximum(values @ kernel + bias, 0)
        logits: np.ndarray = values @ head.kernels[-1] + head.biases[-1]
        return logits[np.arange(6), classes]

    slope = (chosen_logit(features + step) - chosen_logit(features - step)) / 2
    np.testing.assert_allclose((gradient * step).sum(axis=1), slope, rtol=1e-3, atol=1e-9)


def test_a_head_comes_back_from_its_file(tmp_path: Path, features: np.ndarray) -> None:
    head = make_head(16, 3)
    write_head(head, tmp_path / "head.npz")
    assert np.array_equal(read_head(tmp_path / "head.npz").scores(features), head.scores(features))


@pytest.mark.parametrize("keep", [0, 100, -1000])
def test_a_file_cut_short_is_told(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "head.npz"
    write_head(make_head(3), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ResultDamaged):
        read_head(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResultDamaged):
        read_head(tmp_path / "head.npz")


def test_spread_is_mean_and_deviation_and_never_tiny() -> None:
    features = np.random.default_rng(0).normal(3, 2, (9000, 2048)).astype(np.float32)
    features[:, 0] = 1
    features[:, 1] *= 1e-6
    mean, scale = measure_spread(features)
    np.testing.assert_allclose(mean, features.mean(axis=0, dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(scale[2:], features[:, 2:].std(axis=0), rtol=1e-4)
    np.testing.assert_allclose(scale[:2], 0.02, rtol=0.05)


def test_features_that_never_stir_are_left_as_they_are() -> None:
    _, scale = measure_spread(np.ones((4, 2048), np.float32))
    assert (scale == 1).all()


def test_loss_and_accuracy_by_hand() -> None:
    scores = np.array([[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]], np.float32)
    loss, accuracy = measure_scores(scores, np.array([0, 1, 0]))
    assert loss == pytest.approx(-(np.log(0.5) + np.log(0.75) + np.log(1e-7)) / 3)
    assert accuracy == pytest.approx(2 / 3)
