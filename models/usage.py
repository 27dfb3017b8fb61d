"""What the process uses of the machine: memory, and the GPUs' memory and time where there are any.

`with UsageSampler() as usage: …; usage.read()` looks at a stretch of work, such as an epoch;
`measure_usage()` at this moment. A fact that the driver does not give is None, never a failure.
"""

import threading
from dataclasses import dataclass, replace

import psutil
import pynvml

from models.devices import find_device
from models.gpus import Handle, open_gpus

_EVERY_S = 0.5


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
    """Returns what is in use now; 2 ms on the CPU."""
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
        """Returns what is in use now, with the mean share of the GPUs since it was entered."""
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
    """Returns the mean busy share; None where it is not told, as of a part of a GPU (MIG)."""
    try:
        shares = [pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100 for gpu in gpus]
    except pynvml.NVMLError_NotSupported:
        return None
    return sum(shares) / len(shares) if shares else None
