"""Connections that send no whole request are closed; slow answers are not."""

import asyncio
from contextlib import suppress

import pytest

from core.serving import api
from core.serving.api import make_server, serve

HEAD = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 60000\r\n"


async def answer_late(scope: object, receive: object, send: object) -> None:
    del scope, receive
    await asyncio.sleep(1.0)
    await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]


async def visit(address: tuple[str, int], sent: bytes) -> bytes:
    """Return the answer of a server until it hangs up."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    seen = b""
    with suppress(ConnectionResetError):
        async with asyncio.timeout(30):
            while piece := await reader.read(1000):
                seen += piece
    writer.close()
    return seen


async def visit_together(*sent: bytes) -> list[bytes]:
    """Return the answers of one server to clients that come at once."""
    server, listener = make_server(answer_late), api._bind("127.0.0.1", 0)
    serving = asyncio.create_task(serve(server, listener))
    answers = await asyncio.gather(*(visit(listener.getsockname(), one) for one in sent))
    server.should_exit = True
    await serving
    return answers


def test_silent_and_dripping_clients_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "HEAD_TIMEOUT_S", 0.2)
    visits = visit_together(b"", HEAD[:9], HEAD + b"\r\nabc")
    silent, half_a_head, dripping = asyncio.run(visits)
    assert silent == half_a_head == b""
    assert dripping.startswith(b"HTTP/1.1 204")


def test_broken_http_is_refused() -> None:
    broken = (
        b"this is no request\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01" + bytes(500),
        b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"z" * 99_000,
    )
    for sent, answer in zip(broken, asyncio.run(visit_together(*broken)), strict=True):
        head = answer.partition(b"\r\n\r\n")[0]
        assert head.startswith(b"HTTP/1.1 400 ") and b"connection: close" in head.lower(), sent
