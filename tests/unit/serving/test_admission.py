"""Which requests are let in: keys, addresses, origins and rates."""

import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from core.config import Settings
from core.errors import KeyRefused, RequestTooLarge, SettingRefused, TooManyRequests
from core.serving.admission import Caller, Door, Rate, check_binding, find_caller, is_loopback
from core.serving.api import create_app

KEY = "0123456789abcdef"
FAR, NEAR = Caller("10.0.0.1", is_local=False), Caller("127.0.0.1", is_local=True)


def make_settings(**values: object) -> Settings:
    return Settings(**{f"api_{name}": value for name, value in values.items()})


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local
    assert find_caller(host, {}) == (host, local)
    assert find_caller(host, {"x-forwarded-for": "127.0.0.1"}) == (host, False)
    check_binding(make_settings(key=KEY), host)
    with nullcontext() if local else pytest.raises(SettingRefused):
        check_binding(make_settings(), host)


@pytest.mark.parametrize(
    ("headers", "opens"),
    [
        ({"authorization": f"Bearer {KEY}"}, True),
        ({"authorization": f"bearer  {KEY}"}, True),
        ({"x-api-key": KEY}, True),
        ({"authorization": KEY}, False),
        ({"authorization": "Bearer "}, False),
        ({"x-api-key": KEY[:-1]}, False),
        ({"x-api-key": "\xff\xfe"}, False),
        ({}, False),
    ],
)
def test_keys(headers: dict[str, str], opens: bool) -> None:
    door = Door(make_settings(key=f" {KEY}\n"))  # blanks around it do not count
    door.check_place("203.0.113.9", {})  # with a key, from any address
    with nullcontext() if opens else pytest.raises(KeyRefused):
        door.check_key(headers)


@pytest.mark.parametrize("key", ["", "   ", "0123456789", " 0123456789abcde "])
def test_an_empty_or_short_key_opens_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where uvicorn is started by hand."""
    monkeypatch.setenv("PETALSCOPE_API_KEY", key)
    with pytest.raises(SettingRefused, match="can be guessed"):
        create_app()


@pytest.mark.parametrize(
    ("server", "host", "opens"),
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "LOCALHOST", True),
        ("::1", "[::1]:8000", True),
        ("::1", "[::1]", True),
        (None, "anything", True),  # a local socket
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "", False),
        ("10.0.0.1", "localhost", False),
    ],
)
def test_addresses_without_a_key(server: str | None, host: str, opens: bool) -> None:
    door = Door(make_settings())
    door.check_key({})
    with nullcontext() if opens else pytest.raises(KeyRefused):
        door.check_place(server, {"host": host})


def allow(check: Callable[[], None]) -> int:
    """Return 0 where it is allowed, else after how many seconds it will be."""
    try:
        check()
    except TooManyRequests as error:
        return int(str(error.facts["retry_after"]))
    return 0


def test_each_caller_has_its_own_count() -> None:
    rate = Rate(3)
    assert [allow(lambda: rate.check(FAR)) > 0 for _ in range(4)] == [False, False, False, True]
    assert not allow(lambda: rate.check(NEAR))


def test_rates_without_a_setting() -> None:
    unlimited, usual = Rate(0), Rate(None)
    for _ in range(100):
        unlimited.check(FAR, 1000)
    usual.check(NEAR, 1_000_000)
    usual.check(FAR, 3000)
    with pytest.raises(RequestTooLarge):
        usual.check(FAR, 3001)
    with pytest.raises(RequestTooLarge):
        Rate(1).check(NEAR, 2)


@pytest.mark.parametrize("begun", [0, 17, 59])
@pytest.mark.parametrize("photos", [1, 40, 64, 100])
def test_a_caller_who_waits_as_long_as_told_is_let_in(
    begun: int, photos: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 60_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    rate = Rate(100)
    rate.check(FAR)
    rate.check(FAR, 50, counted=1)
    now += begun
    wait = allow(lambda: rate.check(FAR, photos))
    assert bool(wait) == (photos > 50)
    if wait:
        now += wait - 1.5
        assert allow(lambda: rate.check(FAR, photos)), "no wait is longer than needed"
        now += 1.5
        assert not allow(lambda: rate.check(FAR, photos))
    with pytest.raises(RequestTooLarge, match="101 photos; 100 may be sent"):
        rate.check(FAR, 101)
