"""What was arranged for a workspace; the scheduler starts `core.monitoring.due` for what is due.

What is due is looked up here, in the database; the work is done by that process, which asks again
by itself. So the scheduler may be killed at any moment and nothing is done twice or forgotten.
Arrangements (when to retrain, which alarms to raise) are kept as JSON by name.

A time to retrain is a moment of a plan, “every 7 days at 03:00 in Berlin”. They count from the
moment the plan was made: a machine that was off for a month finds one that it missed, not four.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as TimeOfDay
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from core.errors import RetrainingRefused
from core.runs.database import read_database, write_database
from core.runs.locks import is_locked
from core.runs.queue.queue import read_active
from core.runs.queue.starting import python_command, python_environment, start_missing_scheduler
from core.runs.store import MOST_ATTEMPTS
from core.runs.tables import arrangements_table, runs_table
from core.workspace import Workspace

TIMES = "retraining"
"""Arrangement: when to retrain; see RetrainingTimes."""
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
    taken = datetime.fromisoformat(state["time"]) if "time" in state else _NEVER
    if last is not None and not is_taken(taken, last, now):
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


MOST_DAYS = 365
MOST_PHOTOS = 100_000


@dataclass(frozen=True, kw_only=True)
class RetrainingTimes:
    """When a challenger is trained without a person; both may hold, or neither."""

    after_photos: int | None = None
    """As soon as this many reviewed photos wait that no dataset holds yet."""
    every_days: int | None = None
    at: str = "03:00"
    """Time of day, hours and minutes, as it was given: 3:00 is one, too."""
    zone: str = "UTC"
    """Where it is that time: a name of the time zone database."""
    since: datetime
    """When the days were arranged; the first time is the next one after that."""

    @property
    def by_itself(self) -> bool:
        """Whether anything happens without a person."""
        return self.after_photos is not None or self.every_days is not None

    @property
    def time_of_day(self) -> TimeOfDay:
        """When on the days, in the zone."""
        return datetime.strptime(self.at, "%H:%M").time()


def check_times(times: RetrainingTimes) -> None:
    """Check a plan.

    Raises:
        RetrainingRefused: A number, the time of day or the zone is none.
    """
    for name, value, most in (
        ("number of photos", times.after_photos, MOST_PHOTOS),
        ("number of days", times.every_days, MOST_DAYS),
    ):
        if value is not None and not 1 <= value <= most:
            raise RetrainingRefused(
                f"The {name} is {value:,}.", f"Give a whole number from 1 to {most:,}."
            )
    try:
        _ = times.time_of_day
    except ValueError as error:
        raise RetrainingRefused(
            f"“{times.at[:40]}” is no time of day.", "Give hours and minutes, such as 03:00."
        ) from error
    try:
        ZoneInfo(times.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RetrainingRefused(
            f"“{times.zone[:40]}” is no time zone that this machine knows.",
            "Give a name such as Europe/Berlin, or UTC.",
        ) from error


def times_to_json(times: RetrainingTimes) -> dict[str, Any]:
    """Return the plan as JSON values."""
    return {**vars(times), "since": times.since.isoformat()}


def times_from_json(content: Mapping[str, Any]) -> RetrainingTimes:
    """Return the plan that `times_to_json` wrote."""
    return RetrainingTimes(**{**content, "since": datetime.fromisoformat(content["since"])})


def find_last_time(times: RetrainingTimes, now: datetime) -> datetime | None:
    """Return the newest time that has come, in UTC; None before the first one."""
    if times.every_days is None:
        return None
    first, zone = _find_first_day(times), _find_zone(times.zone)
    turns = (now.astimezone(zone).date() - first).days // times.every_days
    # The last one may be later today; a day whose clocks are put back has a time twice.
    for turn in (turns, turns - 1):
        moment = _find_moment(times, first + timedelta(days=turn * times.every_days))
        if turn >= 0 and moment <= now:
            return moment
    return None


def find_next_time(times: RetrainingTimes, now: datetime) -> datetime | None:
    """Return the first time that is still to come, in UTC; None where no days are arranged."""
    if times.every_days is None:
        return None
    first = _find_first_day(times)
    last = find_last_time(times, now)
    if last is None:
        return _find_moment(times, first)
    day = last.astimezone(_find_zone(times.zone)).date() + timedelta(days=times.every_days)
    return _find_moment(times, day)


def _find_first_day(times: RetrainingTimes) -> date:
    day = times.since.astimezone(_find_zone(times.zone)).date()
    return day if _find_moment(times, day) > times.since else day + timedelta(days=1)


def _find_moment(times: RetrainingTimes, day: date) -> datetime:
    zone = _find_zone(times.zone)
    return datetime.combine(day, times.time_of_day, zone).astimezone(UTC)


@cache  # asked every other second for months: a zone that is missing is told of once
def _find_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # arranged on a machine that knew it
        _log.warning("no time zone %s here: its times are taken as UTC", name)
        return UTC
