"""The device that extraction and training use: a GPU where one can be used, else the CPU.

GPUs are asked of the driver (NVML), without Keras: which there are, what a process uses of them.
What the backends say when the memory of a device runs out is known here, too.
"""

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil
import pynvml

from core.config import read_settings
from core.errors import DeviceUnavailable

Handle = Any
"""NVML's name of a GPU, valid while `open_gpus` is entered."""


_EVERY_S = 0.5


_ALWAYS = {"ResourceExhaustedError", "OutOfMemoryError"}
"""Of TensorFlow and PyTorch, whatever they say."""

_BY_WORDS = {"XlaRuntimeError", "JaxRuntimeError", "InternalError", "RuntimeError"}
"""Of any backend, for many reasons; PyTorch's RuntimeError also for memory of the host."""

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
    """Where a run will be computed, and why there."""

    kind: Literal["gpu", "cpu"]
    name: str
    memory_bytes: int | None
    cores: int
    reason: str


@contextmanager
def open_gpus() -> Iterator[list[Handle]]:
    """Yield the GPUs, those that CUDA_VISIBLE_DEVICES names, in its order; all without it.

    Raises:
        NVMLError: There is no driver, or it does not know one that is named.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    pynvml.nvmlInit()
    try:
        if visible is None:
            numbers = range(pynvml.nvmlDeviceGetCount())
            yield [pynvml.nvmlDeviceGetHandleByIndex(number) for number in numbers]
        else:
            names = [name.strip() for name in visible.split(",")]
            yield [_open_gpu(name) for name in names if name not in ("", "-1")]
    finally:
        pynvml.nvmlShutdown()


def _open_gpu(name: str) -> Handle:
    """Return the GPU of a number or a UUID."""
    if name.isdigit():
        return pynvml.nvmlDeviceGetHandleByIndex(int(name))
    return pynvml.nvmlDeviceGetHandleByUUID(name)


def find_device() -> Device:
    """Return the device that runs use: PETALSCOPE_DEVICE, else a usable GPU, else the CPU.

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
    """Return the first GPU that programs may see, or None and why not."""
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
    """Return why the Keras backend cannot use a GPU that is there; empty when it can."""
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


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What was in use; the GPUs' facts are None on the CPU."""

    memory_bytes: int
    """Of this process, resident."""
    gpu_memory_bytes: int | None = None
    """Taken on all GPUs that are used, also what a backend only reserved."""
    gpu_share: float | None = None
    """Mean busy share of the GPUs, 0 to 1."""


def measure_usage() -> Usage:
    """Return what is in use now; 2 ms on the CPU."""
    memory = int(psutil.Process().memory_info().rss)
    if find_device().kind == "cpu":
        return Usage(memory_bytes=memory)
    try:
        with open_gpus() as gpus:
            return Usage(
                memory_bytes=memory,
                gpu_memory_bytes=sum(_read_memory(gpu) for gpu in gpus),
                gpu_share=_read_share(gpus),
            )
    except pynvml.NVMLError:
        return Usage(memory_bytes=memory)


class UsageSampler:
    """Looks at the GPUs twice a second while it is entered; costs nothing on the CPU."""

    def __init__(self) -> None:
        self._shares: list[float] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "UsageSampler":
        if find_device().kind == "gpu":
            self._thread = threading.Thread(target=self._look, name="usage", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def read(self) -> Usage:
        """Return what is in use now, with the mean share of the GPUs since it was entered."""
        usage = measure_usage()
        if not self._shares:
            return usage
        return replace(usage, gpu_share=sum(self._shares) / len(self._shares))

    def _look(self) -> None:
        try:
            with open_gpus() as gpus:
                while not self._over.wait(_EVERY_S):
                    if (share := _read_share(gpus)) is None:
                        return
                    self._shares.append(share)
        except pynvml.NVMLError:
            return  # the driver went away: the epoch matters more than the figure


def _read_memory(gpu: Handle) -> int:
    return int(pynvml.nvmlDeviceGetMemoryInfo(gpu).used)


def _read_share(gpus: list[Handle]) -> float | None:
    """Return the mean busy share; None where it is not told, as of a part of a GPU (MIG)."""
    try:
        shares = [pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100 for gpu in gpus]
    except pynvml.NVMLError_NotSupported:
        return None
    return sum(shares) / len(shares) if shares else None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the error is that of TensorFlow, PyTorch or JAX for want of memory."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _ALWAYS:
        return True
    return bool(names & _BY_WORDS) and any(sign in str(error) for sign in _SIGNS)
