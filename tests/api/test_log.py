"""The log never makes an answer wait or fail; what it cannot write is counted."""

import sqlite3
import threading
from typing import Any
from uuid import uuid4

import pytest

from core.monitoring.log import read_predictions
from core.monitoring.tables import predictions_table
from core.runs import database
from core.serving import logbook as logbook_module
from core.serving.logbook import Line, Logbook
from core.workspace import Workspace
from tests.api.conftest import classify, open_client
from tests.processes import wait_until


def test_a_locked_database_breaks_no_answer(
    registered: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)
    database.close_databases()  # the next connection waits as short as that
    with open_client() as client:
        lock = sqlite3.connect(registered.database_file, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            assert classify(client).status_code == 200
        wait_until(lambda: client.get("/health/ready").json()["log_lost"] == 3, "given up")
        answer = classify(client).json()
        told = {"prediction_id": answer["prediction_id"], "class_name": "rose"}
        refused = client.post("/v1/feedback", json=told)
        assert refused.status_code in (422, 503)
        lock.execute("ROLLBACK")
        lock.close()
        written = classify(client).json()
        assert client.app.state.service.logbook.flush(60)
        assert "petalscope_log_lost_total" in client.get("/metrics").text
    assert written["prediction_id"] in set(read_predictions(registered)["id"])


def test_what_waits_is_written_when_the_api_ends(registered: Workspace) -> None:
    with open_client() as client:
        ids = {classify(client).json()["prediction_id"] for _ in range(5)}
    assert set(read_predictions(registered)["id"]) == ids


@pytest.mark.slow
def test_photos_are_kept_only_where_a_setting_says_so(
    registered: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days, kept in (("0", 0), ("3", 1)):
        monkeypatch.setenv("PETALSCOPE_KEEP_PHOTOS_DAYS", days)
        with open_client() as client:
            assert classify(client).status_code == 200
        assert len(list(registered.kept_photos.glob("[!.]*"))) == kept


def test_a_full_heap_gives_lines_up_and_says_so(workspace: Workspace) -> None:
    lost: list[int] = []
    logbook = Logbook(workspace, lost.append)
    logbook.close()  # closed, it takes no more
    line: object = None
    logbook.add(line)  # type: ignore[arg-type]
    assert (logbook.lost, lost) == (1, [1])


@pytest.mark.usefixtures("registered")
def test_feedback_waits_for_its_own_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under load there is a line that waits at any time."""
    with open_client() as client:
        logbook = client.app.state.service.logbook
        seen: list[Line] = []
        write, add = logbook_module.log_predictions, logbook.add

        def write_while_others_come(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
            write(workspace, rows)
            add(seen[0]._replace(facts={**seen[0].facts, "id": uuid4().hex}))

        monkeypatch.setattr(logbook, "add", lambda line: (seen.append(line), add(line)))
        monkeypatch.setattr(logbook_module, "log_predictions", write_while_others_come)
        answer = classify(client).json()
        assert logbook.flush(60)
        assert logbook.waiting
        told = {"prediction_id": answer["prediction_id"], "class_name": "rose"}
        assert client.post("/v1/feedback", json=told).status_code == 201
        monkeypatch.undo()  # it may end now


def test_a_photo_that_cannot_be_kept_costs_no_line(
    registered: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("whatever")

    monkeypatch.setattr(logbook_module, "keep_photo", fail)
    with open_client() as client:
        ids = []
        for _ in range(2):
            ids.append(classify(client).json()["prediction_id"])
            assert client.app.state.service.logbook.flush(60)
        assert client.get("/health/ready").json()["log_lost"] == 0
    assert set(read_predictions(registered)["id"]) == set(ids)


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
def test_lines_that_the_end_leaves_unwritten_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(logbook_module, "log_predictions", lambda *_: goes_on.wait(60))
    with open_client() as client:
        assert classify(client).status_code == 200
        logbook = client.app.state.service.logbook
        wait_until(lambda: logbook.waiting == 1, "the line waits")
        logbook.close(timeout_s=0.5)
        assert logbook.lost == 1
        goes_on.set()


@pytest.mark.slow
def test_a_lost_table_breaks_no_answer_and_the_end(registered: Workspace) -> None:
    before = set(threading.enumerate())
    with open_client() as client:
        with database.write_database(registered) as connection:
            predictions_table.drop(connection)
        assert classify(client).status_code == 200
        wait_until(lambda: client.get("/health/ready").json()["log_lost"] == 1, "given up")
    ours = ("logbook", "switcher")
    assert not [one for one in set(threading.enumerate()) - before if one.name in ours]
