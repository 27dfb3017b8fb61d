"""What every address needs of a request, and how it hands back a document."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from core.serving.service import Service

Found = TypeVar("Found")


def find_service(request: Request) -> Service:
    """Returns the parts behind the addresses."""
    service: Service = request.app.state.service
    return service


def find_client(request: Request) -> str:
    """Returns the address that the request came from."""
    return request.client.host if request.client else ""


def note(request: Request, **facts: object) -> None:
    """Returns nothing; the line in the log of this request says so."""
    request.scope["noted"] = facts


def answer_json(document: BaseModel, status: int = 200) -> Response:
    """Returns the document as the body of an answer."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return Response(document.model_dump_json(), status, headers, "application/json")


async def ask_in_thread(ask: Callable[[], Found]) -> Found:
    """Returns what the function returns; other requests are answered meanwhile."""
    return await asyncio.to_thread(ask)
