"""Work that rooms hand the scheduler by an arrangement; `core.monitoring.readings` does it.

An arrangement is JSON under a name. `check_every_minutes` of the rules asks for repeated checks;
`going` of the retraining with a `run` asks for a look when that run has ended, or at once without a
run. Only the database is read here, and that process looks again itself, so the scheduler may be
killed at any moment.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from core.config import read_settings
from core.runs.database import read_database, write_database
from core.runs.locks import is_locked
from core.runs.queue.queue import read_active
from core.runs.queue.starting import python_command, python_environment, start_missing_scheduler
from core.runs.store import MOST_LOSSES
from core.runs.tables import arrangements_table, runs_table
from core.workspace import Workspace

RETRAINING, RULES = "retraining.state", "monitoring"
"""Names of arrangements."""

_LOOK_S = 2.0
_SAME_AGAIN_S = 60.0
"""The same work does not start again sooner, because it may fail each time."""
_LONGEST_S = 3600.0
"""A process that runs longer is stuck."""
_arranged = arrangements_table.c
_log = logging.getLogger("scheduler")


def read_arrangement(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return the content stored under the name; empty without one."""
    with read_database(workspace) as connection:
        text = connection.scalar(select(_arranged.content).where(_arranged.name == name))
    content: dict[str, Any] = json.loads(text or "{}")
    return content


def keep_arrangement(workspace: Workspace, name: str, content: Mapping[str, Any]) -> None:
    """Store the content under the name, in place of the former one."""
    text = json.dumps(dict(content), allow_nan=False)
    values = {"content": text, "changed": datetime.now(UTC)}
    stored = insert(arrangements_table).values(name=name, **values)
    with write_database(workspace) as connection:
        connection.execute(stored.on_conflict_do_update(index_elements=["name"], set_=values))


class DueWork:
    """Starts one process at a time for work that is due."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._child: subprocess.Popen[bytes] | None = None
        self._last = ("", -float("inf"))
        self._looked = -float("inf")
        self.are_arranged = False
        """Whether the scheduler must stay for future work."""

    def step(self) -> None:
        """Start the work that is due."""
        now = time.monotonic()
        if now - self._looked < _LOOK_S or self._is_at_work(now):
            return
        self._looked = now
        self.are_arranged = is_anything_arranged(self._workspace)
        due = find_due(self._workspace) if self.are_arranged else ""
        if not due and self._is_check_due(now):
            due = "the rules are to be checked"
        if not due or (due == self._last[0] and now - self._last[1] < _SAME_AGAIN_S):
            return
        self._last = due, now
        self._child = subprocess.Popen(
            python_command("core.monitoring.readings"),
            env=python_environment(self._workspace),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
        )
        _log.info("%s: started process %d", due, self._child.pid)

    def _is_at_work(self, now: float) -> bool:
        if self._child is None:
            return False
        if self._child.poll() is None:
            if now - self._last[1] > _LONGEST_S:
                _log.error("process %d is stuck: killing it", self._child.pid)
                with suppress(ProcessLookupError):
                    self._child.kill()
            return True
        if self._child.returncode:
            _log.error("the process ended with status %d", self._child.returncode)
        self._child = None
        return False

    def _is_check_due(self, now: float) -> bool:
        minutes = read_check_minutes(self._workspace)
        return minutes > 0 and now - self._last[1] >= 60 * minutes


def is_anything_arranged(workspace: Workspace) -> bool:
    """Return whether work may become due."""
    is_going = "going" in read_arrangement(workspace, RETRAINING)
    return is_going or read_check_minutes(workspace) > 0


def read_check_minutes(workspace: Workspace) -> float:
    """Return the minutes between checks: of the settings, else of an arrangement; 0: never."""
    arranged = read_arrangement(workspace, RULES).get("check_every_minutes")
    return read_settings().check_rules_minutes or float(arranged or 0)


def wake_scheduler(workspace: Workspace) -> None:
    """Start a scheduler where a run waits or work is arranged, and none is running.

    For the page server, the API and the command line, at their start and now and then.
    """
    if workspace.read_only:
        return
    if read_active(workspace) or is_anything_arranged(workspace):
        start_missing_scheduler(workspace)


def find_due(workspace: Workspace) -> str:
    """Return the work that is due, in words for the log, or ""."""
    if is_locked(workspace.retraining_lock):
        return ""  # another process is doing it
    going = read_arrangement(workspace, RETRAINING).get("going")
    if going is None:
        return ""
    if not (run_id := going.get("run")):
        return "a retraining was interrupted"
    runs = runs_table.c
    with read_database(workspace) as connection:
        query = select(runs.state, runs.losses).where(runs.id == run_id)
        run = connection.execute(query).first()
    if run is None:
        return f"the run {run_id} was deleted"
    if run.state in ("done", "failed") or (run.state == "lost" and run.losses >= MOST_LOSSES):
        return f"the run {run_id} has ended"
    return ""
