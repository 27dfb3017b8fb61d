"""When a challenger is trained by itself: after a number of reviewed photos, every few days.

A time is a moment of the plan, "every 7 days at 03:00 in Berlin". They count from the moment the
plan was made, so a machine that was off for a month finds one time that it missed, not four.
Standard library only: the scheduler asks.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import RetrainingRefused

MOST_DAYS = 365
MOST_PHOTOS = 100_000

_log = logging.getLogger(__name__)


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
    def time_of_day(self) -> time:
        """When on the days, in the zone."""
        return datetime.strptime(self.at, "%H:%M").time()


def check_times(times: RetrainingTimes) -> RetrainingTimes:
    """Return the plan unchanged.

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
    return times


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
