"""Several GPUs in one host (keras): each computes a part of every batch, all keep the same weights.

`python -m models.parallel` says on which GPU the backend computes, for processes without Keras.
"""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from typing import Any

import keras
import numpy as np

_entered = ExitStack()
"""Never left: the scope of a strategy that nothing refers to would end at once."""


def describe_gpu() -> dict[str, Any]:
    """Return name and compute capability of the GPU that Keras computes on, or the obstacle.

    A convolution shows libraries that are missing or do not fit.
    """
    try:
        told = _name_gpu(keras.backend.backend())
        if "name" in told:
            photos, kernel = np.ones((1, 8, 8, 8), np.float32), np.ones((3, 3, 8, 8), np.float32)
            seen = keras.ops.convert_to_numpy(keras.ops.conv(photos, kernel))
            if not np.allclose(seen, 72, rtol=1e-2):
                return {"obstacle": "it computes wrong numbers"}
    except Exception as error:  # noqa: BLE001 (whatever a broken CUDA raises, it computes nothing)
        return {"obstacle": f"computing on it fails ({type(error).__name__}: {str(error)[:200]})"}
    return told


def _name_gpu(backend: str) -> dict[str, Any]:
    if backend == "tensorflow":
        import tensorflow as tf

        if gpus := tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(gpus[0])
            name, capability = details["device_name"], details["compute_capability"]
            return {"name": name, "capability": capability}
    elif backend == "jax":
        import jax

        if (first := jax.devices()[0]).platform == "gpu":
            capability = [int(part) for part in first.compute_capability.split(".")]
            return {"name": first.device_kind, "capability": capability}
    else:
        import torch

        if torch.cuda.is_available():
            capability = torch.cuda.get_device_capability(0)
            return {"name": torch.cuda.get_device_name(0), "capability": capability}
    return {"obstacle": f"{backend} sees none"}


def call_with_tensorflow(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function with TensorFlow as backend, which alone exports for OpenVINO."""
    if (backend := keras.backend.backend()) == "tensorflow":
        return function(*arguments)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            process.submit(function, *arguments).result()
    finally:
        os.environ["KERAS_BACKEND"] = backend
    return None


def compile_forward(model: keras.Model) -> Callable[..., np.ndarray]:
    """Return what computes the one output of a model that does not change; in any thread."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        graph = tf.function(
            lambda *given: model(_pack(given), training=False), jit_compile=model.jit_compile
        )
        return lambda *given: np.asarray(graph(*given))
    if backend == "jax":
        import jax

        both = model.trainable_variables, model.non_trainable_variables
        held = ([variable.value for variable in variables] for variables in both)
        call = jax.jit(
            lambda *given: model.stateless_call(*given[:2], _pack(given[2:]), training=False)[0]
        )
        forward = partial(call, *held)
        return lambda *given: np.asarray(forward(*given))
    import torch

    on_gpu = torch.cuda.is_available()

    def look(*arrays: np.ndarray) -> np.ndarray:
        given = [torch.from_numpy(array) for array in arrays]
        if on_gpu:
            given = [one.pin_memory().to("cuda", non_blocking=True) for one in given]
        with torch.no_grad():
            seen: np.ndarray = model(_pack(given), training=False).cpu().numpy()
        return seen

    return look


def _pack(given: Sequence[Any]) -> Any:
    """Return what a model takes for its one input, or its several."""
    return given[0] if len(given) == 1 else list(given)


def prepare_devices() -> int:
    """Return how many devices share each batch from here on; models built later are on all."""
    share = {"jax": _share_on_jax, "tensorflow": _share_on_tensorflow}
    return share.get(keras.backend.backend(), lambda: 1)()


def prepare_steps(model: keras.Model) -> None:
    """Make the metrics and the loss of a compiled model, as Keras would from the first batch.

    It cannot read the shape of parts; and TensorFlow traces a step twice whose first call makes
    variables, which takes seconds where stages are trained.
    """
    scores = np.zeros((1, model.output_shape[-1]), np.float32)
    model.compute_metrics(None, scores, scores)
    model.compute_loss(None, scores, scores)


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
    devices = keras.distribution.list_devices()
    if len(devices) > 1 and keras.distribution.distribution() is None:
        keras.distribution.set_distribution(_EvenBatches(devices=devices))
    return len(devices)


def _share_on_tensorflow() -> int:
    import tensorflow as tf

    if tf.distribute.has_strategy():
        return _count_replicas()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
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


if __name__ == "__main__":
    print(json.dumps(describe_gpu()))
