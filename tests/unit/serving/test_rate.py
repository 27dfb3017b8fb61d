"""How many photos a minute: who counts as one, and that what is said of waiting is true."""

import time
from collections.abc import Callable

import pytest

from core.errors import RequestTooLarge, TooManyRequests
from core.serving.admission import Rate, name_caller


def allow(check: Callable[[], None]) -> int:
    """Return 0 where it is allowed, else after how many seconds it will be."""
    try:
        check()
    except TooManyRequests as error:
        return int(str(error.facts["retry_after"]))
    return 0


@pytest.mark.parametrize(
    ("address", "name", "is_local"),
    [
        ("10.0.0.1", "10.0.0.1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", False),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", False),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64", False),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64", False),
        ("fe80::1%eth0", "fe80::/64", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("", "", False),
        ("unknown", "unknown", False),
    ],
)
def test_who_counts_as_one(address: str, name: str, is_local: bool) -> None:
    assert name_caller(address, is_passed_on=False) == (name, is_local)
    assert name_caller(address, is_passed_on=True) == (name, False)


def test_each_caller_has_its_own_count() -> None:
    rate, one, two = Rate(3), *(name_caller(f"10.0.0.{n}", is_passed_on=False) for n in (1, 2))
    assert [allow(lambda: rate.check(one)) > 0 for _ in range(4)] == [False, False, False, True]
    assert not allow(lambda: rate.check(two))
    assert not allow(lambda: rate.check(one.name_key()))
    assert not allow(lambda: rate.check(two.name_key()))  # with a key they are one
    assert not allow(lambda: rate.check(two.name_key()))
    assert allow(lambda: rate.check(one.name_key()))


def test_rates_unless_said_otherwise() -> None:
    far, near = (name_caller(address, is_passed_on=False) for address in ("10.0.0.1", "127.0.0.1"))
    unlimited, usual = Rate(0), Rate(None)
    for _ in range(100):
        unlimited.check_batch(far, 1000)
    usual.check_batch(near, 1_000_000)
    usual.check_batch(near.name_key(), 1_000_000)
    assert allow(lambda: usual.check_batch(far, 3000)) == 0
    passed_on = name_caller("127.0.0.1", is_passed_on=True)  # an address that a client may write
    with pytest.raises(RequestTooLarge):
        usual.check_batch(passed_on, 3001)
    with pytest.raises(RequestTooLarge):
        Rate(1).check_batch(near, 2)


def test_a_batch_that_never_fits_is_told_apart_from_one_that_comes_too_early() -> None:
    rate, caller = Rate(5), name_caller("10.0.0.1", is_passed_on=False)
    rate.check(caller)
    with pytest.raises(RequestTooLarge, match="6 photos; 5 may be sent") as refused:
        rate.check_batch(caller, 6)
    assert "at most 5" in refused.value.remedy
    rate.check_batch(caller, 5)
    assert allow(lambda: rate.check(caller))


@pytest.mark.parametrize("begun", [0, 17, 59])
@pytest.mark.parametrize("photos", [1, 40, 64, 100])
@pytest.mark.parametrize("sent_before", [30, 100])
def test_who_waits_as_long_as_told_is_let_in(
    begun: int, photos: int, sent_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 60_000_000.0 + begun
    monkeypatch.setattr(time, "time", lambda: now)
    rate, caller = Rate(100), name_caller("10.0.0.1", is_passed_on=False)

    def send() -> None:
        rate.check(caller)
        rate.check_batch(caller, photos)

    rate.check(caller)
    rate.check_batch(caller, sent_before)
    waits = []
    while wait := allow(send):
        waits.append(wait)
        now += wait
    # Not before it was read is it known how many photos a batch has: hence a second wait.
    assert len(waits) <= 2
    assert sum(waits) <= 121
    assert bool(waits) == (sent_before + photos > 100)


def test_no_wait_is_longer_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 60_000_030.0
    monkeypatch.setattr(time, "time", lambda: now)
    rate, caller = Rate(10), name_caller("10.0.0.1", is_passed_on=False)
    rate.check(caller)
    rate.check_batch(caller, 10)
    told = allow(lambda: rate.check(caller))
    start = now
    while allow(lambda: rate.check(caller)):
        now += 0.25
    assert told - 1.5 <= now - start <= told
