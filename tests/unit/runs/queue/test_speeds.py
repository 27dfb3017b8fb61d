"""Speeds that runs measured: the median of the last few, whoever writes, whatever happens."""

import json
import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest

from core.runs.queue.speeds import (
    KEPT_SPEEDS,
    STATED_SPEEDS,
    Cost,
    Work,
    find_cost,
    note_speed,
    read_costs,
)
from core.workspace import Workspace
from models.devices import Device


def _note_many(workspace: Workspace, writer: int) -> None:
    for number in range(20):
        note_speed(workspace, "cpu", f"kind {writer}.{number}", Work(1.0))


CPU = Device(kind="cpu", name="cpu", memory_bytes=None, cores=2, reason="")
GPU = replace(CPU, kind="gpu", name="gpu")


def test_the_median_of_the_last_few_counts(workspace: Workspace) -> None:
    for seconds in (9.0, 9.0, 10.0, 12.0, 500.0, 11.0, 9.0):
        note_speed(workspace, "cpu", "head", Work(10.0, seconds))
    assert KEPT_SPEEDS == 5
    assert list(read_costs(workspace, CPU)) == ["head"]
    cost = read_costs(workspace, CPU)["head"]
    assert cost.low < 1.1 < cost.high and cost.low * cost.high == pytest.approx(1.1**2)
    assert read_costs(workspace, replace(CPU, name="another one")) == {}


def test_a_busy_machine_widens_the_range_but_its_processor_time_stays(workspace: Workspace) -> None:
    note_speed(workspace, "cpu", "head", Work(50_000, 60.0, 5.0))
    busy = read_costs(workspace, CPU)["head"]
    assert busy.low < 5 / 50_000 < busy.high < 60 / 50_000
    for _ in range(3):
        note_speed(workspace, "cpu", "head", Work(50_000, 5.5, 5.0))
    quiet = read_costs(workspace, CPU)["head"]
    assert quiet.low < 5 / 50_000 < quiet.high < 1.5 * 5.5 / 50_000


def test_a_tiny_run_does_not_count_beside_a_large_one(workspace: Workspace) -> None:
    note_speed(workspace, "cpu", "stages:1:mixed", Work(2_000, 20.0, 32.0))
    large = read_costs(workspace, CPU)
    note_speed(workspace, "cpu", "stages:1:mixed", Work(57, 60.0, 60.0))
    assert read_costs(workspace, CPU) == large


def test_speeds_of_an_older_version_are_read_and_kept(workspace: Workspace) -> None:
    workspace.speeds_file.write_text('{"cpu": {"head": [100.0, 200.0]}, "gpu": {"head": [9]}}')
    cost = read_costs(workspace, CPU)["head"]
    assert cost.low < 1 / 150 < cost.high
    note_speed(workspace, "cpu", "head", Work(150.0))
    assert json.loads(workspace.speeds_file.read_text())["cpu"]["head"] == [
        [100.0, 1.0, None],
        [200.0, 1.0, None],
        [150.0, 1.0, None],
    ]
    assert list(read_costs(workspace, GPU)) == ["head"]


def test_stated_speeds_are_those_of_a_machine_like_this() -> None:
    def seconds(kind: str, device: Device, **measured: float) -> float:
        costs = {name: Cost(one, one) for name, one in measured.items()}
        cost = find_cost(costs, kind, device)
        assert (not cost.measured and cost.low < cost.high) or measured
        return math.sqrt(cost.low * cost.high)

    stated = STATED_SPEEDS["cpu"]
    assert seconds("head", CPU) == pytest.approx(1 / stated["head"])
    assert seconds("head", replace(CPU, cores=8)) == pytest.approx(1 / stated["head"] / 4)
    half = {"extracting": 2 / stated["extracting"]}
    assert seconds("stages:5:float32", CPU, **half) == pytest.approx(2 / stated["stages:5:float32"])
    assert seconds("stages:4:mixed", CPU) == pytest.approx(1 / stated["stages:5:mixed"])
    gpu = STATED_SPEEDS["gpu"]["stages:5:mixed"]
    assert seconds("stages:5:mixed", GPU) == pytest.approx(1 / gpu)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_no_speed_is_not_noted(workspace: Workspace, speed: float) -> None:
    note_speed(workspace, "cpu", "head", Work(speed))
    assert read_costs(workspace, CPU) == {}


def test_processes_that_note_at_once_lose_nothing(workspace: Workspace) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_note_many, [workspace] * 4, range(4)))
    assert len(read_costs(workspace, CPU)) == 80


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"cpu": 3}', '{"cpu": {"head": ["x"]}}'])
def test_an_altered_file_is_begun_anew(workspace: Workspace, content: str) -> None:
    workspace.speeds_file.write_text(content)
    assert read_costs(workspace, CPU) == {}
    note_speed(workspace, "cpu", "head", Work(3.0))
    assert list(read_costs(workspace, CPU)) == ["head"]


def test_a_disk_without_room_does_not_fail_the_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    note_speed(workspace, "cpu", "head", Work(3.0))
    assert read_costs(workspace, CPU) == {}
