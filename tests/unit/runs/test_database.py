"""The database: one that an older program made gets what it lacks when it is opened."""

import sqlite3
import threading

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import StatementError

from core.errors import DiskFull, ReadOnly
from core.registry.events import ModelEvent, list_events, record_event
from core.runs.database import close_databases, read_database, write_database
from core.runs.queue.control import tag_run
from core.runs.queue.queue import submit_run
from core.runs.queue.scheduled import keep_arrangement, read_arrangement, wake_scheduler
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.recipe import Recipe, recipe_to_json
from core.runs.store import list_runs, read_run, record_opening
from core.runs.tables import arrangements_table
from core.workspace import Workspace
from tests.digests import digest_folder

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d" * 64)

OLD = """
CREATE TABLE runs (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id VARCHAR(64) NOT NULL UNIQUE,
    name TEXT NOT NULL, dataset VARCHAR(64) NOT NULL, recipe TEXT NOT NULL,
    state VARCHAR(16) NOT NULL, phase VARCHAR(16) NOT NULL, device TEXT NOT NULL,
    created DATETIME NOT NULL, queued DATETIME NOT NULL, started DATETIME, finished DATETIME,
    heartbeat DATETIME, pid INTEGER, attempt INTEGER NOT NULL, epochs_done INTEGER NOT NULL,
    best_epoch INTEGER, best_val_accuracy FLOAT, best_val_loss FLOAT, val_photos INTEGER,
    error_code VARCHAR(64), problem TEXT, remedy TEXT,
    stop_requested BOOLEAN NOT NULL, stopped BOOLEAN NOT NULL
)
"""
"""The table of runs as it was before notes, tags, plans and requests."""


@pytest.mark.parametrize("asked", [0, 1])
def test_a_database_of_before_is_completed_and_keeps_its_runs(
    workspace: Workspace, asked: int
) -> None:
    values = (RECIPE.run_id, RECIPE.dataset, recipe_to_json(RECIPE), asked)
    with sqlite3.connect(workspace.database_file) as old:
        old.execute(OLD)
        old.execute(
            "INSERT INTO runs VALUES (7, ?, '', ?, ?, 'queued', '', '', '2026-01-01 00:00:00',"
            " '2026-01-01 00:00:00', NULL, NULL, NULL, NULL, 0, 3, 2, 0.5, 0.7, 9,"
            " NULL, NULL, NULL, ?, 0)",
            values,
        )
    old.close()
    [run] = list_runs(workspace)
    assert (run.id, run.name, run.epochs_done) == (RECIPE.run_id, "Run 7", 3)
    assert (run.notes, run.tags, run.plan) == ("", (), None)
    assert run.request == ("stop" if asked else "")
    following = Recipe(dataset=RECIPE.dataset, weights_digest="d", seed=1)
    assert submit_run(workspace, following)[0].number == 8
    tag_run(workspace, run.id, ["kept"])
    assert len(record_opening(workspace, run.id, "", "a table that was not there")) == 1
    close_databases()
    assert read_run(workspace, run.id).tags == ("kept",)


@pytest.mark.parametrize("is_older", [False, True])
def test_a_read_only_workspace_is_read_and_nothing_is_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, is_older: bool
) -> None:
    """A database of an older program lacks columns: it is read from a copy."""
    run, _ = submit_run(workspace, RECIPE)
    if is_older:
        with write_database(workspace) as connection:
            connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN notes")
        close_databases()
    before = digest_folder(workspace.root)
    viewed = Workspace(workspace.root, read_only=True)
    assert list_runs(viewed) == [run]
    with pytest.raises(ReadOnly):
        tag_run(viewed, run.id, ["kept"])
    ensure_scheduler(viewed)
    wake_scheduler(viewed)
    assert digest_folder(workspace.root) == before
    tag_run(workspace, run.id, ["kept"])
    monkeypatch.setattr("core.runs.database._COPIED_AGAIN_S", 0.0)
    assert read_run(viewed, run.id).tags == ("kept",)


def test_a_full_disk_is_told_as_one(workspace: Workspace) -> None:
    submit_run(workspace, RECIPE)
    with read_database(workspace) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # SQLite's own full disk
    with pytest.raises(DiskFull):
        for seed in range(1, 50):
            submit_run(workspace, Recipe(dataset=RECIPE.dataset, weights_digest="d", seed=seed))
    assert list_runs(workspace)


TIMES = 25


def read_counter(workspace: Workspace) -> int:
    return int((read_arrangement(workspace, "counter") or {"n": 0})["n"])


def test_writers_take_turns_so_that_nothing_is_lost(workspace: Workspace) -> None:
    keep_arrangement(workspace, "counter", {"n": 0})
    content = arrangements_table.c.content

    def count_on() -> None:
        for _ in range(TIMES):
            with write_database(workspace) as connection:
                known = int(connection.scalar(select(content)).strip('{"n: }'))
                connection.execute(
                    update(arrangements_table).values(content=f'{{"n": {known + 1}}}')
                )

    threads = [threading.Thread(target=count_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_counter(workspace) == 4 * TIMES


def test_all_reads_of_a_transaction_see_the_same_moment(workspace: Workspace) -> None:
    keep_arrangement(workspace, "counter", {"n": 1})
    with read_database(workspace) as connection:
        query = select(arrangements_table.c.content)
        before = connection.scalars(query).all()
        keep_arrangement(workspace, "counter", {"n": 2})
        keep_arrangement(workspace, "another", {})
        assert connection.scalars(query).all() == before
    assert read_counter(workspace) == 2


def test_what_fails_in_the_middle_leaves_nothing(workspace: Workspace) -> None:
    run, _ = submit_run(workspace, RECIPE)
    with pytest.raises(ZeroDivisionError), write_database(workspace) as connection:
        values = {"name": "counter", "content": "{}", "changed": run.created}
        connection.execute(insert(arrangements_table).values(**values))
        raise ZeroDivisionError
    assert read_arrangement(workspace, "counter") == {}


def test_numbers_that_json_cannot_hold_are_refused(workspace: Workspace) -> None:
    event = ModelEvent("registered", version=1, facts={"accuracy": float("nan")})
    with pytest.raises(StatementError, match="not JSON compliant"):
        record_event(workspace, event)
    assert list_events(workspace) == []
