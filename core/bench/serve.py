"""The API under load: 50 clients in a process of their own, beside the bare model, in turns.

Both are measured in short rounds, one after the other, so that what else the machine does meets
both alike; the median round counts.
"""

import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil

from core.bench.clients import Load
from core.bench.measuring import (
    Figure,
    OnStep,
    Report,
    call_in_child,
    describe_machine,
    percentile_ms,
)
from core.bench.predict import draw_jpeg
from core.bench.preparing import find_network
from core.bench.serving_process import ServingProcess, run_serving
from core.registry.store import find_version
from core.workspace import Workspace

_BATCH = 8
_BARE_PHOTOS = 320
_PHOTO = (500, 375)


_BARE = ("core.bench.bare_openvino", "measure_cost")


@dataclass
class _Rounds:
    bare: list[tuple[float, float]] = field(default_factory=list)
    """Photos per second, and processor seconds of a photo."""
    loads: list[Load] = field(default_factory=list)
    spent_s: float = 0.0
    """Processor seconds of the API under all loads."""


def measure_serving(
    workspace: Workspace, *, clients: int, seconds: float, rounds: int, on_step: OnStep
) -> Report:
    """Returns the photos per second of the API with so many clients, beside bare OpenVINO.

    Raises:
        VersionMissing: There is no champion.
        BenchmarkFailed: The API did not become ready.
    """
    machine = describe_machine()
    version = find_version(workspace, "champion")
    facts: dict[str, Any] = version.facts["backbone"]
    network = (find_network(workspace, facts["id"]), facts["precision"])
    photo = draw_jpeg(_PHOTO)
    rounds_of = _Rounds()
    on_step("Starting the API")
    with run_serving(workspace, PETALSCOPE_API_RATE_LIMIT="0") as serving:
        process = psutil.Process(serving.pid)
        for number in range(1, rounds + 1):
            on_step(f"Bare OpenVINO, round {number} of {rounds}")
            rounds_of.bare.append(call_in_child(*_BARE, *network, _BATCH, _BARE_PHOTOS))
            on_step(f"{clients} clients, round {number} of {rounds}")
            before = _spent_s(process)
            rounds_of.loads.append(_send(serving, photo, clients, seconds))
            rounds_of.spent_s += _spent_s(process) - before
        on_step("One client")
        alone = _send(serving, photo, 1, seconds / 2)
        memory = process.memory_info().rss
    return Report(
        title=f"{version.label} served to {clients} clients, rounds of {seconds:g} s",
        figures=[*_list_figures(rounds_of, alone, memory), *_list_costs(rounds_of)],
        circumstances={
            **machine,
            "version": f"{version.label} ({version.digest[:12]})",
            "precision": facts["precision"],
            "photo": f"JPEG {_PHOTO[0]} × {_PHOTO[1]}, {len(photo) / 1e3:.0f} kB",
            "rounds": rounds,
            "statuses": sum_statuses(rounds_of.loads),
        },
    )


def sum_statuses(loads: list[Load]) -> dict[int, int]:
    """Returns status → answers that had it, over all loads."""
    total: dict[int, int] = {}
    for load in loads:
        for status, answers in load.statuses.items():
            total[status] = total.get(status, 0) + answers
    return total


def _send(serving: ServingProcess, photo: bytes, clients: int, seconds: float) -> Load:
    time.sleep(0.5)  # the log is written, the cores are free again
    load: Load = call_in_child(
        "core.bench.clients",
        "send_load",
        serving.port,
        [photo],
        clients=clients,
        duration_s=seconds,
    )
    return load


def _list_figures(rounds: _Rounds, alone: Load, memory: int) -> list[Figure]:
    loads, bare = rounds.loads, [rate for rate, _ in rounds.bare]
    ours = [len(load.seconds) / load.took_s for load in loads]
    shares = [mine / reference for mine, reference in zip(ours, bare, strict=True)]
    together = [second for load in loads for second in load.seconds]
    clients = "all clients"
    return [
        Figure(name="ours", value=median(ours), unit="photos/s", note=_list_rounds(ours)),
        Figure(
            name="bare OpenVINO, photos in memory",
            value=median(bare),
            unit="photos/s",
            our_speed=median(shares),
            note=_list_rounds(bare),
        ),
        Figure(name=f"answer, {clients}, p50", value=percentile_ms(together, 50), unit="ms"),
        Figure(name=f"answer, {clients}, p95", value=percentile_ms(together, 95), unit="ms"),
        Figure(name="answer, one client, p50", value=percentile_ms(alone.seconds, 50), unit="ms"),
        Figure(name="answer, one client, p95", value=percentile_ms(alone.seconds, 95), unit="ms"),
        Figure(name="memory of the API", value=memory / 1e6, unit="MB"),
    ]


def _list_costs(rounds: _Rounds) -> list[Figure]:
    """Returns the processor time of a photo: others on the machine change it little."""
    ours = rounds.spent_s / max(1, sum(len(load.seconds) for load in rounds.loads))
    bare = median(cost for _, cost in rounds.bare)
    return [
        Figure(name="ours, processor time of a photo", value=ours * 1000, unit="ms"),
        Figure(
            name="bare OpenVINO, processor time of a photo",
            value=bare * 1000,
            unit="ms",
            our_speed=bare / ours,
        ),
    ]


def _spent_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _list_rounds(values: list[float]) -> str:
    return "rounds: " + ", ".join(f"{value:.1f}" for value in values)
