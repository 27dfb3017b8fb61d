"""What is due while nobody looks: told from the database alone, on both databases."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from core.monitoring.tables import feedback_table, predictions_table
from core.runs.database import write_database
from core.runs.queue.queue import submit_run
from core.runs.queue.scheduled import (
    MONITORING,
    STATE,
    TIMES,
    DueWork,
    RetrainingTimes,
    count_reviewed,
    find_due,
    is_anything_arranged,
    keep_arrangement,
    times_to_json,
)
from core.runs.recipe.recipe import Recipe
from core.runs.tables import runs_table
from core.workspace import Workspace

NOW = datetime(2026, 11, 21, 19, 5, tzinfo=UTC)


def arrange(workspace: Workspace, **values: object) -> None:
    times = RetrainingTimes(since=NOW - timedelta(days=30), **values)  # type: ignore[arg-type]
    keep_arrangement(workspace, TIMES, times_to_json(times))


def give_feedback(workspace: Workspace, photo: str, **values: object) -> None:
    prediction = uuid.uuid4().hex
    row = {"id": prediction, "time": NOW, "run_id": "r", "photo": photo, "kind": "answer"}
    row |= {"top": "rose", "top_score": 0.5, "latency_ms": 1.0, "source": "page"}
    said = {"prediction": prediction, "time": NOW, "was_right": False, "class_name": "tulip"}
    with write_database(workspace) as connection:
        connection.execute(insert(predictions_table).values(**row, features=b"", scores=b""))
        connection.execute(
            insert(feedback_table).values(**said, state="accepted")
            if not values
            else insert(feedback_table).values(**said, **values)
        )


def test_nothing_is_due_where_nothing_was_arranged(workspace: Workspace) -> None:
    assert not is_anything_arranged(workspace)
    assert find_due(workspace, NOW) == ""
    arrange(workspace)  # only by hand
    give_feedback(workspace, "a")
    assert not is_anything_arranged(workspace)
    assert find_due(workspace, NOW) == ""


def test_reviewed_photos_count_once_until_a_dataset_holds_them(workspace: Workspace) -> None:
    assert count_reviewed(workspace)[0] == 0
    for photo in ("a", "a", "b"):  # somebody asked about one of them twice
        give_feedback(workspace, photo)
    give_feedback(workspace, "c", state="relabelled")
    give_feedback(workspace, "d", state="waiting")
    give_feedback(workspace, "e", state="discarded")
    give_feedback(workspace, "f", state="accepted", dataset="d" * 16)
    photos, mark = count_reviewed(workspace)
    assert photos == 3
    give_feedback(workspace, "a")
    again, other = count_reviewed(workspace)
    assert again == 3 and other != mark  # something new was reviewed


def test_enough_photos_are_due_until_they_were_tried(workspace: Workspace) -> None:
    arrange(workspace, after_photos=2)
    assert is_anything_arranged(workspace)
    give_feedback(workspace, "a")
    assert find_due(workspace, NOW) == ""
    give_feedback(workspace, "b")
    assert "2 reviewed photos" in find_due(workspace, NOW)
    keep_arrangement(workspace, STATE, {"photos": count_reviewed(workspace)[1]})
    assert find_due(workspace, NOW) == ""
    give_feedback(workspace, "c")
    assert "3 reviewed photos" in find_due(workspace, NOW)


def test_a_time_is_due_until_it_was_taken_up(workspace: Workspace) -> None:
    arrange(workspace, every_days=7, at="03:00")
    assert "2026-11-20 03:00" in find_due(workspace, NOW)  # four were missed; the last counts
    taken = datetime(2026, 11, 20, 3, tzinfo=UTC)
    keep_arrangement(workspace, STATE, {"time": taken.isoformat()})
    assert find_due(workspace, NOW) == ""
    assert "2026-11-27 03:00" in find_due(workspace, NOW + timedelta(days=7))
    keep_arrangement(workspace, STATE, {"time": (NOW + timedelta(hours=20)).isoformat()})
    assert find_due(workspace, NOW) == ""  # the clock was put back
    keep_arrangement(workspace, STATE, {"time": (NOW + timedelta(days=999)).isoformat()})
    assert find_due(workspace, NOW)  # it was years ahead: the plan goes on now, not then


@pytest.mark.parametrize(
    ("state", "attempt", "ended"),
    (
        ("queued", 0, False),
        ("running", 1, False),
        ("paused", 1, False),
        ("lost", 1, False),
        ("lost", 3, True),
        ("failed", 1, True),
        ("done", 1, True),
    ),
)
def test_a_challenger_is_due_when_its_run_has_ended(
    workspace: Workspace, state: str, attempt: int, *, ended: bool
) -> None:
    run, _ = submit_run(workspace, Recipe(dataset="0" * 16, weights_digest="d" * 64))
    keep_arrangement(workspace, STATE, {"going": {"run": run.id}})
    with write_database(workspace) as connection:
        connection.execute(update(runs_table).values(state=state, attempt=attempt))
    assert is_anything_arranged(workspace)
    assert bool(find_due(workspace, NOW)) is ended


def test_one_that_was_cut_short_is_due(workspace: Workspace) -> None:
    keep_arrangement(workspace, STATE, {"going": {"run": None}})
    assert "cut short" in find_due(workspace, NOW)
    keep_arrangement(workspace, STATE, {"going": {"run": "f" * 16}})
    assert "gone" in find_due(workspace, NOW)


def test_rules_that_are_to_be_checked_keep_the_scheduler(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_arrangement(workspace, MONITORING, {"check_every_minutes": 0})
    assert not is_anything_arranged(workspace)
    keep_arrangement(workspace, MONITORING, {"check_every_minutes": 10})
    assert is_anything_arranged(workspace)
    started: list[list[str]] = []

    class Ended:
        pid, returncode = 1, 0

        def __init__(self, command: list[str], **_: object) -> None:
            started.append(command)

        def poll(self) -> int:
            return 0

    clock = [1000.0]
    monkeypatch.setattr("core.runs.queue.scheduled.subprocess.Popen", Ended)
    monkeypatch.setattr("core.runs.queue.scheduled.time.monotonic", lambda: clock[0])
    errands = DueWork(workspace)
    for minute in range(31):
        clock[0] = 1000.0 + 60 * minute
        errands.step()
    assert errands.are_arranged
    assert len(started) == 4  # at once, then every ten minutes
    assert started[0][-1] == "core.monitoring.due"
