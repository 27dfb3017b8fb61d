"""Many clients at once, in plain asyncio: each sends a photo, waits for its answer, sends the next.

Written by hand so that what is measured is the API: the clients take a small part of the cores.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Load:
    """What clients saw."""

    seconds: list[float] = field(default_factory=list)
    """Of each answer with status 200."""
    statuses: dict[int, int] = field(default_factory=dict)
    """Status → how many answers had it."""
    versions: dict[str, int] = field(default_factory=dict)
    """Version → how many answers named it."""
    took_s: float = 0.0


def send_load(
    port: int, photos: Sequence[bytes], *, clients: int, duration_s: float, key: str = ""
) -> Load:
    """Send photos from `clients` clients for the time; each keeps one connection."""
    return asyncio.run(_send_load(port, photos, clients, duration_s, key))


async def _send_load(
    port: int, photos: Sequence[bytes], clients: int, duration_s: float, key: str
) -> Load:
    load = Load()
    start = time.perf_counter()

    async def ask(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while time.perf_counter() - start < duration_s:
            writer.write(write_request(photos[turn % len(photos)], key))
            sent = time.perf_counter()
            status, body = await read_answer(reader)
            load.statuses[status] = load.statuses.get(status, 0) + 1
            if status == 200:
                load.seconds.append(time.perf_counter() - sent)
                version = json.loads(body)["model"]["version"]
                load.versions[version] = load.versions.get(version, 0) + 1
            turn += clients
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(ask(number) for number in range(clients)))
    load.took_s = time.perf_counter() - start
    return load


def write_request(photo: bytes, key: str = "") -> bytes:
    """Write the bytes of a request to /v1/predict with the photo as its body."""
    lines = [
        "POST /v1/predict HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/octet-stream",
        f"Content-Length: {len(photo)}",
        *([f"X-API-Key: {key}"] if key else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + photo


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read status and body of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    return int(head.split(" ", 2)[1]), await reader.readexactly(length)
