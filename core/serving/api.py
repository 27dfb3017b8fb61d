"""The prediction API as an ASGI application, and its server: `python -m core serve`.

A process of its own, without Keras or TensorFlow, that follows each promotion of a champion. Beyond
the loopback address, put a proxy before it: see docs/operation.md.
"""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.cors import CORSMiddleware
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from uvicorn.protocols.http.h11_impl import H11Protocol

from core.config import Settings, read_settings
from core.errors import PetalscopeError, SettingRefused
from core.runs.queue.scheduled import wake_scheduler
from core.serving.admission import check_binding, is_loopback, read_key
from core.serving.answering import AnswerService
from core.serving.gate import Gate
from core.serving.logbook import Figures, Logbook, begin_journal, note
from core.serving.problems import PROBLEM_HANDLERS, REQUEST_ID
from core.serving.routes import Service, router
from core.serving.switching import Switcher
from core.workspace import open_workspace

HEAD_TIMEOUT_S = 30.0
_DESCRIPTION = (
    "Classifies photos with the champion of the model registry. Every answer names the version "
    "that gave it; every error has one shape, with a stable code and a remedy. Where a key is "
    "set, send it as “Authorization: Bearer KEY”."
)


def create_app(*, docs: bool = False) -> FastAPI:
    """Return the application, with the settings of the environment.

    Args:
        docs: Whether /docs describes it, with scripts of its own: for the loopback address.

    Raises:
        SettingRefused: The key is short.
    """
    settings = read_settings()
    read_key(settings)  # refused now, not at the first request
    figures = Figures()

    app = FastAPIOffline(
        title="Petalscope",
        version="1",
        description=_DESCRIPTION,
        lifespan=partial(_run, settings, figures),
        exception_handlers=PROBLEM_HANDLERS,
        docs_url="/docs" if docs else None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(router)
    app.add_middleware(Gate, settings=settings, figures=figures)
    origins = [origin.strip() for origin in settings.api_origins.split(",") if origin.strip()]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", REQUEST_ID],
            expose_headers=[REQUEST_ID, "Retry-After"],
        )
    return app


@asynccontextmanager
async def _run(settings: Settings, figures: Figures, app: FastAPI) -> AsyncIterator[None]:
    """Yield while the application answers; then write the waiting lines of the log."""
    begin_journal()
    workspace = open_workspace()
    switcher = Switcher(workspace, figures)
    logbook = Logbook(workspace, figures.log_lost.inc)
    figures.log_waiting.set_function(lambda: logbook.waiting)
    answers = AnswerService(settings, switcher, logbook, figures)
    app.state.service = Service(workspace, figures, switcher, logbook, answers)
    # BLAS threads that wake behind OpenVINO's take longer than the work they are given.
    with threadpool_limits(1, user_api="blas"):
        logbook.start()
        switcher.start()
        try:
            await asyncio.to_thread(wake_scheduler, workspace)
        except (SQLAlchemyError, PetalscopeError, OSError) as error:  # photos are answered without
            note("scheduler not woken", {"problem": type(error).__name__}, logging.ERROR)
        try:
            yield
        finally:
            switcher.close()
            answers.close()
            logbook.close()
            note("ended", {"log_lost": logbook.lost})


def __getattr__(name: str) -> FastAPI:
    """Make the application that `uvicorn core.serving.api:app` asks for."""
    if name != "app":
        raise AttributeError(name)
    return create_app()


def run_server(host: str, port: int, on_bound: Callable[[], object] = lambda: None) -> None:
    """Serve the API until it is asked to end (SIGTERM, SIGINT) and running requests are answered.

    `on_bound` is called when it is bound, before the first request is answered.

    Raises:
        SettingRefused: The address needs a key, or the port is taken.
    """
    check_binding(read_settings(), host)
    with _bind(host, port) as listener, _end_quietly():
        server = make_server(create_app(docs=is_loopback(host)))
        on_bound()
        asyncio.run(serve(server, listener))


def make_server(app: Any) -> uvicorn.Server:
    """Return the server of an application, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=15,
            h11_max_incomplete_event_size=32_768,
        )
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
    signals = (signal.SIGTERM, signal.SIGINT)
    former = {number: signal.signal(number, lambda *_: None) for number in signals}
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
    listener.listen(512)
    return listener
