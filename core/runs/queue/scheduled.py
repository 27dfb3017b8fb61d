"""What was arranged for a workspace; the scheduler starts `core.monitoring.due` for what is due.

What is due is looked up here, in the database; the work is done by that process, which asks again
by itself. So the scheduler may be killed at any moment and nothing is done twice or forgotten.
Arrangements (rules of the monitoring, state of a retraining) are stored as JSON by name.
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

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from core.runs.database import read_database, write_database
from core.runs.locks import is_locked
from core.runs.queue.queue import read_active
from core.runs.queue.starting import python_command, python_environment, start_missing_scheduler
from core.runs.store import MOST_ATTEMPTS
from core.runs.tables import arrangements_table, runs_table
from core.workspace import Workspace

STATE = "retraining.state"
"""Arrangement: the state of the retraining. going: {run, champion, dataset, …}, absent when none is
running."""
MONITORING = "monitoring"
"""Arrangement: rules and alarms; `check_every_minutes`: how often they are looked at unasked."""

_LOOK_S = 2.0
_SAME_AGAIN_S = 60.0
"""The same is not begun again sooner: it may fail each time."""
_LONGEST_S = 3600.0
"""After this long the process is taken for stuck."""
_arranged = arrangements_table.c
_log = logging.getLogger("scheduler")


def read_arrangement(workspace: Workspace, name: str) -> dict[str, Any] | None:
    """Return what was last kept under the name; None where nothing was."""
    with read_database(workspace) as connection:
        text = connection.scalar(select(_arranged.content).where(_arranged.name == name))
    if text is None:
        return None
    content: dict[str, Any] = json.loads(text)
    return content


def keep_arrangement(
    workspace: Workspace, name: str, content: Mapping[str, Any], who: str = ""
) -> None:
    """Keep the content under the name, in place of what was there."""
    text = json.dumps(dict(content), allow_nan=False)
    values = {"content": text, "changed": datetime.now(UTC), "who": who}
    change = update(arrangements_table).where(_arranged.name == name).values(**values)
    with write_database(workspace) as connection:
        if connection.execute(change).rowcount:
            return
        try:
            with connection.begin_nested():
                connection.execute(insert(arrangements_table).values(name=name, **values))
        except IntegrityError:  # another was first, where writers do not wait for each other
            connection.execute(change)


class DueWork:
    """The scheduler's look at what is due; one process at a time does it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._child: subprocess.Popen[bytes] | None = None
        self._last = ("", -float("inf"))
        self._looked = self._checked = -float("inf")
        self.are_arranged = False
        """Whether the scheduler has to stay for what may become due."""

    def step(self) -> None:
        """Have done what is due."""
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
        self._last, self._checked = (due, now), now
        self._child = subprocess.Popen(
            python_command("core.monitoring.due"),
            env=python_environment(self._workspace),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
        )
        _log.info("%s: process %d sees to it", due, self._child.pid)

    def _is_at_work(self, now: float) -> bool:
        if self._child is None:
            return False
        if self._child.poll() is None:
            if now - self._last[1] > _LONGEST_S:
                _log.error("process %d is stuck: ending it", self._child.pid)
                with suppress(ProcessLookupError):
                    self._child.kill()
            return True
        if self._child.returncode:
            _log.error("the process ended with status %d", self._child.returncode)
        self._child = None
        return False

    def _is_check_due(self, now: float) -> bool:
        minutes = _read_check_minutes(self._workspace)
        return minutes > 0 and now - self._checked >= 60 * minutes


def is_anything_arranged(workspace: Workspace) -> bool:
    """Return whether something may become due while nobody looks."""
    state = read_arrangement(workspace, STATE) or {}
    return "going" in state or _read_check_minutes(workspace) > 0


def wake_scheduler(workspace: Workspace) -> None:
    """Start a scheduler where a run waits or something is arranged, and none is at work.

    After a reboot or a kill, say. For the page server, the API and command lines, as they start
    and now and then.
    """
    if workspace.read_only:
        return
    if read_active(workspace) or is_anything_arranged(workspace):
        start_missing_scheduler(workspace)


def find_due(workspace: Workspace) -> str:
    """Return what is due of the retraining, in words for the log; "" when nothing is."""
    going = (read_arrangement(workspace, STATE) or {}).get("going")
    if going is None:
        return ""
    if is_locked(workspace.retraining_lock):
        return ""  # somebody sees to it
    if not going.get("run"):
        return "a retraining was cut short while it was prepared"
    runs = runs_table.c
    with read_database(workspace) as connection:
        query = select(runs.state, runs.attempt).where(runs.id == going["run"])
        run = connection.execute(query).first()
    if run is None:
        return f"the run {going['run']} is gone"
    ended = run.state in ("done", "failed") or (
        run.state == "lost" and run.attempt >= MOST_ATTEMPTS
    )
    return f"the run {going['run']} has ended" if ended else ""  # a paused one may yet go on


def _read_check_minutes(workspace: Workspace) -> float:
    return float((read_arrangement(workspace, MONITORING) or {}).get("check_every_minutes") or 0)
