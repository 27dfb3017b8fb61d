"""Fits a small network on as many devices as asked for, all made of the CPU.

`python -m tests.parallel N`, in a process of its own, with the backend of KERAS_BACKEND (tensorflow
or jax), prints one line of JSON: the devices, loss and accuracy of each step, and some scores.
"""

import json
import os
import sys

import numpy as np

DEVICES = int(sys.argv[1])
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"

import models  # noqa: E402, F401  # decides what must be decided before Keras is imported

PHOTOS, CLASSES, BATCH = 27, 3, 8  # the last batch, of 3, cannot be divided


def main() -> int:
    """Return the exit status."""
    import keras

    if keras.backend.backend() == "tensorflow":
        _split_processor()
    keras.utils.set_random_seed(0)
    from models.parallel import place, prepare_devices, prepare_steps

    devices = prepare_devices()
    model = _build()
    prepare_steps(model)
    rng = np.random.default_rng(0)
    photos = rng.random((PHOTOS, 6, 6, 4), dtype=np.float32)
    targets = np.eye(CLASSES, dtype=np.float32)[np.arange(PHOTOS) % CLASSES]
    weights = rng.random(PHOTOS).astype(np.float32)
    steps = []
    for first in [*range(0, PHOTOS, BATCH)] * 2:
        rows = slice(first, first + BATCH)
        logs = model.train_on_batch(
            place(photos[rows]),
            place(targets[rows]),
            sample_weight=place(weights[rows]),
            return_dict=True,
        )
        steps.append([float(logs["loss"]), float(logs["accuracy"])])
    scores = np.asarray(model.predict_on_batch(photos[:BATCH]))[:BATCH]
    print(json.dumps({"devices": devices, "steps": steps, "scores": scores.tolist()}))
    return 0


def _split_processor() -> None:
    import tensorflow as tf

    processor = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration() for _ in range(DEVICES)]
    tf.config.set_logical_device_configuration(processor, parts)
    tf.config.experimental.enable_op_determinism()


def _build() -> "keras.Model":  # type: ignore[name-defined]  # noqa: F821
    import keras

    photos = keras.Input((6, 6, 4))
    x = keras.layers.Conv2D(8, 3, activation="relu")(photos)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(photos, keras.layers.Dense(CLASSES, activation="softmax")(x))
    model.compile(keras.optimizers.AdamW(1e-2), "categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    sys.exit(main())
