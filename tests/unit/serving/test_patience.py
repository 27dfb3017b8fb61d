"""Who asks nothing is hung up on; who has asked is answered, in the one shape."""

import asyncio
import json

import pytest
import uvicorn

from core.serving import running
from core.serving.running import PatientProtocol

HEAD = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 60000\r\n"


async def answer_late(scope: object, receive: object, send: object) -> None:
    del scope, receive
    await asyncio.sleep(1.0)
    await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]


async def visit(sent: bytes, *, ends: bool = False) -> bytes:
    """Return what a server answers; with `ends`, the client has closed its side by then."""
    config = uvicorn.Config(
        answer_late, port=0, http=PatientProtocol, ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    if ends:
        writer.write_eof()
    seen = b""
    try:
        async with asyncio.timeout(30):
            while piece := await reader.read(1000):
                seen += piece
    except ConnectionResetError:
        pass
    writer.close()
    server.should_exit = True
    await serving
    return seen


@pytest.mark.parametrize("sent", [b"", HEAD[:9], HEAD + b"\r\nabc"])
def test_whoever_drips_is_hung_up_on(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "HEAD_TIMEOUT_S", 0.2)
    seen = asyncio.run(visit(sent))
    assert seen.startswith(b"HTTP/1.1 204" if sent.endswith(b"abc") else b"")
    assert bool(seen) == sent.endswith(b"abc")


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", 1),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc", 1),
        (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 2, 2),
        (HEAD, 0),
        (HEAD + b"\r\nabc", 0),
    ],
)
def test_whoever_ends_after_a_whole_request_is_answered(sent: bytes, answers: int) -> None:
    seen = asyncio.run(visit(sent, ends=True))
    assert seen.count(b"HTTP/1.1 204") == answers


@pytest.mark.parametrize(
    "sent",
    [
        b"this is no request\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01" + bytes(500),
        b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"z" * 99_000,
    ],
)
def test_what_is_no_http_is_told_in_the_one_shape(sent: bytes) -> None:
    head, _, body = asyncio.run(visit(sent)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"connection: close" in head.lower()
    error = json.loads(body)["error"]
    assert error["code"] == "request_refused" and error["remedy"]
    assert error["request_id"].encode() in head
