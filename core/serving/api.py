"""The prediction API as an ASGI application: `uvicorn core.serving.api:app`, or `make api`.

A process of its own, without Keras or TensorFlow, that follows each promotion of a champion.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.cors import CORSMiddleware
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from core.config import Settings, read_settings
from core.errors import PetalscopeError, SettingRefused
from core.runs.queue.scheduled import wake_scheduler
from core.serving.admission import read_key
from core.serving.answering import AnswerService
from core.serving.figures import Figures, begin_journal, note
from core.serving.gate import Gate
from core.serving.logbook import Logbook
from core.serving.problems import PROBLEM_HANDLERS, REQUEST_ID
from core.serving.routes import Service, router
from core.serving.switching import Switcher
from core.workspace import open_workspace

_DESCRIPTION = (
    "Classifies photos with the champion of the model registry. Every answer names the version "
    "that gave it; every error has one shape, with a stable code and a remedy. Where a key is "
    "set, send it as “Authorization: Bearer KEY”."
)


def create_app() -> FastAPI:
    """Return the application, with the settings of the environment.

    Raises:
        SettingRefused: The key is short.
    """
    settings = read_settings()
    read_key(settings)  # refused now, not at the first request
    figures = Figures()

    app = FastAPI(
        title="Petalscope",
        version="1",
        description=_DESCRIPTION,
        lifespan=partial(_run, settings, figures),
        exception_handlers=PROBLEM_HANDLERS,
        docs_url=None,  # these pages fetch scripts from the network
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


def _create_or_end() -> FastAPI:
    """Return the application for uvicorn; a refused setting ends the process with its sentence."""
    try:
        return create_app()
    except SettingRefused as error:
        raise SystemExit(str(error)) from error


app = _create_or_end()
