"""When to retrain: days count in the place's own clock, and what was missed counts once."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from core.errors import RetrainingRefused
from core.runs.queue.scheduled import (
    RetrainingTimes,
    check_times,
    find_last_time,
    find_next_time,
    times_from_json,
    times_to_json,
)

SINCE = datetime(2026, 11, 21, 19, 5, tzinfo=UTC)
WEEKLY = RetrainingTimes(every_days=7, at="03:00", since=SINCE)


def test_the_first_time_is_the_next_one_after_it_was_arranged() -> None:
    assert find_last_time(WEEKLY, SINCE) is None
    assert find_next_time(WEEKLY, SINCE) == datetime(2026, 11, 22, 3, tzinfo=UTC)
    later_today = RetrainingTimes(every_days=1, at="19:06", since=SINCE)
    assert find_next_time(later_today, SINCE) == SINCE + timedelta(minutes=1)
    this_minute = RetrainingTimes(every_days=1, at="19:05", since=SINCE)
    assert find_next_time(this_minute, SINCE) == SINCE + timedelta(days=1)


def test_a_time_has_come_on_the_minute_and_not_before() -> None:
    first = datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert find_last_time(WEEKLY, first - timedelta(seconds=1)) is None
    assert find_last_time(WEEKLY, first) == first
    assert find_next_time(WEEKLY, first) == first + timedelta(days=7)
    assert find_last_time(WEEKLY, first + timedelta(days=7, seconds=-1)) == first


def test_after_a_month_off_one_time_is_the_last_one() -> None:
    now = SINCE + timedelta(days=30)
    last = find_last_time(WEEKLY, now)
    assert last == datetime(2026, 12, 20, 3, tzinfo=UTC)
    assert find_next_time(WEEKLY, now) == datetime(2026, 12, 27, 3, tzinfo=UTC)


def test_the_time_of_day_stays_when_the_clocks_are_changed() -> None:
    since = datetime(2026, 10, 20, tzinfo=UTC)  # summer time ends on 25 October
    berlin = RetrainingTimes(every_days=3, at="03:00", zone="Europe/Berlin", since=since)
    before, now = datetime(2026, 10, 20, 1, tzinfo=UTC), since
    assert find_next_time(berlin, now) == before
    assert find_next_time(berlin, before) == datetime(2026, 10, 23, 1, tzinfo=UTC)
    assert find_next_time(berlin, datetime(2026, 10, 24, tzinfo=UTC)) == datetime(
        2026, 10, 26, 2, tzinfo=UTC
    )


@pytest.mark.parametrize("day", (datetime(2026, 10, 25), datetime(2026, 3, 29)))
def test_a_time_that_is_twice_or_never_on_a_day_comes_once(day: datetime) -> None:
    since = day.replace(tzinfo=UTC) - timedelta(days=2)
    berlin = RetrainingTimes(every_days=1, at="02:30", zone="Europe/Berlin", since=since)
    seen = set()
    for minute in range(0, 4 * 24 * 60, 10):
        last = find_last_time(berlin, since + timedelta(minutes=minute))
        seen.add(last)
    assert len(seen - {None}) == 4  # one a day


def test_every_time_comes_once_whoever_asks_when() -> None:
    times = RetrainingTimes(every_days=2, at="23:59", zone="Pacific/Auckland", since=SINCE)
    now, seen = SINCE, []
    for _ in range(6):
        coming = find_next_time(times, now)
        assert coming is not None and coming > now
        assert find_last_time(times, coming) == coming
        seen.append(coming)
        now = coming
    assert [b - a for a, b in pairwise(seen)] == [timedelta(days=2)] * 5


def test_without_days_there_is_no_time() -> None:
    by_hand = RetrainingTimes(since=SINCE)
    assert find_last_time(by_hand, SINCE) is find_next_time(by_hand, SINCE) is None
    assert not by_hand.by_itself
    assert RetrainingTimes(after_photos=1, since=SINCE).by_itself


def test_a_plan_is_the_same_after_it_was_kept() -> None:
    assert times_from_json(times_to_json(WEEKLY)) == WEEKLY


@pytest.mark.parametrize(
    "wrong",
    (
        {"after_photos": 0},
        {"every_days": 0},
        {"every_days": 366},
        {"at": "24:00"},
        {"at": "noon"},
        {"zone": "Middle/Earth"},
        {"zone": "../../etc/passwd"},
        {"zone": ""},
    ),
)
def test_what_is_no_plan_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RetrainingRefused):
        check_times(RetrainingTimes(since=SINCE, **wrong))  # type: ignore[arg-type]


def test_a_zone_this_machine_does_not_know_is_taken_as_utc() -> None:
    lost = RetrainingTimes(every_days=1, at="03:00", zone="Middle/Earth", since=SINCE)
    assert find_next_time(lost, SINCE) == datetime(2026, 11, 22, 3, tzinfo=UTC)


def test_a_zone_that_this_machine_lacks_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    there = times_from_json(times_to_json(WEEKLY) | {"zone": "Mars/Gale", "at": "3:00"})
    for _ in range(3):
        assert find_next_time(there, SINCE) == find_next_time(WEEKLY, SINCE)
    assert [one.message.count("Mars/Gale") for one in caplog.records] == [1]
