"""The device of extraction and training: a usable GPU, else the CPU.

The driver (NVML) lists GPUs without Keras; only the Keras backend knows whether one is usable.
`python -m models.devices` prints what the backend says, for processes without Keras.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import pynvml

from core.config import read_settings
from core.errors import PetalscopeError
from core.workspace import PROJECT_ROOT

Half = Literal["bfloat16", "float16", ""]

_PATIENCE_S = 180
"""Timeout of the backend: the first compilation on a new GPU takes a minute."""

_REMEDIES = {
    "tensorflow": "pip uninstall tensorflow-cpu, then pip install 'tensorflow[and-cuda]'",
    "jax": "pip install 'jax[cuda13]'",
    "torch": "install PyTorch with CUDA, and the driver that it asks for",
}

_ALWAYS = {"ResourceExhaustedError", "OutOfMemoryError"}
"""Errors of TensorFlow and PyTorch, whatever their message."""

_BY_WORDS = {"XlaRuntimeError", "JaxRuntimeError", "InternalError", "RuntimeError"}
"""Errors that any backend raises for many reasons."""

_SIGNS = (
    "RESOURCE_EXHAUSTED",
    "out of memory",
    "Out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "DefaultCPUAllocator",
)


@dataclass(frozen=True, kw_only=True)
class Device:
    """The device of a run, and the reason for it."""

    kind: Literal["gpu", "cpu"]
    name: str
    memory_bytes: int | None
    cores: int
    reason: str
    half: Half = "bfloat16"
    """Type of mixed precision; empty: float32."""


@contextmanager
def open_gpus() -> Iterator[list[Any]]:
    """Yield NVML's handles of the GPUs in CUDA_VISIBLE_DEVICES, or of all GPUs.

    Raises:
        NVMLError: There is no driver, or it does not know one of them.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    pynvml.nvmlInit()
    try:
        if visible is None:
            numbers = range(pynvml.nvmlDeviceGetCount())
            yield [pynvml.nvmlDeviceGetHandleByIndex(number) for number in numbers]
        else:
            names = [name.strip() for name in visible.split(",")]
            yield [
                pynvml.nvmlDeviceGetHandleByIndex(int(name))
                if name.isdigit()
                else pynvml.nvmlDeviceGetHandleByUUID(name)
                for name in names
                if name not in ("", "-1")
            ]
    finally:
        pynvml.nvmlShutdown()


def find_device() -> Device:
    """Return the device of runs: PETALSCOPE_DEVICE, else a usable GPU, else the CPU.

    With a GPU, the Keras backend is asked once per process, which takes seconds.

    Raises:
        PetalscopeError: PETALSCOPE_DEVICE is gpu, and no GPU is usable.
    """
    wanted = read_settings().device
    if wanted == "cpu":
        return _describe_cpu("PETALSCOPE_DEVICE is cpu")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = _find_gpu(visible, os.environ.get("KERAS_BACKEND", "tensorflow"))
    if isinstance(found, Device):
        return found
    if wanted == "gpu":
        raise PetalscopeError(
            f"PETALSCOPE_DEVICE is gpu, but no GPU is usable: {found}.",
            "Fix this, or set PETALSCOPE_DEVICE to auto or cpu.",
            code="device_unavailable",
            obstacle=found,
        )
    return _describe_cpu(found)


@cache
def _find_gpu(visible: str | None, backend: str) -> Device | str:
    """Return the GPU of the backend, or the reason why it has none."""
    if visible is not None and visible.strip() in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    try:
        with open_gpus() as gpus:
            if not gpus:
                return "no NVIDIA GPU found"
            memory = int(pynvml.nvmlDeviceGetMemoryInfo(gpus[0]).total)
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return "no NVIDIA GPU found"
    except pynvml.NVMLError as error:
        return f"the NVIDIA driver lists no usable GPU ({error})"
    answer = _ask_backend(backend)
    if "obstacle" in answer:
        return f"there is a GPU, but {answer['obstacle']}; to use it, {_REMEDIES[backend]}"
    return Device(
        kind="gpu",
        name=answer["name"],
        memory_bytes=memory,
        cores=_count_cores(),
        reason=f"{backend} uses it",
        half=_choose_half(answer["capability"]),
    )


def _ask_backend(backend: str) -> dict[str, Any]:
    """Return the answer of `describe_gpu`, from a separate process if it could hang."""
    if backend in sys.modules:
        return describe_gpu()
    command = [sys.executable, "-m", "models.devices"]
    try:
        asked = subprocess.run(
            command, cwd=PROJECT_ROOT, capture_output=True, timeout=_PATIENCE_S, check=True
        )
        answer: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as error:
        return {"obstacle": f"{backend} did not respond ({error})"}
    return answer


def describe_gpu() -> dict[str, Any]:
    """Return name and compute capability of the GPU that Keras uses, or the obstacle.

    A test convolution reveals libraries that are missing or do not fit.
    """
    import keras

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


def _choose_half(capability: Sequence[int]) -> Half:
    """Return the half precision that GPUs of this compute capability support.

    Source: CUDA C++ Programming Guide, "Compute Capabilities".
    """
    if tuple(capability) >= (8, 0):
        return "bfloat16"
    return "float16" if tuple(capability) >= (7, 0) else ""


def _describe_cpu(reason: str) -> Device:
    return Device(
        kind="cpu",
        name=_read_processor_name(),
        memory_bytes=psutil.virtual_memory().total,
        cores=_count_cores(),
        reason=reason,
    )


def _count_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether TensorFlow, PyTorch or JAX ran out of memory."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _ALWAYS:
        return True
    return bool(names & _BY_WORDS) and any(sign in str(error) for sign in _SIGNS)


if __name__ == "__main__":
    print(json.dumps(describe_gpu()))
