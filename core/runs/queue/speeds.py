"""How long a photo takes in each kind of work here: speeds.json keeps what the last runs spent.

Kept are photos, seconds and processor time: a machine that was busy with something else makes a run
longer, its processor time hardly. So a time is a range: from alone on the machine to as busy as it
was. Files of older versions hold photos a second only, which are read as such.
"""

import json
import math
import statistics
from contextlib import suppress
from typing import Any, NamedTuple

from core.runs.locks import hold_lock
from core.workspace import Workspace, write_json
from models.devices import Device

STATED_SPEEDS: dict[str, dict[str, float]] = {
    "cpu": {
        "packing": 300,
        "extracting": 200,
        "activations": 150,
        "head": 12_000,
        "stages:1:float32": 45,
        "stages:1:mixed": 70,
        "stages:2:float32": 18,
        "stages:2:mixed": 26,
        "stages:5:float32": 11,
        "stages:5:mixed": 15,
    },
    "gpu": {
        "packing": 300,
        "extracting": 2_000,
        "activations": 1_500,
        "head": 30_000,
        "stages:1:float32": 2_000,
        "stages:1:mixed": 3_000,
        "stages:2:float32": 700,
        "stages:2:mixed": 1_200,
        "stages:5:float32": 400,
        "stages:5:mixed": 900,
    },
}
"""Photos a second where nothing was measured yet.

Source: cpu, our own measurements on 2 busy cores of an AMD EPYC with avx512_bf16, but activations
and stages:2, which lie between their neighbours; gpu, guesses on the careful side of what one
data-centre GPU is known to train of ResNet-50 (several hundred in float32, one to two thousand in
mixed precision)."""
PER_PHOTO = ("packing", "head")
"""What takes as long whatever the network sees; all else is told in photos of the usual size."""
KEPT_SPEEDS = 5
"""Runs kept of each kind: one that was disturbed does not spoil the median."""
FORWARD_SHARE = 3.0
"""Scoring a photo costs about a third of a training step: forward, against forward and twice that
backward."""
_STATED_CORES = 2
"""Cores of the CPU whose speeds are stated."""
_STATED_MARGIN = 2.0
"""How many times shorter or longer it may be where another machine's speed is taken."""
_USED_SHARE = 0.8
"""Share of the cores that convolutions use where nothing else runs; a head uses one core."""
_BUSIEST = 4.0
"""How many times longer than alone on the machine a run is expected to take at most."""
_TELLING = 0.1
"""A run of fewer photos than this share of the largest one's does not count beside it."""


class Work(NamedTuple):
    """What photos of one kind of work took."""

    photos: float
    seconds: float = 1.0
    cpu_seconds: float | None = None
    """Of all threads of the process; None where it was not measured, and on a GPU."""


class Cost(NamedTuple):
    """Seconds that a photo takes, from alone on the machine to as busy as it was."""

    low: float
    high: float
    measured: bool = True
    """False: going by another machine."""

    def times(self, factor: float) -> "Cost":
        """Return the cost of so many photos, or on a machine so many times slower."""
        return Cost(self.low * factor, self.high * factor, self.measured)


def note_speed(workspace: Workspace, device_name: str, kind: str, work: Work) -> None:
    """Keep what photos took, for estimates.

    Any number of processes may call this at once. A disk that is full is no reason for a run to
    fail here: it is then not kept.

    Args:
        kind: "extracting", "activations", "head" (photos times epochs), "stages:1:float32" to
            "stages:5:mixed" (training photos times epochs).
        work: Left out when its photos or seconds are not above 0.
    """
    if not all(0 < number < math.inf for number in work[:2]):
        return
    with suppress(OSError), hold_lock(workspace.speeds_file.with_suffix(".lock")):
        every = _read_all(workspace)
        kinds = every.setdefault(device_name, {})
        kinds[kind] = [*kinds.get(kind, []), work][-KEPT_SPEEDS:]
        write_json(workspace.speeds_file, every)


def read_costs(workspace: Workspace, device: Device) -> dict[str, Cost]:
    """Return what a photo takes on the device, for each kind of work that was measured there."""
    kinds = _read_all(workspace).get(device.name, {})
    return {kind: _weigh(kind, noted, device) for kind, noted in kinds.items() if noted}


def find_cost(costs: dict[str, Cost], kind: str, device: Device) -> Cost:
    """Return seconds a photo of a kind of work: as measured here, else as stated.

    Stated speeds of a CPU are scaled by how fast this one was at extracting, else by its cores;
    stages between the stated ones take the speed of the next that is stated.
    """
    if kind in costs:
        return costs[kind]
    stated = STATED_SPEEDS[device.kind]
    if kind not in stated:
        _, stages, precision = kind.split(":")
        deeper = (f"stages:{n}:{precision}" for n in range(int(stages) + 1, 6))
        return find_cost(costs, next(one for one in deeper if one in stated), device)
    if "extracting" in costs:
        share = stated["extracting"] / stated[kind]
        return costs["extracting"].times(share)._replace(measured=False)
    seconds = 1 / stated[kind]
    if device.kind == "cpu":
        seconds *= _STATED_CORES / device.cores
    return Cost(seconds / _STATED_MARGIN, seconds * _STATED_MARGIN, measured=False)


def _weigh(kind: str, noted: list[Work], device: Device) -> Cost:
    """Return the cost by the last runs: medians of what each took alone, and of what it took."""
    most = max(work.photos for work in noted)
    told = [work for work in noted if work.photos >= _TELLING * most]
    usual = 1.0 if kind == "head" else max(1.0, _USED_SHARE * device.cores)
    used = max([usual, *(work.cpu_seconds / work.seconds for work in told if work.cpu_seconds)])
    alone, busy = [], []
    for work in told:
        seconds = work.seconds
        if work.cpu_seconds:
            seconds = min(seconds, work.cpu_seconds / min(used, device.cores))
        alone.append(seconds / work.photos)
        busy.append(min(work.seconds, _BUSIEST * seconds) / work.photos)
    margin = 1.2 + 0.4 / len(told)
    return Cost(statistics.median(alone) / margin, statistics.median(busy) * margin)


def _read_all(workspace: Workspace) -> dict[str, dict[str, list[Work]]]:
    """Return what the file says; nothing when it is missing or was altered."""
    try:
        content = json.loads(workspace.speeds_file.read_text(encoding="utf-8"))
        return {
            device: {kind: [_read_work(one) for one in noted] for kind, noted in kinds.items()}
            for device, kinds in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _read_work(noted: Any) -> Work:
    """Return what was noted; older versions noted photos a second."""
    if not isinstance(noted, list):
        return Work(float(noted))
    photos, seconds, cpu = noted
    return Work(float(photos), float(seconds), None if cpu is None else float(cpu))
