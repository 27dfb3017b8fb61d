"""What is left of draws (data/augmentation.py), done to batches of photos on a GPU (keras).

In float32 where Pillow has float64: 3 in 10,000 values at most fall to the next grey level.
"""

import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from models.backbone import fill_batch
from models.parallel import compile_forward

_AT_ONCE = threading.Semaphore(2)
"""Batches on the device: one is computed while another is copied."""
_BUILDING = threading.Lock()
_BATCH_SIZE = 32
"""Always as many, so that a photo's pixels follow from itself alone; they take 0.3 GB there."""


def finish_draws(photos: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return the photos (b, 224, 224, 3) uint8 with what was left of their draws; any thread.

    `left` (b, 23) float32: what is to be done to each; see `begin_draw`.
    """
    with _BUILDING:
        finish = _compile(photos.shape[1])
    done = []
    for start in range(0, len(photos), _BATCH_SIZE):
        few = photos[start : start + _BATCH_SIZE]
        given = (few, left[start : start + _BATCH_SIZE])
        with _AT_ONCE:
            done.append(finish(*(fill_batch(each, _BATCH_SIZE) for each in given))[: len(few)])
    return np.concatenate(done)


@cache
def _compile(side: int) -> Callable[..., np.ndarray]:
    photos = keras.Input((side, side, 3), dtype="uint8", name="photos")
    left = keras.Input((23,), dtype="float32", name="left")
    pixels = ops.reshape(ops.cast(photos, "float32"), (-1, side**2, 3))
    pixels = _transform(pixels, left[:, :6], side)
    pixels = _recolour(pixels, ops.reshape(left[:, 6:15], (-1, 1, 3, 3)), left[:, 15:16, None])
    pixels = _cut_out(pixels, left[:, 16:], side)
    done = ops.reshape(ops.cast(pixels, "uint8"), (-1, side, side, 3))
    return compile_forward(keras.Model([photos, left], done))


def _list_places(side: int) -> tuple[Any, Any]:
    """Return x and y of the middle of each pixel, (1, side * side) float32, on the device."""
    y, x = np.mgrid[:side, :side].reshape(2, 1, -1).astype(np.float32) + 0.5
    return ops.convert_to_tensor(x), ops.convert_to_tensor(y)


def _transform(pixels: KerasTensor, matrix: KerasTensor, side: int) -> KerasTensor:
    """Return pixels (b, n, 3) under affine matrices (b, 6): bicubic, mirrored, cut to whole levels.

    Source: Pillow, libImaging/Geometry.c (its bicubic has a = -1).
    """
    x, y = _list_places(side)
    a, b, c, d, e, f = (matrix[:, number : number + 1] for number in range(6))
    across, down = a * x + b * y + c - 0.5, d * x + e * y + f - 0.5
    column, row = ops.floor(across), ops.floor(down)
    columns = [_mirror(column + step, side) for step in (-1, 0, 1, 2)]
    rows = [
        _bend(
            [_read(pixels, side * _mirror(row + step, side) + at) for at in columns],
            across - column,
        )
        for step in (-1, 0, 1, 2)
    ]
    return ops.floor(ops.clip(_bend(rows, down - row), 0, 255))


def _mirror(place: KerasTensor, side: int) -> KerasTensor:
    """Return the row or column seen at a place when both edges are mirrors."""
    within = ops.mod(place, 2 * side)
    return ops.minimum(within, 2 * side - 1 - within)


def _read(pixels: KerasTensor, places: KerasTensor) -> KerasTensor:
    return ops.take_along_axis(pixels, ops.cast(places, "int32")[..., None], axis=1)


def _bend(values: Sequence[KerasTensor], share: KerasTensor) -> KerasTensor:
    one, two, three, four = values
    share = share[..., None]
    last = share * (two - one - three + four)
    return two + share * (three - one + share * (2 * (one - two) + three - four + last))


def _recolour(pixels: KerasTensor, matrix: KerasTensor, of_grey: KerasTensor) -> KerasTensor:
    """Return pixels (b, n, 3) mixed by matrices (b, 1, 3, 3), and a share of their mean grey.

    Source: Pillow, libImaging/Convert.c and Matrix.c; greys are whole levels there.
    """
    luma = np.array([19595, 38470, 7471], np.float32)
    grey = ops.floor((ops.sum(pixels * luma, axis=-1, keepdims=True) + 32768) / 65536)
    # By sums, not by a product of matrices: those a GPU rounds to 11 bits.
    mixed = ops.sum(matrix * pixels[:, :, None], axis=-1)
    added = of_grey * ops.mean(grey, axis=1, keepdims=True)
    return ops.floor(ops.clip(mixed + added + 0.5, 0, 255))


def _cut_out(pixels: KerasTensor, cutout: KerasTensor, side: int) -> KerasTensor:
    """Return pixels (b, n, 3), a box (b, 7) of left, top, right, bottom and colour laid over."""
    x, y = _list_places(side)
    left, top, right, bottom = (cutout[:, number : number + 1] for number in range(4))
    inside = (left < x) & (right > x) & (top < y) & (bottom > y)
    return ops.where(inside[..., None], cutout[:, None, 4:], pixels)
