"""Errors as the API tells them: one shape, a status for each, never a traceback; and in OpenAPI.

{"error": {"code", "problem", "remedy", "request_id"}}; with Retry-After where waiting helps.
"""

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from core import errors
from core.errors import PetalscopeError, RequestRefused, ServiceBusy, UnexpectedFault
from core.serving.schemas import FeedbackGiven, Problem, ProblemDocument

REQUEST_ID = "X-Request-ID"

_STATUSES: tuple[tuple[type[PetalscopeError], int], ...] = (
    (errors.PhotoTooLarge, 413),
    (errors.RequestTooLarge, 413),
    (errors.PhotoRefused, 422),
    (errors.KeyRefused, 401),
    (errors.TooManyRequests, 429),
    (errors.ServiceBusy, 503),
    (errors.ServiceNotReady, 503),
    (errors.VersionMissing, 404),
    (errors.FeedbackRefused, 422),
    (errors.DiskFull, 503),
    (errors.DatabaseUnusable, 503),
    (errors.PlaceRefused, 503),
    (errors.PetalscopeError, 400),
)
"""The first that fits; an error may name another in its fact “status”."""


def describe_problem(error: PetalscopeError, request_id: str) -> Problem:
    """Return the error as the API tells it."""
    return Problem(
        code=error.code, problem=error.problem, remedy=error.remedy, request_id=request_id
    )


def problem_response(error: PetalscopeError, request_id: str) -> Response:
    """Return the whole answer to a request that ended with an error."""
    status = error.facts.get("status")
    if not isinstance(status, int):
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
    headers = {REQUEST_ID: request_id, "X-Content-Type-Options": "nosniff"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.facts:
        headers["Retry-After"] = str(error.facts["retry_after"])
    if "allow" in error.facts:
        headers["Allow"] = str(error.facts["allow"])
    document = ProblemDocument(error=describe_problem(error, request_id))
    return Response(document.model_dump_json(), status, headers, "application/json")


def find_request_id(request: Request) -> str:
    """Return the id that the gate has given to the request."""
    return str(request.scope.get("request_id", ""))


def add_problem_handlers(app: FastAPI) -> None:
    """Answer whatever goes wrong in the application in the one shape."""

    describe: dict[type[Exception], Callable[[Request, Any], PetalscopeError]] = {
        PetalscopeError: lambda _, error: error,
        HTTPException: _translate,
        RequestValidationError: lambda _, error: _describe_values(error),
        SQLAlchemyError: lambda *_: ServiceBusy(
            "The database does not answer.", "Send it again in some seconds.", retry_after=5
        ),
        Exception: lambda *_: UnexpectedFault(
            "The API made a mistake.",
            "Send it again; if it stays, report the request id: the log has the traceback.",
            status=500,
        ),
    }
    for kind, translate in describe.items():
        app.add_exception_handler(kind, partial(_answer, translate))


async def _answer(
    translate: Callable[[Request, Any], PetalscopeError], request: Request, raised: Exception
) -> Response:
    error = translate(request, raised)
    request.scope["problem_code"] = error.code
    return problem_response(error, find_request_id(request))


def _translate(request: Request, error: HTTPException) -> PetalscopeError:
    allow = {"allow": error.headers["Allow"]} if error.headers and "Allow" in error.headers else {}
    told = {
        404: ("There is nothing at this address.", "The addresses stand in /openapi.json."),
        405: (
            f"{request.method[:20]} is not what this address takes.",
            "See /openapi.json for its methods.",
        ),
    }
    known = (f"The request cannot be used: {error.detail}", "See /openapi.json for its form.")
    problem, remedy = told.get(error.status_code, known)
    return RequestRefused(problem, remedy, status=error.status_code, **allow)


def _describe_values(error: RequestValidationError) -> PetalscopeError:
    fault = error.errors()[0]
    place = " → ".join(str(part) for part in fault["loc"])[:120]
    return RequestRefused(
        f"The value at {place} cannot be used: {str(fault['msg'])[:200]}.",
        "See /openapi.json for what is allowed.",
        status=422,
    )


_DESCRIPTIONS = {
    400: "The request cannot be read",
    401: "The key is missing or wrong",
    403: "Without a key only this machine is answered",
    404: "There is nothing of that name",
    408: "The body did not end in time",
    413: "Too many bytes or pixels; nothing was decoded",
    415: "Not a type that is taken",
    422: "The photo is damaged, or a value cannot be used",
    429: "Too many photos in a minute",
    503: "The queue is full, or no version serves yet",
}
_RETRY = {
    "Retry-After": {
        "description": "seconds after which it may be sent again",
        "schema": {"type": "integer"},
    }
}
_MOST = "up to 10 MB and 40 megapixels, unless the settings of the API say otherwise"
_BINARY = {"type": "string", "format": "binary"}

_PHOTO_TYPES = ("jpeg", "png", "webp", "heic", "avif", "bmp")


def _describe_body(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the document says of a body: content type → schema."""
    content = {kind: {"schema": schema} for kind, schema in schemas.items()}
    return {"requestBody": {"required": True, "content": content}}


def _describe_form(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: schema}}


_FORM = "multipart/form-data"
_MANY = {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": 64}
PHOTO_BODY = _describe_body(
    {_FORM: _describe_form("photo", {**_BINARY, "description": _MOST})}
    | {f"image/{kind}": _BINARY for kind in _PHOTO_TYPES}
)
BATCH_BODY = _describe_body({_FORM: _describe_form("photos", _MANY)})
FEEDBACK_BODY = _describe_body({"application/json": FeedbackGiven.model_json_schema()})


def describe_refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the document says of answers with these statuses: all have the one shape."""
    return {
        status: {
            "model": ProblemDocument,
            "description": _DESCRIPTIONS[status],
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in statuses
    }
