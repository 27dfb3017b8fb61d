"""Several GPUs in one host (keras): each computes a part of every batch, all keep the same weights.

`prepare_devices` is called once in a worker, before the first model is built; a compiled model goes
through `prepare_steps`, and what a step is given through `place`. With one device they do nothing.
PyTorch uses the first GPU only; TensorFlow cannot accumulate gradients over several (Keras).
"""

import os
from contextlib import ExitStack, suppress
from typing import Any

import keras
import numpy as np

_entered = ExitStack()
"""Never left: the scope of a strategy that nothing refers to would end at once."""


def prepare_devices() -> int:
    """Return how many devices share each batch from here on; models built later are on all."""
    backend = keras.backend.backend()
    if backend == "jax":
        return _share_on_jax()
    if backend == "tensorflow":
        return _share_on_tensorflow()
    return 1


def prepare_steps(model: keras.Model) -> None:
    """Prepare a compiled model for parts of batches."""
    if _count_replicas() > 1:
        # Keras makes metrics from the first batch it sees, and cannot read the shape of parts.
        rows = np.zeros((1, *model.input_shape[1:]), model.inputs[0].dtype)
        model.test_on_batch(rows, np.zeros((1, model.output_shape[-1]), np.float32))


def place(array: np.ndarray) -> Any:
    """Return what a step takes for the rows of a batch: the array, or each device's part of it.

    A batch that cannot be divided evenly is computed whole on every device: the step is the same.
    """
    replicas = _count_replicas()
    if replicas == 1 or len(array) % replicas:
        return array
    import tensorflow as tf

    parts = [tf.convert_to_tensor(part) for part in np.split(array, replicas)]
    return tf.distribute.get_strategy().experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )


def _count_replicas() -> int:
    """Return the devices that batches have to be divided among here; on JAX Keras does it."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return 1
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


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
        return _count_replicas()
    if not tf.config.list_physical_devices("GPU"):
        devices = tf.config.list_logical_devices("CPU")
    else:
        with suppress(RuntimeError):  # TensorFlow computed before: the memory is taken already
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.experimental.set_memory_growth(gpu, True)
        devices = tf.config.list_logical_devices("GPU")
    if len(devices) > 1:
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
        _entered.enter_context(strategy.scope())
    return len(devices)


class _EvenBatches(keras.distribution.DataParallel):  # type: ignore[misc]  # untyped
    """Divides a batch where that is possible; another one goes whole to every device."""

    def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        if data_shape[0] % self.num_model_replicas:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
        return super().get_data_layout(data_shape)
