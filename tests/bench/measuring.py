"""What every measurement shares: figures, fresh processes, memory, percentiles, the machine."""

import multiprocessing
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from core.errors import PetalscopeError

MEGABYTE = 1e6
WARM_UPS = 3


class BenchmarkFailed(PetalscopeError, code="benchmark_failed"):
    """A measurement could not be made."""


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str
    our_speed: float | None = None
    """How many times as fast ours is: given with a reference, or with ours."""
    note: str = ""


@dataclass(frozen=True)
class Report:
    """What a measurement found, and under which circumstances."""

    title: str
    figures: list[Figure]
    circumstances: dict[str, Any] = field(default_factory=dict)


def say(step: str) -> None:
    """Print on stderr what is measured next."""
    print(step, file=sys.stderr, flush=True)


def call_in_child(module: str, function: str, *arguments: Any, **named: Any) -> Any:
    """Call the function of a module in a fresh process, and return its answer.

    So references share neither memory nor thread pools with what they are compared with, and
    this process never imports Keras for them.
    """
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(_import_and_call, module, function, arguments, named).result()


def _import_and_call(
    module: str, function: str, arguments: Sequence[Any], named: dict[str, Any]
) -> Any:
    return getattr(import_module(module), function)(*arguments, **named)


@dataclass
class PeakMemory:
    """Memory of a process in bytes: before, and at its highest."""

    before: int
    peak: int


@contextmanager
def watch_memory(
    interval_s: float = 0.02, other: psutil.Process | None = None
) -> Iterator[PeakMemory]:
    """Watch the resident memory of this process from a thread until the block ends; of another one
    that which is its own, without mapped files."""
    process = other or psutil.Process()

    def read() -> int:
        memory = process.memory_info()
        return int(memory.rss - (memory.shared if other else 0))

    now = read()
    memory, ended = PeakMemory(before=now, peak=now), threading.Event()

    def look() -> None:
        with suppress(psutil.NoSuchProcess):
            memory.peak = max(memory.peak, read())

    def watch() -> None:
        while not ended.wait(interval_s):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        look()  # what was filled since the last interval; the watching thread may have starved
        ended.set()
        thread.join()


def time_call(act: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def time_calls(act: Callable[[], object], repeats: int, warm_ups: int = WARM_UPS) -> list[float]:
    """Return the seconds of each call; those that warm up are left out."""
    return [time_call(act) for _ in range(warm_ups + repeats)][warm_ups:]


def list_percentiles(
    name: str, seconds: Sequence[float], ours: Sequence[float] = (), note: str = ""
) -> list[Figure]:
    """Return median and 95th percentile in ms; with `ours`, how many times as fast ours is."""
    figures = []
    for percent in (50, 95):
        value = 1000 * float(np.percentile(seconds, percent))
        speed = value / (1000 * float(np.percentile(ours, percent))) if ours else None
        figures.append(Figure(f"{name} p{percent}", value, "ms", speed, note))
    return figures


def attempt(title: str, act: Callable[[], list[Figure]]) -> list[Figure]:
    """Return the figures, or one that says what went wrong: the others are worth having.

    They are printed on stderr, too, lest what is cut off later loses them.
    """
    say(title)
    try:
        figures = act()
    except Exception as error:  # noqa: BLE001 (whatever a backend or another program raises)
        figures = [Figure(title, 0.0, "", note=f"failed: {type(error).__name__}: {error}")]
    for one in figures:
        say(f"  {one.name}: {one.value:,.4g} {one.unit} {one.note}")
    return figures


def compare(name: str, ours: float, peer: float, whose: str, unit: str) -> Figure:
    """Return a figure with the ratio to a peer's of the same unit."""
    return Figure(name, ours, unit, note=f"{ours / peer:.2f} × {whose} ({peer:,.3g} {unit})")


def describe_machine() -> dict[str, Any]:
    """Return the processor, its cores that we may use, the memory, and how busy it is already."""
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
