"""The device that extraction and training use: a GPU where one can be used, else the CPU.

Asks the NVIDIA driver (NVML) and the list of installed packages, so that neither Keras nor its
backend has to be imported to answer.
"""

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil
import pynvml

from core.config import read_settings
from core.errors import DeviceUnavailable
from models.gpus import Handle, open_gpus


@dataclass(frozen=True, kw_only=True)
class Device:
    """Where a run will be computed, and why there."""

    kind: Literal["gpu", "cpu"]
    name: str
    memory_bytes: int | None
    cores: int
    reason: str


def find_device() -> Device:
    """Returns the device that runs use: PETALSCOPE_DEVICE, else a usable GPU, else the CPU.

    Raises:
        DeviceUnavailable: A GPU is demanded and there is none that can be used.
    """
    wanted = read_settings().device
    if wanted == "cpu":
        return _describe_cpu("PETALSCOPE_DEVICE is cpu")
    gpu, obstacle = _find_gpu()
    if gpu and not (obstacle := _find_backend_obstacle()):
        return gpu
    if wanted == "gpu":
        raise DeviceUnavailable(
            f"PETALSCOPE_DEVICE is gpu, but no GPU can be used: {obstacle}.",
            "Put that right, or set PETALSCOPE_DEVICE to auto or cpu.",
            obstacle=obstacle,
        )
    return _describe_cpu(obstacle)


def _find_gpu() -> tuple[Device | None, str]:
    """Returns the first GPU that programs may see, or None and why not."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return None, "CUDA_VISIBLE_DEVICES hides every GPU"
    try:
        with open_gpus() as gpus:
            return (_describe_gpu(gpus[0]), "") if gpus else (None, "no NVIDIA GPU found")
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return None, "no NVIDIA GPU found"
    except pynvml.NVMLError as error:
        return None, f"the NVIDIA driver lists no usable GPU ({error})"


def _describe_gpu(handle: Handle) -> Device:
    name = pynvml.nvmlDeviceGetName(handle)
    return Device(
        kind="gpu",
        name=name if isinstance(name, str) else name.decode(),
        memory_bytes=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
        cores=_count_cores(),
        reason="an NVIDIA GPU was found",
    )


def _find_backend_obstacle() -> str:
    """Returns why the Keras backend cannot use a GPU that is there; empty when it can."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend == "tensorflow" and _is_installed("tensorflow_cpu"):
        remedy = "pip uninstall tensorflow-cpu, then pip install 'tensorflow[and-cuda]'"
        return f"a GPU is there, but tensorflow-cpu is installed: {remedy}"
    if backend == "tensorflow" and platform.system() != "Linux":
        return "a GPU is there, but TensorFlow uses it only on Linux (or WSL)"
    if backend == "torch" and "+cpu" in _read_version("torch"):
        return "a GPU is there, but PyTorch is installed without CUDA"
    if backend == "jax" and not any(_is_installed(f"jax_cuda{n}_plugin") for n in (12, 13)):
        return "a GPU is there, but JAX is installed without CUDA: pip install 'jax[cuda13]'"
    return ""


def _is_installed(package: str) -> bool:
    return bool(_read_version(package))


def _read_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


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
