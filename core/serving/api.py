"""The prediction API as an ASGI application: `uvicorn core.serving.api:app`, or `make api`.

A process of its own, without Keras or TensorFlow, which takes up each champion that is promoted.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from core.config import read_settings
from core.errors import SettingRefused
from core.serving.admission import read_key
from core.serving.figures import Figures, begin_journal
from core.serving.gate import Gate
from core.serving.problems import REQUEST_ID, add_problem_handlers
from core.serving.routes import router
from core.serving.service import Service
from core.workspace import open_workspace

_DESCRIPTION = (
    "Classifies photos with the champion of the model registry. Every answer names the version "
    "that gave it; what goes wrong has one shape, with a code that stays the same and a remedy. "
    "Where a key is set, send it as “Authorization: Bearer KEY”."
)


def create_app() -> FastAPI:
    """Return the application, with the settings of the environment.

    Raises:
        SettingRefused: The key is short.
    """
    settings = read_settings()
    read_key(settings)  # refused now, not at the first request
    figures = Figures()

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        begin_journal()
        service = Service(open_workspace(), settings, figures)
        app.state.service = service
        async with service.run():
            yield

    app = FastAPI(
        title="Petalscope",
        version="1",
        description=_DESCRIPTION,
        lifespan=live,
        docs_url=None,  # their pages fetch scripts from the network
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(router)
    add_problem_handlers(app)
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


def _create_or_end() -> FastAPI:
    """Return the application for uvicorn; settings that are refused end it with their sentence."""
    try:
        return create_app()
    except SettingRefused as error:
        raise SystemExit(str(error)) from error


app = _create_or_end()
