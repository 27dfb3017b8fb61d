"""Train ResNet-50 on drawings (keras): which species they are, and which views belong together.

Training is a row of steps under one curve of the learning rate, done in pieces: each ends with a
checkpoint (kernels in float16, 53 MB with the heads) and `weights.h5`, which the program reads like
any other weights. The optimizer starts anew with each piece, and slowly.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from core.workspace import write_atomically
from models.head import read_array
from models.keras_backbone import call_network
from models.starter.views import Views

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
