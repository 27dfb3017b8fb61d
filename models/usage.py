"""What the process uses of the machine: memory, and the GPU's memory and time where there is one.

Used by models/fitting.py around each epoch: `with UsageSampler() as usage: …; usage.read()`.
"""

import threading
from dataclasses import dataclass

import psutil
import pynvml

from models.devices import find_device

_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What was in use; the GPU's are None on the CPU."""

    memory_bytes: int
    gpu_memory_bytes: int | None = None
    gpu_share: float | None = None
    """Mean busy share of the GPU, 0 to 1."""


class UsageSampler:
    """Looks at the GPU twice a second while it is entered; costs nothing on the CPU."""

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
        """Returns what is in use now, and the mean share of the GPU since it was entered."""
        memory = int(psutil.Process().memory_info().rss)
        if self._thread is None:
            return Usage(memory_bytes=memory)
        share = sum(self._shares) / len(self._shares) if self._shares else None
        return Usage(memory_bytes=memory, gpu_memory_bytes=_read_gpu_memory(), gpu_share=share)

    def _look(self) -> None:
        pynvml.nvmlInit()
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(0)
            while not self._over.wait(_EVERY_S):
                self._shares.append(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
        finally:
            pynvml.nvmlShutdown()


def _read_gpu_memory() -> int:
    pynvml.nvmlInit()
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        return int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)
    finally:
        pynvml.nvmlShutdown()
