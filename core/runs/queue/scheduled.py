"""What was arranged for a workspace; the scheduler starts `core.monitoring.due` for what is due.

What is due is looked up here, in the database; the work is done by that process, which asks again
by itself. So the scheduler may be killed at any moment and nothing is done twice or forgotten.
Arrangements (when to retrain, which alarms to raise) are kept as JSON by name.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from core.runs.database import read_database, write_database
from core.runs.locks import is_locked
from core.runs.queue.queue import read_active
from core.runs.queue.retraining_times import find_last_time, times_from_json
from core.runs.queue.starting import python_command, python_environment, start_missing_scheduler
from core.runs.store import MOST_ATTEMPTS
from core.runs.tables import arrangements_table, runs_table
from core.workspace import Workspace

TIMES = "retraining"
"""Arrangement: when to retrain; see core/runs/queue/retraining_times.py."""
STATE = "retraining.state"
"""Arrangement: how far it is. going: {run, champion, dataset, …}, absent when nothing goes; time:
the last time that was taken up; photos: the mark of the photos that it was last tried with."""
MONITORING = "monitoring"
"""Arrangement: rules and alarms; `check_every_minutes`: how often they are looked at unasked."""

_LOOK_S = 2.0
_SAME_AGAIN_S = 60.0
"""The same is not begun again sooner: it may fail each time."""
_LONGEST_S = 3600.0
"""After this long the process is taken for stuck."""
_REVIEWED = text(
    "SELECT count(DISTINCT predictions.photo), max(feedback.number) FROM feedback"
    " JOIN predictions ON feedback.prediction = predictions.id"
    " WHERE feedback.state IN ('accepted', 'relabelled') AND feedback.dataset IS NULL"
)
"""In words, for these tables are described in core.monitoring, which nothing here may import."""

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
    """Keep the content under the name, in place of what was there.

    Args:
        name: Up to 64 characters.
        content: JSON values.
    """
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
        due = find_due(self._workspace, datetime.now(UTC)) if self.are_arranged else ""
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
    if "going" in (read_arrangement(workspace, STATE) or {}):
        return True
    times = read_arrangement(workspace, TIMES)
    by_itself = times is not None and times_from_json(times).by_itself
    return by_itself or _read_check_minutes(workspace) > 0


def wake_scheduler(workspace: Workspace) -> None:
    """Start a scheduler where a run waits or something is arranged, and none is at work.

    After a reboot or a kill, say. For the page server, the API and command lines, as they start
    and now and then.
    """
    if workspace.is_read_only:
        return
    if read_active(workspace) or is_anything_arranged(workspace):
        start_missing_scheduler(workspace)


def find_due(workspace: Workspace, now: datetime) -> str:
    """Return what is due of the retraining, in words for the log; "" when nothing is."""
    state = read_arrangement(workspace, STATE) or {}
    if "going" in state:
        return _find_ended(workspace, state["going"])
    content = read_arrangement(workspace, TIMES)
    if content is None:
        return ""
    times = times_from_json(content)
    last = find_last_time(times, now)
    if last is not None and not is_taken(read_taken_time(state), last, now):
        return f"the time to retrain has come, {last:%Y-%m-%d %H:%M} UTC"
    photos, mark = count_reviewed(workspace)
    if times.after_photos is not None and photos >= times.after_photos:
        return "" if mark == state.get("photos") else f"{photos} reviewed photos wait"
    return ""


_NEVER = datetime.min.replace(tzinfo=UTC)


def is_taken(taken: datetime, last: datetime, now: datetime) -> bool:
    """Return whether the last time of the plan was taken up.

    A time that is days ahead was taken up while the clock was wrong: nothing would be due until
    then.
    """
    return last <= taken <= now + timedelta(days=1)


def read_taken_time(state: Mapping[str, Any]) -> datetime:
    """Return the last time of the plan that was taken up, in UTC; long ago where none was."""
    return datetime.fromisoformat(state["time"]) if "time" in state else _NEVER


def count_reviewed(workspace: Workspace) -> tuple[int, str]:
    """Return how many reviewed photos no dataset holds yet, and a mark of which these are."""
    with read_database(workspace) as connection:
        if not inspect(connection).has_table("feedback"):  # nobody has used monitoring yet
            return 0, "0:0"
        photos, newest = connection.execute(_REVIEWED).one()
    return int(photos), f"{photos}:{newest or 0}"


def _find_ended(workspace: Workspace, going: Mapping[str, Any]) -> str:
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
