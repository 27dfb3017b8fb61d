"""The three backends of Keras (keras): their GPU, and compiled models.

`python -m models.backends` prints the GPU that the backend uses, for processes without Keras.
"""

import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import keras
import numpy as np


def describe_gpu() -> dict[str, Any]:
    """Return name and compute capability of the GPU that Keras uses, or the obstacle.

    A test convolution reveals libraries that are missing or do not fit.
    """
    try:
        found = _name_gpu(keras.backend.backend())
        if "name" in found:
            photos, kernel = np.ones((1, 8, 8, 8), np.float32), np.ones((3, 3, 8, 8), np.float32)
            seen = keras.ops.convert_to_numpy(keras.ops.conv(photos, kernel))
            if not np.allclose(seen, 72, rtol=1e-2):
                return {"obstacle": "its results are wrong"}
    except Exception as error:  # noqa: BLE001 (whatever a broken CUDA raises, it computes nothing)
        fault = f"{type(error).__name__}: {str(error)[:200]}"
        return {"obstacle": f"a test computation on it fails ({fault})"}
    return found


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
    return {"obstacle": f"{backend} finds no GPU"}


def call_with_tensorflow(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function with TensorFlow as backend, the only one that exports to OpenVINO."""
    if (backend := keras.backend.backend()) == "tensorflow":
        return function(*arguments)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            process.submit(function, *arguments).result()
    finally:
        os.environ["KERAS_BACKEND"] = backend
    return None


def compile_forward(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return the compiled model, for one input and one output; any thread may call it."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        graph = tf.function(
            lambda inputs: model(inputs, training=False), jit_compile=model.jit_compile
        )
        return lambda inputs: np.asarray(graph(inputs))
    if backend == "jax":
        import jax

        both = model.trainable_variables, model.non_trainable_variables
        held = [[variable.value for variable in variables] for variables in both]
        call = jax.jit(lambda *given: model.stateless_call(*given, training=False)[0])
        return lambda inputs: np.asarray(call(*held, inputs))
    import torch

    def look(inputs: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(inputs)
        if torch.cuda.is_available():
            given = given.pin_memory().to("cuda", non_blocking=True)
        with torch.no_grad():
            seen: np.ndarray = model(given, training=False).cpu().numpy()
        return seen

    return look


if __name__ == "__main__":
    print(json.dumps(describe_gpu()))
