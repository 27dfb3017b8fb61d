"""Speeds that runs measured: the median of the last few, whoever writes, whatever happens."""

from concurrent.futures import ProcessPoolExecutor

import pytest

from core.runs.queue.estimating import KEPT_SPEEDS, note_speed, read_speeds
from core.workspace import Workspace


def _note_many(workspace: Workspace, writer: int) -> None:
    for number in range(20):
        note_speed(workspace, "cpu", f"kind {writer}.{number}", 1.0)


def test_the_median_of_the_last_few_counts(workspace: Workspace) -> None:
    for speed in (1.0, 1.0, 10.0, 12.0, 500.0, 11.0, 9.0):
        note_speed(workspace, "a processor", "head", speed)
    assert KEPT_SPEEDS == 5
    assert read_speeds(workspace, "a processor") == {"head": 11.0}
    assert read_speeds(workspace, "another one") == {}


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_no_speed_is_not_noted(workspace: Workspace, speed: float) -> None:
    note_speed(workspace, "cpu", "head", speed)
    assert read_speeds(workspace, "cpu") == {}


def test_processes_that_note_at_once_lose_nothing(workspace: Workspace) -> None:
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_note_many, [workspace] * 4, range(4)))
    assert len(read_speeds(workspace, "cpu")) == 80


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"cpu": 3}', '{"cpu": {"head": ["x"]}}'])
def test_an_altered_file_is_begun_anew(workspace: Workspace, content: str) -> None:
    workspace.speeds_file.write_text(content)
    assert read_speeds(workspace, "cpu") == {}
    note_speed(workspace, "cpu", "head", 3.0)
    assert read_speeds(workspace, "cpu") == {"head": 3.0}


def test_a_disk_without_room_does_not_fail_the_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    note_speed(workspace, "cpu", "head", 3.0)
    assert read_speeds(workspace, "cpu") == {}
