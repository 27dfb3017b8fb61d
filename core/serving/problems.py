"""Errors of the API: one shape, a status for each, never a traceback; and in OpenAPI.

{"error": {"code", "problem", "remedy", "request_id"}}; with Retry-After where waiting helps.
"""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from core.errors import PetalscopeError, RequestRefused, ServiceBusy, UnexpectedFault
from core.serving.schemas import Problem, ProblemDocument

REQUEST_ID = "X-Request-ID"

_SEE = "See /openapi.json for the allowed requests."


def describe_problem(error: PetalscopeError, request_id: str) -> Problem:
    """Return the error in the shape of the API."""
    return Problem(
        code=error.code, problem=error.problem, remedy=error.remedy, request_id=request_id
    )


def problem_response(error: PetalscopeError, request_id: str) -> Response:
    """Return the whole answer to a request that ended with an error."""
    facts = error.facts | ({"authenticate": "Bearer"} if error.status == 401 else {})
    names = {"retry_after": "Retry-After", "allow": "Allow", "authenticate": "WWW-Authenticate"}
    headers = {name: str(facts[fact]) for fact, name in names.items() if fact in facts}
    if error.status == 500:
        headers[REQUEST_ID] = request_id  # answered outside of the gate, which adds it to others
    document = ProblemDocument(error=describe_problem(error, request_id))
    return Response(document.model_dump_json(), error.status, headers, "application/json")


def find_request_id(request: Request) -> str:
    """Return the id that the gate has given to the request."""
    return str(request.scope.get("request_id", ""))


def read_kind(request: Request) -> str:
    """Return the content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _translate(request: Request, error: HTTPException) -> PetalscopeError:
    if isinstance(error.__cause__, PetalscopeError):  # raised while FastAPI read the body
        return error.__cause__
    problem, remedy = f"The request cannot be used: {error.detail}", _SEE
    if error.status_code == 404:
        problem = "There is nothing at this address."
    if error.status_code == 405:
        problem = f"This address does not accept {request.method[:20]}."
    allow = {"allow": error.headers["Allow"]} if error.headers and "Allow" in error.headers else {}
    return RequestRefused(problem, remedy, status=error.status_code, **allow)


def _describe_values(request: Request, error: RequestValidationError) -> PetalscopeError:
    fault = error.errors()[0]
    if fault["type"] == "model_attributes_type" and read_kind(request) != "application/json":
        return RequestRefused("This address accepts application/json.", _SEE, status=415)
    place = " → ".join(str(part) for part in fault["loc"])[:120]
    return RequestRefused(
        f"The value at {place} cannot be used: {str(fault['msg'])[:200]}.",
        _SEE,
        status=400 if fault["type"] == "json_invalid" else 422,
    )


def _answer(describe: Callable[[Request, Any], PetalscopeError]) -> Any:
    async def answer(request: Request, raised: Exception) -> Response:
        error = describe(request, raised)
        request.scope["problem_code"] = error.code
        return problem_response(error, find_request_id(request))

    return answer


PROBLEM_HANDLERS: dict[int | type[Exception], Any] = {
    PetalscopeError: _answer(lambda _, error: error),
    HTTPException: _answer(_translate),
    RequestValidationError: _answer(_describe_values),
    SQLAlchemyError: _answer(
        lambda *_: ServiceBusy(
            "The database does not answer.", "Try again in a few seconds.", retry_after=5
        )
    ),
    Exception: _answer(
        lambda *_: UnexpectedFault(
            "The API failed on this request.",
            "Send it again. If it fails again, report the request id: the log has the traceback.",
            status=500,
        )
    ),
}
"""Answer every error of the application in the one shape."""

_DESCRIPTIONS = {
    400: "The request cannot be read",
    401: "The key is missing or wrong",
    403: "Without a key only this machine is answered",
    404: "Nothing has that name",
    408: "The body did not end in time",
    413: "Too many bytes or pixels; nothing was decoded",
    415: "The content type is not accepted",
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
_BINARY = {"type": "string", "format": "binary"}


def describe_upload(field: str, schema: dict[str, Any], *images: str) -> dict[str, Any]:
    """Return what OpenAPI says of a form with one field, or of images as the whole body."""
    form = {"type": "object", "required": [field], "properties": {field: schema}}
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    content |= {f"image/{kind}": {"schema": _BINARY} for kind in images}
    return {"requestBody": {"required": True, "content": content}}


PHOTO_BODY = describe_upload(
    "photo",
    _BINARY | {"description": "up to 10 MB and 40 megapixels, unless the API is set otherwise"},
    *("jpeg", "png", "webp", "heic", "avif", "bmp"),
)
BATCH_BODY = describe_upload(
    "photos", {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": 64}
)


def describe_refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of answers with these statuses: all have the one shape."""
    return {
        status: {"model": ProblemDocument, "description": _DESCRIPTIONS[status]}
        | ({"headers": _RETRY} if status in (429, 503) else {})
        for status in statuses
    }
