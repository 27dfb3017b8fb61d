"""Each look at the test photos of a run is counted, and goes away with the run."""

import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from core.errors import BadIdentifier, RunMissing
from core.runs.database import close_databases
from core.runs.queue.queue import delete_run, submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.store import read_openings, record_opening
from core.workspace import Workspace


def submit(workspace: Workspace, seed: int = 0) -> str:
    recipe = Recipe(dataset="00aa", weights_digest="00bb", seed=seed)
    return submit_run(workspace, recipe)[0].id


def test_openings_are_counted_in_order(workspace: Workspace) -> None:
    run, other = submit(workspace), submit(workspace, seed=1)
    assert read_openings(workspace, run) == []
    before = datetime.now(UTC)

    record_opening(workspace, run, "ada@example.org", "page metrics")
    openings = record_opening(workspace, run, "", "command line")

    assert openings == read_openings(workspace, run)
    assert [(one.who, one.place) for one in openings] == [
        ("ada@example.org", "page metrics"),
        ("", "command line"),
    ]
    assert before <= openings[0].opened <= openings[1].opened <= datetime.now(UTC)
    assert read_openings(workspace, other) == []


def test_a_run_that_is_not_there_is_refused(workspace: Workspace) -> None:
    with pytest.raises(RunMissing):
        record_opening(workspace, "00cc", "", "command line")
    with pytest.raises(BadIdentifier):
        read_openings(workspace, "../etc")


def test_openings_outlive_their_run(workspace: Workspace) -> None:
    run, other = submit(workspace), submit(workspace, seed=1)
    for one in (run, other):
        record_opening(workspace, one, "", "command line")

    delete_run(workspace, run)

    assert submit(workspace) == run  # the same recipe, trained again: somebody has looked
    assert len(read_openings(workspace, run)) == 1
    assert len(read_openings(workspace, other)) == 1


def test_no_opening_is_lost_when_many_look_at_once(workspace: Workspace) -> None:
    run = submit(workspace)
    lookers = [
        threading.Thread(target=record_opening, args=(workspace, run, str(number), "page metrics"))
        for number in range(8)
    ]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert sorted(one.who for one in read_openings(workspace, run)) == [str(n) for n in range(8)]


def test_a_database_from_before_gets_the_table(workspace: Workspace) -> None:
    run = submit(workspace)
    close_databases()
    with sqlite3.connect(workspace.database_file) as connection:
        connection.execute("DROP TABLE openings")
    assert len(record_opening(workspace, run, "", "command line")) == 1
