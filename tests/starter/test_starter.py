"""Drawings come again by their seed, a step lowers the loss, and a restart goes on."""

from pathlib import Path

import keras
import numpy as np
import pytest

from models.head import read_array
from tests.starter.drawings import draw
from tests.starter.training import (
    Learner,
    Piece,
    Views,
    calibrate,
    measure_contrast,
    open_pool,
    train_piece,
)

SPECIES = 6
STEPS = 20


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Two drawings of each program."""
    return open_pool(tmp_path_factory.mktemp("pool") / "pool.npy", 7, (2, SPECIES, 32))


@pytest.fixture
def views(pool: np.ndarray) -> Views:
    """Eight drawings a step, in two views of 24 pixels each."""
    return Views(pool=pool, seed=7, side=24, drawings=8)


def make_learner() -> Learner:
    """A network of one convolution."""
    keras.utils.set_random_seed(3)
    photos = keras.Input((24, 24, 3))
    maps = keras.layers.Conv2D(16, 5, 4, name="conv1_conv")(photos)
    maps = keras.layers.BatchNormalization(name="conv1_bn")(maps)
    network = keras.Model(photos, keras.ops.relu(maps), name="small")
    return Learner(network=network, species=SPECIES, side=24)


def train(learner: Learner, views: Views, start: int, steps: int) -> list[dict[str, float]]:
    """Return the losses of every step."""
    told: list[dict[str, float]] = []
    piece = Piece(steps=steps, rate=0.01, seconds=60, report=lambda _, losses: told.append(losses))
    assert train_piece(learner, views, piece, start) == steps
    return told


def test_a_drawing_comes_again_and_shows_something() -> None:
    for species in range(12):
        drawing = draw(7, species, 0, 48)
        assert np.array_equal(drawing, draw(7, species, 0, 48))
        assert drawing.shape == (48, 48, 3) and drawing.std() > 5
        assert not np.array_equal(drawing, draw(7, species, 1, 48))
        assert not np.array_equal(drawing, draw(8, species, 0, 48))


def test_a_pool_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    whole = np.array(open_pool(tmp_path / "pool.npy", 7, (2, 3, 16)))
    assert np.array_equal(whole[1, 2], draw(7, 2, 1, 16))
    half = np.lib.format.open_memmap(tmp_path / "pool.npy", "r+")
    half[1, 1:] = 0
    half.flush()
    assert np.array_equal(open_pool(tmp_path / "pool.npy", 7, (2, 3, 16)), whole)


def test_views_follow_from_seed_and_step(views: Views) -> None:
    photos, shares = views.make(5)
    again, _ = views.make(5)
    assert photos.shape == (16, 24, 24, 3) and np.array_equal(photos, again)
    assert not np.array_equal(photos, views.make(6)[0])
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert np.array_equal(shares[:8], shares[8:])
    assert ((shares > 0).sum(axis=1) > 1).any()  # mixtures


def test_contrast_is_least_where_two_views_agree() -> None:
    apart = np.eye(4, dtype=np.float32)
    alike = keras.ops.convert_to_numpy(measure_contrast(apart, np.tile(apart, (2, 1))))
    mixed = np.concatenate([apart, np.roll(apart, 1, 0)])
    assert alike.shape == (8,)
    np.testing.assert_allclose(alike, np.log(1 + 6 * np.exp(-5.0)), rtol=1e-4)
    assert keras.ops.convert_to_numpy(measure_contrast(apart, mixed)).min() > alike.max() + 4


@pytest.mark.slow
def test_training_lowers_both_losses(views: Views) -> None:
    told = train(make_learner(), views, 0, STEPS)
    for name in ("species_loss", "place_loss"):
        losses = [one[name] for one in told]
        assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1, name


@pytest.mark.slow
def test_a_restart_goes_on(views: Views, tmp_path: Path) -> None:
    learner = make_learner()
    train(learner, views, 0, 4)
    learner.write(tmp_path / "checkpoint.npz", 4)
    other = make_learner()
    assert other.read(tmp_path / "checkpoint.npz") == 4
    photos, _ = views.make(4)
    for name, seen in learner.model.predict_on_batch(photos).items():
        np.testing.assert_allclose(other.model.predict_on_batch(photos)[name], seen, atol=0.01)
    assert len(train(other, views, 4, 6)) == 2


def test_calibration_is_the_mean_over_batches(pool: np.ndarray) -> None:
    network = make_learner().network
    batches = [np.array(pool[number, :, :24, :24]) for number in range(2)]
    calibrate(network, batches)
    norm = network.get_layer("conv1_bn")
    photos = keras.applications.resnet.preprocess_input(
        np.concatenate(batches).astype(np.float32), data_format="channels_last"
    )
    maps = keras.ops.convert_to_numpy(network.get_layer("conv1_conv")(photos))
    kept = read_array(norm.moving_mean)
    np.testing.assert_allclose(kept, maps.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-2)
