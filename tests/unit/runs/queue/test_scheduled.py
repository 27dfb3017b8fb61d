"""What is due while nobody looks: read from the database alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from core.runs.database import write_database
from core.runs.queue.queue import submit_run
from core.runs.queue.scheduled import (
    RETRAINING,
    RULES,
    DueWork,
    find_due,
    is_anything_arranged,
    keep_arrangement,
    read_arrangement,
)
from core.runs.recipe.recipe import Recipe
from core.runs.tables import runs_table
from core.workspace import Workspace


def test_nothing_is_due_at_first(workspace: Workspace) -> None:
    assert not is_anything_arranged(workspace)
    assert find_due(workspace) == ""


@pytest.mark.parametrize(
    ("state", "losses", "ended"),
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
    workspace: Workspace, state: str, losses: int, *, ended: bool
) -> None:
    run, _ = submit_run(workspace, Recipe(dataset="0" * 16, weights_digest="d" * 64))
    keep_arrangement(workspace, RETRAINING, {"going": {"run": run.id}})
    with write_database(workspace) as connection:
        connection.execute(update(runs_table).values(state=state, losses=losses))
    assert is_anything_arranged(workspace)
    assert bool(find_due(workspace)) is ended


def test_an_interrupted_one_is_due(workspace: Workspace) -> None:
    keep_arrangement(workspace, RETRAINING, {"going": {"run": None}})
    assert "interrupted" in find_due(workspace)
    keep_arrangement(workspace, RETRAINING, {"going": {"run": "f" * 16}})
    assert "deleted" in find_due(workspace)


def test_rules_that_are_to_be_checked_keep_the_scheduler(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_arrangement(workspace, RULES, {"check_every_minutes": 0})
    assert not is_anything_arranged(workspace)
    keep_arrangement(workspace, RULES, {"check_every_minutes": 10})
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
    assert started[0][-1] == "core.monitoring.readings"


def test_an_arrangement_is_kept_by_name_and_replaced_whole(workspace: Workspace) -> None:
    assert read_arrangement(workspace, "retraining") == {}
    keep_arrangement(workspace, "retraining", {"after_photos": 40, "at": "03:00"})
    keep_arrangement(workspace, "monitoring", {"rules": [{"name": "drift"}]})
    keep_arrangement(workspace, "retraining", {"after_photos": 20})
    assert read_arrangement(workspace, "retraining") == {"after_photos": 20}
    assert read_arrangement(workspace, "monitoring") == {"rules": [{"name": "drift"}]}
    assert read_arrangement(workspace, "never kept") == {}


def test_what_is_no_json_is_refused_and_the_former_stays(workspace: Workspace) -> None:
    keep_arrangement(workspace, "retraining", {"days": 7})
    with pytest.raises(ValueError):
        keep_arrangement(workspace, "retraining", {"days": float("nan")})
    assert read_arrangement(workspace, "retraining") == {"days": 7}


def test_of_many_writers_one_is_the_last(workspace: Workspace) -> None:
    def keep(number: int) -> None:
        keep_arrangement(workspace, "retraining", {"number": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(40)))
    kept = read_arrangement(workspace, "retraining")
    assert kept["number"] in range(40)
