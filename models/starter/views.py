"""A pool of drawings on disk, and the views of them that a step of training sees.

What a step sees follows from the seed and its number alone: training that was cut off goes on as if
it had not been. A view is a part of a drawing, turned over, lit anew; half of all are mixtures of
three to six drawings, the same ones in both views. Hue stays nearly as it is: flowers need colour.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from models.starter.drawings import draw

SPECIES, NUMBERS, SIDE = 480, 30, 112
"""Of a pool: species, drawings of each, side in pixels; 0.5 GB."""
_LEAST_PART = 0.2
_MIXED = 0.5
_GREY = 0.05


@dataclass(frozen=True, kw_only=True)
class Views:
    """Where views come from, and how large and how many they are."""

    pool: np.ndarray
    """(numbers, species, s, s, 3) uint8 RGB."""
    seed: int
    side: int
    drawings: int
    """Drawings or mixtures a step, each seen in two views."""

    def make(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return photos (2b, side, side, 3) uint8 RGB and shares of species (2b, k) float32.

        Rows i and i + b are two views of the same.
        """
        rng = np.random.default_rng((self.seed, 1, step))
        numbers, species = self.pool.shape[:2]
        photos = np.empty((2, self.drawings, self.side, self.side, 3), np.uint8)
        shares = np.zeros((self.drawings, species), np.float32)
        for row in range(self.drawings):
            count = int(rng.integers(3, 7)) if rng.random() < _MIXED else 1
            weights = rng.random(count) + 0.05
            weights /= weights.sum()
            chosen = rng.integers(0, species, count)
            drawings = self.pool[rng.integers(0, numbers, count), chosen]
            np.add.at(shares[row], chosen, weights)
            for view in photos[:, row]:
                parts = [_cut(drawing, self.side, rng) for drawing in drawings]
                view[:] = _light(np.tensordot(weights, np.stack(parts), 1), rng)
        return photos.reshape(-1, *photos.shape[2:]), np.tile(shares, (2, 1))


def open_pool(file: Path, seed: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the pool (numbers, species, side, side, 3) uint8; what is missing is drawn first."""
    numbers, species, side = shape
    form = (numbers, species, side, side, 3)
    if not file.is_file():
        np.lib.format.open_memmap(file, "w+", np.uint8, form).flush()
    pool = np.lib.format.open_memmap(file, "r+")
    if pool.shape != form:
        raise ValueError(f"{file} holds {pool.shape}, not {form}: use another folder")
    for number in range(numbers):
        if not pool[number, -1].any():  # the last one of a row that is drawn from the first
            for one in range(species):
                pool[number, one] = draw(seed, one, number, side)
            pool.flush()
    return pool


def _cut(drawing: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random part of a drawing, perhaps mirrored, (side, side, 3) float32."""
    whole = len(drawing)
    length, ratio = np.sqrt(rng.uniform(_LEAST_PART, 1)) * whole, np.exp(rng.uniform(-0.25, 0.25))
    width, height = min(whole, length * ratio), min(whole, length / ratio)
    left, top = rng.uniform(0, whole - width), rng.uniform(0, whole - height)
    part = Image.fromarray(drawing).resize(
        (side, side), Image.Resampling.BILINEAR, box=(left, top, left + width, top + height)
    )
    view = np.asarray(part, np.float32)
    view = view[:, ::-1] if rng.random() < 0.5 else view
    return view[::-1] if rng.random() < 0.2 else view


def _light(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the view with another brightness, contrast and balance of colours, rarely grey."""
    mean, (bright, contrast) = view.mean(), np.exp(rng.normal(0, 0.25, 2))
    view = ((view - mean) * contrast + mean * bright) * np.exp(rng.normal(0, 0.06, 3))
    if rng.random() < _GREY:
        view = np.broadcast_to(view.mean(axis=-1, keepdims=True), view.shape)
    return np.asarray(np.clip(view, 0, 255))
