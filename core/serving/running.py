"""Run the API until it is asked to end: checked settings, a bound socket, no endless waiting.

Beyond the loopback address, put a reverse proxy before it: see docs/api.md.
"""

import asyncio
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from core.config import read_settings
from core.errors import SettingRefused
from core.serving.admission import check_binding

HEAD_TIMEOUT_S = 30.0
_GRACE_S = 15
_KEEP_ALIVE_S = 30
_MOST_WAITING = 512
_ENDING = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, kw_only=True)
class Tls:
    """The files for HTTPS (PEM); without them, plain HTTP."""

    certificate: Path | None = None
    key: Path | None = None


def run_server(
    host: str, port: int, tls: Tls = Tls(), on_bound: Callable[[], None] | None = None
) -> None:
    """Serve the API until it is asked to end (SIGTERM, SIGINT) and running requests are answered.

    `on_bound` is called when it is bound, before the first request is answered.

    Raises:
        SettingRefused: The address needs a key, the port is taken, or HTTPS does not work.
    """
    check_binding(read_settings(), host)
    listener = _bind(host, port)
    server = make_server("core.serving.api:app", tls)
    if on_bound is not None:
        on_bound()
    with listener, _end_quietly():
        asyncio.run(serve(server, listener))


def make_server(app: Any, tls: Tls) -> uvicorn.Server:
    """Return the server of an application, not yet running."""
    if tls.key and not tls.certificate:
        raise _refuse_tls("the certificate is not named")
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=32_768,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
        ssl_keyfile_password="none",  # without one, OpenSSL would ask for it at the terminal
    )
    try:
        config.load()
    except ssl.SSLError as error:
        problem = "the files are not a certificate and its key without a password"
        raise _refuse_tls(problem) from error
    except OSError as error:
        raise _refuse_tls(f"a file cannot be read ({error.strerror})") from error
    return uvicorn.Server(config)


def _refuse_tls(problem: str) -> SettingRefused:
    return SettingRefused(
        f"HTTPS does not work: {problem}.",
        "Name a certificate and the key made with it, both as PEM and without a password "
        "(--tls-certificate, --tls-key), or neither.",
        variable="PETALSCOPE_API_TLS_CERTIFICATE",
    )


async def serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until the server is asked to end."""
    watch = asyncio.create_task(_hang_up_on_silent(server))
    try:
        await server.serve(sockets=[listener])
    finally:
        watch.cancel()


async def _hang_up_on_silent(server: uvicorn.Server) -> None:
    """Close each connection that sends no whole request head in time: uvicorn waits for ever."""
    since: dict[tuple[H11Protocol, object], float] = {}
    while True:
        now = time.monotonic()
        connections = [
            one for one in server.server_state.connections if isinstance(one, H11Protocol)
        ]
        waiting = [one for one in connections if not one.cycle or one.cycle.response_complete]
        since = {(one, one.cycle): since.get((one, one.cycle), now) for one in waiting}
        for (connection, _), began in since.items():
            if now - began > HEAD_TIMEOUT_S:
                connection.transport.abort()
        await asyncio.sleep(HEAD_TIMEOUT_S / 10)


@contextmanager
def _end_quietly() -> Iterator[None]:
    """Let the signal that ends the server end nothing else: uvicorn raises it once more."""
    former = {number: signal.signal(number, lambda *_: None) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY), not after 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingRefused(
            f"The API cannot be bound to {host}, port {port}: {error.strerror or error}.",
            "Choose another with --port or PETALSCOPE_API_PORT, or end the program that uses it.",
            variable="PETALSCOPE_API_PORT",
        ) from error
    listener.listen(_MOST_WAITING)
    return listener
