"""The plain Keras way (keras), as a course or a tutorial would write it.

ResNet-50 without top in `model.predict`; training runs the whole network in every epoch, with
Keras' augmentation. Photos are (n, 224, 224, 3) uint8. Each function is called in a process of its
own, with oneDNN, which the program switches off for heads: plain Keras is measured at its best.
"""

import os
import time
from pathlib import Path

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"

import keras
import numpy as np

from core.config import PHOTO_SIZE
from data.dataset import Dataset
from models.weights import Weights
from tests.bench.measuring import time_call, time_calls

_SHAPE = (PHOTO_SIZE, PHOTO_SIZE, 3)


def measure_throughput(
    photos: np.ndarray, weights_file: Path | None, batch_size: int = 32
) -> float:
    """Return the photos per second of `model.predict` in batches."""
    model = _build_extractor(weights_file)
    model.predict(photos[:batch_size], batch_size=batch_size, verbose=0)
    seconds = time_call(lambda: model.predict(photos, batch_size=batch_size, verbose=0))
    return len(photos) / seconds


def measure_latencies(weights_file: Path | None, repeats: int) -> list[float]:
    """Return the seconds of each `model.predict` of one photo; the first one traced the model."""
    photo = np.random.default_rng(0).integers(0, 256, (1, *_SHAPE), dtype=np.uint8)
    model = _build_extractor(weights_file)
    return time_calls(lambda: model.predict(photo, verbose=0), repeats, warm_ups=1)


def train_head(
    dataset: Dataset, weights: Weights, *, epochs: int, batch_size: int, dropout: float
) -> tuple[float, float]:
    """Return seconds and test accuracy of a head on the frozen backbone, validated each epoch."""
    keras.utils.set_random_seed(0)
    model = _build_classifier(dataset, weights, dropout)
    train, validation, test = (_read(dataset, name) for name in ("train", "validation", "test"))
    start = time.perf_counter()
    model.fit(
        *train,
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
        validation_data=validation if len(validation[1]) else None,
    )
    seconds = time.perf_counter() - start
    accuracy = model.evaluate(*test, verbose=0, return_dict=True)["accuracy"] if len(test[1]) else 0
    return seconds, float(accuracy)


def measure_last_stage(dataset: Dataset, weights: Weights, *, batch_size: int) -> float:
    """Return the training photos per second with conv5 unfrozen, in the second of two epochs."""
    model = _build_classifier(dataset, weights, 0.5, unfrozen="conv5")
    ends: list[float] = []
    stopwatch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda _epoch, _logs: ends.append(time.perf_counter())
    )
    photos, labels = _read(dataset, "train")
    model.fit(photos, labels, batch_size=batch_size, epochs=2, verbose=0, callbacks=[stopwatch])
    return len(labels) / (ends[1] - ends[0])  # the first epoch traced the model


def _read(dataset: Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    rows = dataset.photo_numbers(split)
    return np.array(dataset.photos[rows]), dataset.labels[rows]


def _build_backbone(weights_file: Path | None) -> keras.Model:
    return keras.applications.ResNet50(
        include_top=False,
        weights=None if weights_file is None else str(weights_file),
        input_shape=_SHAPE,
        pooling="avg",
    )


def _build_extractor(weights_file: Path | None) -> keras.Model:
    photos = keras.Input(_SHAPE, dtype="uint8")
    inputs = keras.applications.resnet.preprocess_input(keras.ops.cast(photos, "float32"))
    return keras.Model(photos, _build_backbone(weights_file)(inputs))


def _build_classifier(
    dataset: Dataset, weights: Weights, dropout: float, unfrozen: str | None = None
) -> keras.Model:
    """Build the model: photos → augmentation → ResNet-50 → dropout → scores."""
    backbone = _build_backbone(weights.file)
    for layer in backbone.layers:
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        wanted = unfrozen is not None and layer.name.startswith(unfrozen)
        layer.trainable = wanted and not normalises
    photos = keras.Input(_SHAPE)
    x = keras.layers.RandomFlip("horizontal")(photos)
    x = keras.layers.RandomRotation(20 / 360)(x)
    x = keras.layers.RandomTranslation(0.1, 0.1)(x)
    x = keras.layers.RandomZoom(0.15)(x)
    x = keras.applications.resnet.preprocess_input(x)
    x = keras.layers.Dropout(dropout)(backbone(x, training=False))
    scores = keras.layers.Dense(len(dataset.classes), activation="softmax")(x)
    model = keras.Model(photos, scores)
    rate = 1e-3 if unfrozen is None else 1e-4
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model
