"""The plain Keras way (keras), as a course would write it.

ResNet-50 without top in `model.predict`; training is in core/bench/plain_training.py.
Photos are (n, 224, 224, 3) uint8; each function warms up before it measures.
"""

import os
import time
from pathlib import Path

# The program switches oneDNN off; plain Keras is measured at its best.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"

import keras
import numpy as np

from core.config import PHOTO_SIZE

_SHAPE = (PHOTO_SIZE, PHOTO_SIZE, 3)


def measure_throughput(
    photos: np.ndarray, weights_file: Path | None, batch_size: int = 32
) -> float:
    """Returns the photos per second of `model.predict` in batches."""
    model = _build_extractor(weights_file)
    model.predict(photos[:batch_size], batch_size=batch_size, verbose=0)
    start = time.perf_counter()
    model.predict(photos, batch_size=batch_size, verbose=0)
    return len(photos) / (time.perf_counter() - start)


def measure_latencies(weights_file: Path | None, repeats: int) -> list[float]:
    """Returns the seconds of each `model.predict` of one photo."""
    photo = np.random.default_rng(0).integers(0, 256, (1, *_SHAPE), dtype=np.uint8)
    model = _build_extractor(weights_file)
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model.predict(photo, verbose=0)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]  # the first one traced the model


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
