"""The middleware around all addresses: request id, admission, limit of the body, figures, log line.

A body is counted while it streams in, cut off at its limit, and given up when it does not end.
"""

import asyncio
import re
import time
import uuid
from functools import partial
from http import HTTPMethod
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.config import Settings
from core.errors import PetalscopeError, RequestRefused, RequestTooLarge, ServiceBusy
from core.serving.admission import Door, Rate, find_caller
from core.serving.logbook import Figures, note
from core.serving.problems import REQUEST_ID, problem_response

BODY_TIMEOUT_S = 60.0
MOST_HELD = 640_000_000
"""Bytes of all bodies in memory at once."""
_READ_AND_DROPPED = 64_000_000
_OPEN = ("/health/", "/openapi.json", "/docs", "/static-offline-docs/")
"""Answered without a key and at any rate."""
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_FORM_OVERHEAD = 100_000
"""Bytes for the headers of the parts: a photo of exactly the limit still fits."""
_BATCH_BYTES = 256_000_000
_OWN_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")


def limit_body(route: str, settings: Settings) -> int:
    """Return how many bytes a request to this route may have."""
    photo = settings.api_photo_limit_mb * 1_000_000
    if route == "/v1/predict/batch":
        return max(_BATCH_BYTES, photo) + _FORM_OVERHEAD
    if route == "/v1/feedback":
        return photo * 4 // 3 + _FORM_OVERHEAD  # base64
    return photo + _FORM_OVERHEAD


class Gate:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, settings: Settings, figures: Figures) -> None:
        self._app = app
        self._settings = settings
        self._figures = figures
        self._door = Door(settings)
        self._rate = Rate(settings.api_rate_limit)
        self.bytes_held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # monitors ask so; the server leaves the body out
            scope = {**scope, "method": "GET"}
        visit = _Visit(self, scope, receive, send, limit_body(scope["path"], self._settings))
        try:
            self._admit(scope, visit.headers)
            visit.check_length()
            await self._app(scope, visit.receive, visit.send)
        except ClientDisconnect:
            visit.status = visit.status or 499  # in the log: the client has hung up
        except PetalscopeError as error:
            if visit.status:
                raise
            scope["problem_code"] = error.code
            await problem_response(error, visit.request_id)(scope, receive, visit.send)
        finally:
            self.bytes_held -= visit.bytes
            self._note(scope, visit)

    def _admit(self, scope: Scope, headers: Headers) -> None:
        if scope["path"].startswith(_OPEN):
            return
        server, client = scope.get("server"), scope.get("client")
        self._door.check_place(server[0] if server else None, headers)
        caller = find_caller(client[0] if client else "", headers)
        self._rate.check(caller)  # before the key, so that guessing is slow
        self._door.check_key(headers)
        if self._door.has_key:  # behind a proxy, an address is any text: the key counts
            caller = caller._replace(name="the key")
            self._rate.check(caller)
        scope["check_batch"] = partial(self._rate.check, caller, counted=1)

    def _note(self, scope: Scope, visit: "_Visit") -> None:
        # Labels come from bounded lists: a client must not fill the memory with them.
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in HTTPMethod.__members__ else "other"
        seconds = time.perf_counter() - visit.started
        status = visit.status or 500
        self._figures.requests.labels(route=route, method=method, status=str(status)).inc()
        self._figures.request_seconds.labels(route=route).observe(seconds)
        facts: dict[str, Any] = scope.get("noted", {})
        if code := scope.get("problem_code"):
            self._figures.problems.labels(code=code).inc()
            facts = facts | {"code": code}
        if route.startswith("/health/") or route == "/metrics":
            return  # monitors ask every few seconds
        ms = round(seconds * 1000, 1)
        about = {"method": method, "route": route, "status": status, "ms": ms}
        note("request", {"request_id": visit.request_id} | about | facts)


class _Visit:
    """One request: its id, its body as it comes in, and the status of its answer."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self.headers = Headers(scope=scope)
        given = self.headers.get("x-request-id", "")
        self.request_id = given if _OWN_ID.fullmatch(given) else uuid.uuid4().hex
        scope["request_id"] = self.request_id
        self.started = time.perf_counter()
        self.status = self.bytes = 0
        length = self.headers.get("content-length", "")
        self._length = int(length) if length.isdecimal() else 0
        self._is_complete = False
        self._gate, self._receive, self._send, self._limit = gate, receive, send, limit

    def check_length(self) -> None:
        """Refuse (RequestTooLarge) a body that announces more bytes than the limit."""
        if self._length > self._limit:
            raise self._too_large()

    async def receive(self) -> Message:
        """Return the next piece of the body."""
        if self._is_complete:
            return await self._receive()
        try:
            left = self.started + BODY_TIMEOUT_S - time.perf_counter()
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except TimeoutError as error:
            raise RequestRefused(
                f"The request did not end within {BODY_TIMEOUT_S:.0f} s.",
                "Send it again over a faster connection, or a smaller photo.",
                status=408,
            ) from error
        n_bytes = len(message.get("body", b""))
        if self._gate.bytes_held + n_bytes > MOST_HELD:
            raise ServiceBusy(
                "Too many large requests arrive at once.",
                "Send the request again in a few seconds.",
                retry_after=3,
            )
        self._gate.bytes_held += n_bytes
        self.bytes += n_bytes
        if self.bytes > self._limit:
            raise self._too_large()
        self._is_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send on; the head of the answer carries the id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.update({REQUEST_ID: self.request_id, **_HEADERS})
            # uvicorn reads the rest of a body and drops it, so that the client sees the answer;
            # of a body that may go on for ever it must not.
            is_long = "transfer-encoding" in self.headers or self._length > _READ_AND_DROPPED
            if is_long and not self._is_complete:
                headers["Connection"] = "close"
        await self._send(message)

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(
            f"The request has more than {self._limit / 1e6:.1f} MB, the limit.",
            "Send fewer or smaller photos.",
        )
