"""Networks that train stages of ResNet-50 together with a head (keras), and their fit."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import keras
import numpy as np

from core.config import PHOTO_SIZE
from core.workspace import write_atomically
from models.backbone import Preprocessing, fill_batch
from models.catalogue import FEATURE_WIDTH
from models.dense import DenseHead, measure_spread
from models.devices import Half
from models.fit_state import FitData
from models.fitting import fit, leave_as_is, make_deterministic
from models.head import Spread, add_head, read_array, set_dense_head
from models.keras_backbone import build_resnet, call_network, preprocess
from models.plan import FitPlan, FitRecord, FitResult, FitWatch, HeadShape, Source, read_ahead
from models.rows import CONV4, Rows
from models.stepping import Stepper
from models.weights import Weights

_FIRST_OF_CONV5 = "conv5_block1_1_conv"


@dataclass(frozen=True, kw_only=True, eq=False)
class Tuning:
    """The stages to train, and the settings."""

    weights: Weights
    preprocessing: Preprocessing
    unfrozen: int
    """Number of the last stages to train, 1 (conv5) to 5 (all)."""
    whole: bool
    """True: photos in; False: activations of conv4, for `unfrozen` 1 only."""
    half: Half
    """Type of mixed precision, if any."""
    shape: HeadShape
    plan: FitPlan
    standardise_by: Rows | None = None
    """Features (m, 2048) of the frozen backbone; None: not standardised."""
    start: DenseHead | None = None
    """The initial head; None: a new one from the plan's seed."""
    exact: bool = True
    """Whether training is deterministic; see `make_deterministic`."""

    @property
    def spread(self) -> Spread:
        """Mean and scale of the features before the head."""
        if self.start is not None:
            return self.start.mean, self.start.scale
        if self.standardise_by is None:
            return leave_as_is(FEATURE_WIDTH)
        return measure_spread(self.standardise_by)


class StagesFit:
    """A network with trainable stages: a model from photos or activations to scores."""

    def __init__(self, tuning: Tuning) -> None:
        """Build the network."""
        make_deterministic(tuning.plan.seed, exact=tuning.exact)
        self._plan = tuning.plan
        self.model, self.resnet = build_network(tuning)
        if tuning.start is not None:
            set_dense_head(self.model, tuning.start)

    def scores(self, batches: Iterable[np.ndarray], batch_size: int) -> Iterator[np.ndarray]:
        """Yield the scores (b, k) float32 of each batch, all computed in one size."""
        for batch in batches:
            seen = self.model.predict_on_batch(fill_batch(batch, batch_size))
            yield np.asarray(seen[: len(batch)], np.float32)

    def run(
        self, train: Source, validation: Source, record: FitRecord, watch: FitWatch
    ) -> FitResult:
        """Return the curve and the best head; RunStopped if stopped before the first epoch."""

        def measure(stepper: Stepper) -> np.ndarray | None:
            size = -(-self._plan.batch_size // stepper.split)
            rows, scores = np.arange(len(validation.labels)), list[np.ndarray]()
            batches = [rows[first : first + size] for first in range(0, len(rows), size)]
            for _, inputs in read_ahead(validation, batches, 1):
                if watch.should_stop():
                    return None
                scores += self.scores([inputs], size)
            return np.concatenate(scores)

        data = FitData(train=train, val_labels=validation.labels, measure=measure)
        return fit(self.model, data, self._plan, record, watch)

    def write_weights(self, file: Path) -> None:
        """Write the weights of the backbone as HDF5 in Keras' layout without top."""
        layers = [layer for layer in self.resnet.layers if layer.weights]
        with write_atomically(file) as temporary, h5py.File(temporary, "w") as content:
            content.attrs["layer_names"] = [layer.name.encode() for layer in layers]
            content.attrs["backend"] = keras.backend.backend().encode()
            content.attrs["keras_version"] = keras.__version__.encode()
            for layer in layers:
                group = content.create_group(layer.name)
                names = [f"{layer.name}/{weight.name}" for weight in layer.weights]
                group.attrs["weight_names"] = [name.encode() for name in names]
                for name, weight in zip(names, layer.weights, strict=True):
                    group.create_dataset(name, data=read_array(weight).astype(np.float32))


def build_network(tuning: Tuning) -> tuple[keras.Model, keras.Model]:
    """Return ResNet-50 with a head, photos (n, 224, 224, 3) uint8 → scores, and its ResNet-50.

    Without `whole`, return conv5 with a head: activations (n, 14, 14, 1024) float16 → scores.
    """
    resnet = build_resnet(tuning.weights, f"mixed_{tuning.half}" if tuning.half else "float32")
    for layer in resnet.layers:  # the last stages learn, except their BatchNorm
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        stage = re.match(r"conv(\d)_", layer.name)
        free = stage is not None and int(stage[1]) >= 6 - tuning.unfrozen
        layer.trainable = free and not normalises
    if tuning.whole:
        inputs = keras.Input((PHOTO_SIZE, PHOTO_SIZE, 3), dtype="uint8", name="photos")
        photos = keras.ops.cast(inputs, "float32")
        photos = preprocess(photos, tuning.preprocessing)
        maps = call_network(resnet, photos)
    else:
        tail = keras.Model(resnet.get_layer(_FIRST_OF_CONV5).input, resnet.output, name="conv5")
        inputs = keras.Input(CONV4.shape, dtype="float16", name="activations")
        maps = call_network(tail, keras.ops.cast(inputs, "float32"))
    pooled = keras.ops.mean(keras.ops.cast(maps, "float32"), axis=(1, 2))
    scores = add_head(pooled, tuning.shape, tuning.spread, tuning.plan.seed)
    return keras.Model(inputs, scores, name="network"), resnet
