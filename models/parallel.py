"""Several GPUs in one host (keras): each computes a part of every batch, all keep the same weights.

`prepare_devices` is called once in a worker, before the first model is built; `place` hands each
device its part. With one device neither does anything. PyTorch uses the first GPU only.
"""

import os
from typing import Any

import keras
import numpy as np


def prepare_devices() -> int:
    """Returns how many devices share each batch from here on; models built later are on all."""
    backend = keras.backend.backend()
    if backend == "jax":
        return _share_on_jax()
    if backend == "tensorflow":
        return _share_on_tensorflow()
    return 1


def place(array: np.ndarray) -> Any:
    """Returns what a step takes for rows of a batch: the array, or each device's part of it.

    A batch that cannot be divided evenly is computed whole on every device: the step is the same.
    """
    if keras.backend.backend() != "tensorflow":
        return array  # on JAX Keras divides it, as the distribution says
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return array
    strategy = tf.distribute.get_strategy()
    devices = strategy.num_replicas_in_sync
    if devices == 1 or len(array) % devices:
        return array
    parts = [tf.convert_to_tensor(part) for part in np.split(array, devices)]
    return strategy.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )


def _share_on_jax() -> int:
    # JAX takes three quarters of a GPU at once otherwise, whatever it needs.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    devices = keras.distribution.list_devices()
    if len(devices) > 1 and keras.distribution.distribution() is None:
        keras.distribution.set_distribution(_EvenBatches(devices=devices))
    return len(devices)


def _share_on_tensorflow() -> int:
    import tensorflow as tf

    if tf.distribute.has_strategy():
        return int(tf.distribute.get_strategy().num_replicas_in_sync)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
        strategy.scope().__enter__()  # for as long as the worker lives
    return len(devices)


class _EvenBatches(keras.distribution.DataParallel):  # type: ignore[misc]  # untyped
    """Divides a batch where that is possible; another one goes whole to every device."""

    def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        if data_shape[0] % self.num_model_replicas:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
        return super().get_data_layout(data_shape)
