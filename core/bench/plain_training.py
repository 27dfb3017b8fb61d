"""Training as tutorials show it (keras): the whole network in every epoch, Keras' augmentation.

Each function is called in a process of its own, with oneDNN, which the program switches off for
heads: plain Keras is measured at its best.
"""

import os
import time

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"

import keras
import numpy as np

from core.bench.timings import PlainRun
from core.config import PHOTO_SIZE
from data.dataset import Dataset
from models.weights import Weights

_SHAPE = (PHOTO_SIZE, PHOTO_SIZE, 3)


def train_head(
    dataset: Dataset, weights: Weights, *, epochs: int, batch_size: int, dropout: float
) -> PlainRun:
    """Returns how long a head on the frozen backbone takes, with validation after each epoch."""
    keras.utils.set_random_seed(0)
    model = _build(dataset, weights, dropout)
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
    return PlainRun(seconds=seconds, test_accuracy=float(accuracy))


def measure_last_stage(dataset: Dataset, weights: Weights, *, batch_size: int) -> float:
    """Returns the training photos per second with conv5 unfrozen, in the second of two epochs."""
    model = _build(dataset, weights, 0.5, unfrozen="conv5")
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


def _build(
    dataset: Dataset, weights: Weights, dropout: float, unfrozen: str | None = None
) -> keras.Model:
    """Returns the model: photos → augmentation → ResNet-50 → dropout → scores."""
    backbone = keras.applications.ResNet50(
        include_top=False,
        weights=None if weights.file is None else str(weights.file),
        input_shape=_SHAPE,
        pooling="avg",
    )
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
