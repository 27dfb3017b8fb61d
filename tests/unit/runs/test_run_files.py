"""Events: whole lines only, from the last byte read, whatever a kill left behind."""

import resource
from pathlib import Path

import pytest

from core.errors import DISK_FULL_ERRNOS
from core.runs.run_files import EVENTS_FILE, append_event, curve, latest_progress, read_events


def test_events_are_read_on_from_the_last_byte(tmp_path: Path) -> None:
    append_event(tmp_path, {"event": "phase", "phase": "training"})
    first, offset = read_events(tmp_path)
    append_event(tmp_path, {"event": "epoch", "epoch": 1, "loss": 0.5})
    second, end = read_events(tmp_path, offset)
    assert [event["event"] for event in first] == ["phase"]
    assert [event["event"] for event in second] == ["epoch"]
    assert read_events(tmp_path, end) == ([], end)


def test_no_file_yet_is_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path) == ([], 0)


def test_a_file_that_was_started_afresh_is_read_from_its_beginning(tmp_path: Path) -> None:
    for epoch in (1, 2):
        append_event(tmp_path, {"event": "epoch", "epoch": epoch})
    _, offset = read_events(tmp_path)
    (tmp_path / EVENTS_FILE).unlink()
    append_event(tmp_path, {"event": "queued"})
    events, end = read_events(tmp_path, offset)
    assert [event["event"] for event in events] == ["queued"]
    assert end == (tmp_path / EVENTS_FILE).stat().st_size


def test_an_event_that_does_not_fit_is_told(tmp_path: Path) -> None:
    append_event(tmp_path, {"event": "queued"})
    size = (tmp_path / EVENTS_FILE).stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))  # as on a full disk
    try:
        with pytest.raises(OSError) as full:
            append_event(tmp_path, {"event": "epoch", "epoch": 1})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert full.value.errno in DISK_FULL_ERRNOS
    append_event(tmp_path, {"event": "epoch", "epoch": 1})
    assert [event["event"] for event in read_events(tmp_path)[0]] == ["queued", "epoch"]


def test_a_line_that_is_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    append_event(tmp_path, {"event": "epoch", "epoch": 1})
    with (tmp_path / EVENTS_FILE).open("ab") as file:
        file.write(b'{"event": "epoch", "ep')
        file.flush()
        events, offset = read_events(tmp_path)
        assert len(events) == 1
        file.write(b'och": 2}\n')
    assert [event["epoch"] for event in read_events(tmp_path, offset)[0]] == [2]


def test_half_a_line_of_a_killed_worker_spoils_nothing(tmp_path: Path) -> None:
    append_event(tmp_path, {"event": "epoch", "epoch": 1})
    with (tmp_path / EVENTS_FILE).open("ab") as file:
        file.write(b'{"event": "epoch", "epoch": 2, "lo')
    append_event(tmp_path, {"event": "queued"})
    append_event(tmp_path, {"event": "epoch", "epoch": 2})
    events, _ = read_events(tmp_path)
    assert [event["event"] for event in events] == ["epoch", "queued", "epoch"]
    assert [epoch["epoch"] for epoch in curve(events)] == [1, 2]


def test_the_curve_has_each_epoch_once_in_order_the_later_one() -> None:
    told = [(1, 0.9), (2, 0.8), (2, 0.7), (1, 0.9), (3, 0.6)]
    events = [{"event": "epoch", "epoch": epoch, "loss": loss} for epoch, loss in told]
    assert [(point["epoch"], point["loss"]) for point in curve(events)] == [
        (1, 0.9),
        (2, 0.7),
        (3, 0.6),
    ]


def test_progress_is_that_of_the_phase_that_goes() -> None:
    extracting = [
        {"event": "phase", "phase": "extracting"},
        {"event": "progress", "phase": "extracting", "done": 3, "total": 9},
        {"event": "progress", "phase": "extracting", "done": 6, "total": 9},
    ]
    progress = latest_progress(extracting)
    assert progress is not None and progress["done"] == 6
    assert latest_progress([*extracting, {"event": "phase", "phase": "training"}]) is None


def test_numbers_json_has_no_word_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        append_event(tmp_path, {"event": "epoch", "loss": float("nan")})
