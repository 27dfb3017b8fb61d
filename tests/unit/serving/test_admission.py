"""Who may come in: keys, doors, rates and places."""

import asyncio

import pytest

from core.config import Settings
from core.errors import KeyRefused, ServiceBusy, SettingRefused
from core.serving.admission import Authenticator, ByteBudget, Capacity, check_binding, is_loopback
from core.serving.api import create_app

KEY = "0123456789abcdef"


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
    if local:
        check_binding(make_settings(), host)
    else:
        with pytest.raises(SettingRefused):
            check_binding(make_settings(), host)
        check_binding(make_settings(key=KEY), host)


@pytest.mark.parametrize(
    ("headers", "opens"),
    [
        ({b"authorization": f"Bearer {KEY}".encode()}, True),
        ({b"authorization": f"bearer  {KEY}".encode()}, True),
        ({b"x-api-key": KEY.encode()}, True),
        ({b"authorization": KEY.encode()}, False),
        ({b"authorization": b"Bearer "}, False),
        ({b"x-api-key": KEY[:-1].encode()}, False),
        ({b"x-api-key": b"\xff\xfe"}, False),
        ({}, False),
    ],
)
def test_keys(headers: dict[bytes, bytes], opens: bool) -> None:
    door = Authenticator(make_settings(key=KEY))
    door.check_place("203.0.113.9", [])  # with a key, wherever it comes from
    if opens:
        door.check_key(list(headers.items()))
    else:
        with pytest.raises(KeyRefused):
            door.check_key(list(headers.items()))


@pytest.mark.parametrize("key", ["", "   ", "0123456789", " 0123456789abcde "])
def test_an_empty_or_short_key_opens_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where uvicorn is started by hand."""
    with pytest.raises(SettingRefused, match="can be guessed"):
        Authenticator(make_settings(key=key))
    monkeypatch.setenv("PETALSCOPE_API_KEY", key)
    with pytest.raises(SettingRefused, match="can be guessed"):
        create_app()


def test_blanks_around_a_key_do_not_count() -> None:
    door = Authenticator(make_settings(key=f" {KEY}\n"))
    door.check_key([(b"x-api-key", KEY.encode())])
    with pytest.raises(KeyRefused):
        door.check_key([(b"x-api-key", KEY[:-1].encode())])


@pytest.mark.parametrize(
    ("server", "host", "opens"),
    [
        ("127.0.0.1", b"127.0.0.1:8000", True),
        ("127.0.0.1", b"LOCALHOST", True),
        ("::1", b"[::1]:8000", True),
        ("::1", b"[::1]", True),
        (None, b"anything", True),  # a local socket
        ("127.0.0.1", b"evil.example", False),
        ("127.0.0.1", b"", False),
        ("10.0.0.1", b"localhost", False),
    ],
)
def test_doors_without_a_key(server: str | None, host: bytes, opens: bool) -> None:
    door = Authenticator(make_settings())
    headers = [(b"host", host)]
    door.check_key(headers)
    if opens:
        door.check_place(server, headers)
    else:
        with pytest.raises(KeyRefused):
            door.check_place(server, headers)


def test_places_are_bounded_and_go_to_who_waits_longest() -> None:
    async def play() -> list[str]:
        places, order = Capacity(2), list[str]()
        await places.take()
        await places.take()
        with pytest.raises(ServiceBusy):
            await places.take()

        async def wait(name: str) -> None:
            await places.wait()
            order.append(name)

        waiting = [asyncio.create_task(wait(name)) for name in "abc"]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        places.leave()
        places.leave()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert places.taken == 2
        with pytest.raises(ServiceBusy):
            await places.take()
        places.leave()
        places.leave()
        assert places.taken == 0
        return order

    assert asyncio.run(play()) == ["b", "c"]


def test_a_place_given_to_who_has_gone_is_not_lost() -> None:
    async def play() -> int:
        places = Capacity(1)
        await places.take()
        waiting = asyncio.create_task(places.wait())
        await asyncio.sleep(0)
        places.leave()  # the place is the waiting one's now ...
        waiting.cancel()  # ... who is given up before it runs again
        await asyncio.gather(waiting, return_exceptions=True)
        return places.taken

    assert asyncio.run(play()) == 0


def test_bytes_on_their_way_are_bounded() -> None:
    held = ByteBudget(10)
    held.add(6)
    with pytest.raises(ServiceBusy):
        held.add(5)
    held.drop(6)
    held.add(10)
