"""Train ResNet-50 on drawings (keras): which species they are, and which views belong together.

Done in pieces: each ends with a checkpoint (kernels in float16). The optimizer starts anew with
each piece, slowly. What a step sees follows from the seed and its number alone.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from core.workspace import write_atomically
from models.head import read_array
from models.keras_backbone import call_network
from tests.starter.drawings import draw

SPECIES, NUMBERS, SIDE = 480, 30, 112
"""Of a pool: species, drawings of each, side in pixels; 0.5 GB."""
_LEAST_PART = 0.2
_MIXED = 0.5
_GREY = 0.05


@dataclass(frozen=True, kw_only=True)
class Views:
    """Where views come from, and how large and how many they are.

    A view is a part of a drawing, turned, lit; half of all mix three to six drawings.
    """

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


CONTRAST = 0.5
"""Weight of the contrastive loss beside the cross-entropy over species."""
_TEMPERATURE = 0.2
_WARM_SHARE, _WARM_STEPS = 0.05, 50
"""The learning rate rises over this share of all steps, and over these of a piece."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """A network without top, photos → maps, and the two heads that it learns with."""

    network: keras.Model
    species: int
    side: int

    @cached_property
    def model(self) -> keras.Model:
        """Photos (n, side, side, 3) uint8 → {"species": (n, k), "place": (n, 128)}, to train."""
        photos = keras.Input((self.side, self.side, 3), dtype="uint8", name="photos")
        floats = _prepare(keras.ops.cast(photos, "float32"))
        maps = keras.ops.cast(call_network(self.network, floats), "float32")
        features = keras.ops.mean(maps, axis=(1, 2))
        inner = keras.layers.Dense(512, name="inner", dtype="float32")(features)
        inner = keras.layers.BatchNormalization(name="inner_bn", dtype="float32")(inner)
        place = keras.layers.Dense(128, name="place", dtype="float32")(keras.ops.relu(inner))
        species = keras.layers.Dense(self.species, name="species", dtype="float32")(features)
        model = keras.Model(photos, {"species": species, "place": place}, name="learner")
        model.compile(
            keras.optimizers.AdamW(1e-3, weight_decay=0.02, beta_2=0.98, global_clipnorm=5.0),
            loss={
                "species": keras.losses.CategoricalCrossentropy(from_logits=True),
                "place": measure_contrast,
            },
            loss_weights={"species": 1.0, "place": CONTRAST},
        )
        return model

    @property
    def _weights(self) -> list[keras.Variable]:
        """Those of the network and the heads, in the order they were made in."""
        return [*self.network.weights, *(w for w in self.model.weights if not self._is_inside(w))]

    def _is_inside(self, weight: keras.Variable) -> bool:
        return any(weight is other for other in self.network.weights)

    def write(self, file: Path, step: int) -> None:
        """Write a checkpoint: vectors, which normalise, stay in float32."""
        arrays = [read_array(weight) for weight in self._weights]
        small = [array.astype(np.float16) if array.ndim > 1 else array for array in arrays]
        with write_atomically(file) as temporary, temporary.open("wb") as content:
            np.savez(content, *small, step=step)

    def read(self, file: Path) -> int:
        """Take the weights of a checkpoint; return how many steps were done."""
        with np.load(file) as content:
            for number, weight in enumerate(self._weights):
                weight.assign(content[f"arr_{number}"].astype(np.float32))
            return int(content["step"])


@dataclass(frozen=True, kw_only=True)
class Piece:
    """How far the training goes in all, and how long this piece of it may take."""

    steps: int
    rate: float
    seconds: float
    report: Callable[[int, dict[str, float]], None]
    """Told the number of a step and its losses."""


def train_piece(learner: Learner, views: Views, piece: Piece, start: int) -> int:
    """Train from a step on until the last one or the end of the time; return the next step."""
    until, step = time.monotonic() + piece.seconds, start
    nothing = np.zeros((2 * views.drawings, 128), np.float32)
    with ThreadPoolExecutor(1) as ahead:  # the next views are made while the network learns
        coming = ahead.submit(views.make, step)
        while step < piece.steps and time.monotonic() < until:
            photos, shares = coming.result()
            coming = ahead.submit(views.make, step + 1)
            warm = min(1.0, (step - start + 1) / _WARM_STEPS)
            learner.model.optimizer.learning_rate = piece.rate * warm * _follow(step / piece.steps)
            targets = {"species": shares, "place": nothing}
            told = learner.model.train_on_batch(photos, targets, return_dict=True)
            piece.report(step, {name: float(value) for name, value in told.items()})
            step += 1
    return step


def measure_contrast(_: keras.KerasTensor, places: keras.KerasTensor) -> keras.KerasTensor:
    """Return NT-Xent of each row: its other view among all, by cosine; rows i and i + n/2 are two.

    Source: T. Chen et al. 2020, "A simple framework for contrastive learning", equation 1.
    """
    ops = keras.ops
    count = places.shape[0] or ops.shape(places)[0]
    ways = places / ops.sqrt(ops.sum(places**2, axis=-1, keepdims=True) + 1e-12)
    alike = ops.matmul(ways, ops.transpose(ways)) / _TEMPERATURE - 1e4 * ops.eye(count)
    others = ops.roll(ops.arange(count), count // 2)
    return ops.sparse_categorical_crossentropy(others, alike, from_logits=True)


def calibrate(network: keras.Model, batches: list[np.ndarray]) -> None:
    """Set what BatchNorm keeps to the mean over batches of photos (n, s, s, 3) uint8."""
    photos = keras.Input(batches[0].shape[1:], dtype="float32")
    model = keras.Model(photos, call_network(network, _prepare(photos)))
    norms = [one for one in network.layers if isinstance(one, keras.layers.BatchNormalization)]
    kept = [layer.momentum for layer in norms]
    for number, batch in enumerate(batches):
        for layer in norms:
            layer.momentum = number / (number + 1)
        model(batch.astype(np.float32), training=True)
    for layer, momentum in zip(norms, kept, strict=True):
        layer.momentum = momentum


def look(network: keras.Model, photos: np.ndarray) -> np.ndarray:
    """Return the features (n, 2048) float32 of photos (n, s, s, 3) uint8."""
    maps = call_network(network, _prepare(keras.ops.cast(photos, "float32")))
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.mean(maps, axis=(1, 2))))


def _prepare(photos: keras.KerasTensor) -> keras.KerasTensor:
    return keras.applications.resnet.preprocess_input(photos, data_format="channels_last")


def _follow(share: float) -> float:
    """Return the learning rate, in units of its peak, after a share of all steps."""
    if share < _WARM_SHARE:
        return share / _WARM_SHARE
    return 0.5 * (1 + float(np.cos(np.pi * (share - _WARM_SHARE) / (1 - _WARM_SHARE))))
