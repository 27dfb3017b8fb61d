"""The API under load: 50 clients in a process of their own, beside the bare model, in turns.

Both are measured in short rounds, one after the other, so that what else the machine does meets
both alike; the median round counts.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

import psutil

from core.registry.store import find_version
from core.workspace import Workspace
from tests.bench.clients import Load
from tests.bench.measuring import MEGABYTE, Figure, Report, call_in_child, list_percentiles, say
from tests.bench.predict import draw_jpeg
from tests.bench.subject import find_network
from tests.serving_process import ServingProcess, run_serving

_BATCH = 8
_BARE_PHOTOS = 320
_PHOTO = (500, 375)


@dataclass
class _Rounds:
    bare: list[tuple[float, float]] = field(default_factory=list)
    """Photos per second, and processor seconds of a photo."""
    loads: list[Load] = field(default_factory=list)
    spent_s: float = 0.0
    """Processor seconds of the API under all loads."""


def measure(
    workspace: Workspace, *, clients: int = 50, seconds: float = 8.0, rounds: int = 5
) -> Report:
    """Measure the photos per second of the API with that many clients, beside bare OpenVINO.

    Raises:
        VersionMissing: There is no champion.
    """
    version = find_version(workspace, "champion")
    backbone = version.facts["backbone"]
    network = (find_network(workspace, backbone["id"]), backbone["precision"])
    photo = draw_jpeg(_PHOTO)
    found = _Rounds()
    say("Starting the API")
    with run_serving(workspace, PETALSCOPE_API_RATE_LIMIT="0") as serving:
        process = psutil.Process(serving.pid)
        for number in range(1, rounds + 1):
            say(f"Bare OpenVINO, round {number} of {rounds}")
            bare = ("tests.bench.bare_openvino", "measure_throughput")
            found.bare.append(call_in_child(*bare, *network, _BATCH, _BARE_PHOTOS))
            say(f"{clients} clients, round {number} of {rounds}")
            before = _spent_s(process)
            found.loads.append(_send(serving, photo, clients, seconds))
            found.spent_s += _spent_s(process) - before
        say("One client")
        alone = _send(serving, photo, 1, seconds / 2)
        memory = Figure("memory of the API", process.memory_info().rss / MEGABYTE, "MB")
    return Report(
        f"{version.label} served to {clients} clients, rounds of {seconds:g} s",
        [*_list_figures(found, alone), memory, *_list_costs(found)],
        {
            "version": f"{version.label} ({version.digest[:12]})",
            "precision": backbone["precision"],
            "photo": f"JPEG {_PHOTO[0]} × {_PHOTO[1]}, {len(photo) / 1e3:.0f} kB",
            "rounds": rounds,
            "statuses": dict(sum((Counter(load.statuses) for load in found.loads), Counter())),
        },
    )


def _send(serving: ServingProcess, photo: bytes, clients: int, seconds: float) -> Load:
    time.sleep(0.5)  # the log is written, the cores are free again
    call = ("tests.bench.clients", "send_load", serving.port, [photo])
    load: Load = call_in_child(*call, clients=clients, duration_s=seconds)
    return load


def _list_figures(found: _Rounds, alone: Load) -> list[Figure]:
    ours = [len(load.seconds) / load.took_s for load in found.loads]
    bare = [rate for rate, _ in found.bare]
    shares = [mine / reference for mine, reference in zip(ours, bare, strict=True)]
    together = [second for load in found.loads for second in load.seconds]
    share, name, unit = median(shares), "bare OpenVINO, photos in memory", "photos/s"
    return [
        Figure("ours", median(ours), unit, note=_list_rounds(ours)),
        Figure(name, median(bare), unit, share, _list_rounds(bare)),
        *list_percentiles("answer, all clients,", together),
        *list_percentiles("answer, one client,", alone.seconds),
    ]


def _list_costs(found: _Rounds) -> list[Figure]:
    """Return the processor time of a photo: others on the machine change it little."""
    ours = found.spent_s / max(1, sum(len(load.seconds) for load in found.loads))
    bare = median(cost for _, cost in found.bare)
    what = "processor time of a photo"
    return [
        Figure(f"ours, {what}", ours * 1000, "ms"),
        Figure(f"bare OpenVINO, {what}", bare * 1000, "ms", bare / ours),
    ]


def _spent_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _list_rounds(values: list[float]) -> str:
    return "rounds: " + ", ".join(f"{value:.1f}" for value in values)
