"""What every measurement shares: the report, fresh processes, memory, percentiles, the machine."""

import multiprocessing
import os
import platform
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import psutil

MEGABYTE = 1e6
OnStep = Callable[[str], None]
"""Told in words what is measured next."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str
    our_speed: float | None = None
    """How many times as fast ours is: told with a reference, or with ours."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a measurement found, and under which circumstances."""

    title: str
    figures: list[Figure]
    circumstances: dict[str, Any] = field(default_factory=dict)


def call_in_child(module: str, function: str, *arguments: Any, **named: Any) -> Any:
    """Returns what the function of the module returns, called in a fresh process.

    So references share neither memory nor thread pools with what they are compared with, and
    this process never imports Keras for them.
    """
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(_import_and_call, module, function, arguments, named).result()


def _import_and_call(
    module: str, function: str, arguments: Sequence[Any], named: Mapping[str, Any]
) -> Any:
    return getattr(import_module(module), function)(*arguments, **named)


@dataclass
class PeakMemory:
    """Resident memory of this process in bytes: before, and at its highest."""

    before: int
    peak: int


@contextmanager
def watch_memory(interval_s: float = 0.02) -> Iterator[PeakMemory]:
    """Yields the memory of this process, watched from a thread until the block ends."""
    process = psutil.Process()
    now = process.memory_info().rss
    memory, ended = PeakMemory(before=now, peak=now), threading.Event()

    def watch() -> None:
        while not ended.wait(interval_s):
            memory.peak = max(memory.peak, process.memory_info().rss)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()
        memory.peak = max(memory.peak, process.memory_info().rss)


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """Returns the percentile of the durations, in milliseconds."""
    return float(np.percentile(seconds, percent)) * 1000


def describe_machine() -> dict[str, Any]:
    """Returns the processor, its cores that we may use, the memory, and how busy it is already."""
    return {
        "processor": _read_processor_name(),
        "cores": len(psutil.Process().cpu_affinity()) if hasattr(os, "fork") else os.cpu_count(),
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "busy before": f"{psutil.getloadavg()[0]:.1f} processes (best measured near 0)",
    }


def _read_processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
