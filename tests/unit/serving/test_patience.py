"""Who asks nothing is hung up on; who is answered is not."""

import asyncio

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


@pytest.mark.parametrize("sent", [b"", HEAD[:9], HEAD + b"\r\nabc"])
def test_whoever_drips_is_hung_up_on(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "HEAD_TIMEOUT_S", 0.2)

    async def visit() -> bytes:
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

    seen = asyncio.run(visit())
    assert seen.startswith(b"HTTP/1.1 204" if sent.endswith(b"abc") else b"")
    assert bool(seen) == sent.endswith(b"abc")
