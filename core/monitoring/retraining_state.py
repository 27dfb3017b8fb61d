"""When challengers are trained by themselves, and how far a retraining is: kept in the workspace.

The plan (`queue.scheduled`) is a person's; the state is written by who holds the lock.
"""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from core.errors import RetrainingRefused
from core.formats import count, moment
from core.runs.locks import try_lock
from core.runs.queue.scheduled import (
    STATE,
    TIMES,
    RetrainingTimes,
    check_times,
    find_next_time,
    keep_arrangement,
    read_arrangement,
    times_from_json,
    times_to_json,
)
from core.workspace import Workspace

Why = Literal["by hand", "photos", "time"]

_DAYS = ("every_days", "at", "zone")


@dataclass(frozen=True, kw_only=True)
class Going:
    """A retraining that was begun and is not settled."""

    who: str
    why: Why
    since: datetime
    dataset: str | None = None
    champion: int | None = None
    """Whose recipe it is; this and `run` are None while dataset and recipe are made ready."""
    run: str | None = None
    attempts: int = 1


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the last retraining, in words for people."""

    time: datetime
    went_well: bool
    text: str
    run: str | None = None
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class RetrainingState:
    going: Going | None = None
    last: Outcome | None = None
    time: datetime | None = None
    """The last time of the plan that was taken up, UTC."""
    photos: str = ""
    """The mark of the reviewed photos (`queue.scheduled`) that it was last tried with."""


_STATE = TypeAdapter(RetrainingState)


def read_times(workspace: Workspace) -> RetrainingTimes:
    """Return when challengers are trained; only by hand where nothing was arranged."""
    content = read_arrangement(workspace, TIMES)
    return times_from_json(content) if content else RetrainingTimes(since=datetime.now(UTC))


def keep_times(workspace: Workspace, times: RetrainingTimes, who: str = "") -> RetrainingTimes:
    """Return the plan, which holds from now on; days that stay as they were go on counting.

    A scheduler has to be at work for it: see `core.runs.queue.scheduled.wake_scheduler`.

    Raises:
        RetrainingRefused: A number, the time of day or the zone is none.
    """
    check_times(times)
    former = read_times(workspace)
    if all(getattr(former, name) == getattr(times, name) for name in _DAYS):
        times = dataclasses.replace(times, since=former.since)
    keep_arrangement(workspace, TIMES, times_to_json(times), who)
    return times


def read_state(workspace: Workspace) -> RetrainingState:
    """Return how far the retraining is."""
    return _STATE.validate_python(read_arrangement(workspace, STATE) or {})


def change_state(workspace: Workspace, **changes: Any) -> None:
    """Keep the state with these values; call it inside `hold_retraining`."""
    state = dataclasses.replace(read_state(workspace), **changes)
    content = {name: one for name, one in dataclasses.asdict(state).items() if one is not None}
    text = json.dumps(content, default=datetime.isoformat)
    keep_arrangement(workspace, STATE, json.loads(text))


@contextmanager
def hold_retraining(workspace: Workspace, wait_s: float = 0.0) -> Iterator[None]:
    """Yield while no other process begins or settles a retraining.

    Raises:
        RetrainingRefused: Another still does after `wait_s`.
    """
    with try_lock(workspace.retraining_lock, wait_s) as is_held:
        if not is_held:
            raise RetrainingRefused(
                "A retraining is just being prepared, or its challenger compared.",
                "Wait a moment, then look what became of it.",
            )
        yield


def describe_times(times: RetrainingTimes, now: datetime) -> str:
    """Return in words when a challenger is trained without a person."""
    parts = []
    if times.after_photos is not None:
        parts.append(f"as soon as {count(times.after_photos, 'reviewed photo')} wait")
    if times.every_days is not None:
        often = "every day" if times.every_days == 1 else f"every {times.every_days} days"
        coming = moment(find_next_time(times, now))
        parts.append(f"{often} at {times.at} ({times.zone}), next on {coming}")
    return f"By itself {', and '.join(parts)}." if parts else "Only by hand."
