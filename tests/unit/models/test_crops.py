"""Crops of a photo: what is averaged, and that the map put together says where it came from."""

from itertools import product

import keras
import numpy as np
import pytest

from core.config import PHOTO_SIDES, Framing
from models.resnet import cut_crops, join_crops


def see(photos: np.ndarray) -> np.ndarray:
    """Return maps as a network without memory gives them: the mean of each 32 px square."""
    n, side = photos.shape[:2]
    return photos.reshape(n, side // 32, 32, side // 32, 32, 3).mean(axis=(2, 4), dtype=float)


@pytest.mark.parametrize(("side", "crops"), [*product(PHOTO_SIDES, ("centre", "mirror", "five"))])
def test_the_mean_of_the_map_is_the_mean_over_the_crops(side: int, crops: str) -> None:
    framing = Framing(side=side, crops=crops)  # type: ignore[arg-type]
    photos = np.random.default_rng(side).uniform(0, 255, (2, side, side, 3)).astype(np.float32)
    cut = keras.ops.convert_to_numpy(cut_crops(photos, framing))
    looks = {"centre": 1, "mirror": 2, "five": 5}[crops]
    assert cut.shape == (2 * looks, framing.crop_side, framing.crop_side, 3)
    maps = keras.ops.convert_to_numpy(join_crops(see(cut), framing))
    assert maps.shape == (2, side // 32, side // 32, 3)
    features = cut.mean(axis=(1, 2), dtype=np.float64).reshape(looks, 2, 3).mean(axis=0)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), features, rtol=1e-5)


@pytest.mark.parametrize("crops", ["centre", "mirror", "five"])
def test_what_stands_in_the_middle_of_a_photo_stands_in_the_middle_of_its_map(crops: str) -> None:
    framing = Framing(crops=crops)  # type: ignore[arg-type]
    photo = np.zeros((1, 224, 224, 3), np.float32)
    photo[:, 96:128, 96:128] = 1.0
    cut = keras.ops.convert_to_numpy(cut_crops(photo, framing))
    seen = keras.ops.convert_to_numpy(join_crops(see(cut), framing))[0, :, :, 0]
    assert np.unravel_index(seen.argmax(), seen.shape) == (3, 3)
    np.testing.assert_allclose(seen, seen[::-1, ::-1], atol=1e-6)
