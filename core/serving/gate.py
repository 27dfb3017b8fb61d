"""What every request passes, before and after: its id, the door, the rate, the size, the figures.

A body is counted while it streams in and cut off at its limit; one that does not end is given up.
"""

import asyncio
import re
import time
import uuid
from functools import partial
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.config import Settings
from core.errors import PetalscopeError, RequestRefused, RequestTooLarge
from core.serving.admission import Authenticator, ByteBudget, Rate, is_passed_on, name_caller
from core.serving.figures import Figures
from core.serving.problems import REQUEST_ID, problem_response
from core.serving.uploads import limit_body

BODY_TIMEOUT_S = 60.0
MOST_HELD = 640_000_000
_READ_AND_DROPPED = 64_000_000

_OPEN = ("/health/", "/openapi.json")
"""Answered without key and at any rate: for whoever watches or wants to learn how to ask."""
_GONE = 499
"""What is noted where nobody waits for the answer any more; a status as nginx knows it."""
_OWN_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_journal = structlog.get_logger("petalscope.api")


class Gate:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, settings: Settings, figures: Figures) -> None:
        self._app = app
        self._settings = settings
        self._figures = figures
        self._authenticator = Authenticator(settings)
        self._held = ByteBudget(MOST_HELD)
        self._rate = Rate(settings.api_rate_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # the server leaves the body out: monitors ask so
            scope = {**scope, "method": "GET"}
        limit = limit_body(scope["path"], self._settings)
        body = _Body(receive, dict(scope["headers"]), limit, self._held)
        visit = _Visit(scope, send, body)
        scope["request_id"] = visit.request_id
        try:
            self._admit(scope, body)
            await self._app(scope, body.receive, visit.send)
        except ClientDisconnect:  # in the middle of its body: no fault of ours, and nobody to tell
            visit.status = visit.status or _GONE
        except PetalscopeError as error:  # from here or from the body; the rest has its handlers
            if visit.status:
                raise
            scope["problem_code"] = error.code
            await problem_response(error, visit.request_id)(scope, receive, visit.send)
        finally:
            body.drop()
            self._note(scope, visit)

    def _admit(self, scope: Scope, body: "_Body") -> None:
        if scope["path"].startswith(_OPEN):
            return
        server, client, headers = scope.get("server"), scope.get("client"), scope["headers"]
        self._authenticator.check_place(server[0] if server else None, headers)
        caller = name_caller(client[0] if client else "", is_passed_on=is_passed_on(headers))
        self._rate.check(caller)  # before the key: whoever guesses keys is slowed down, too
        self._authenticator.check_key(headers)
        if self._authenticator.has_key:
            caller = caller.name_key()
            self._rate.check(caller)
        scope["check_batch"] = partial(self._rate.check_batch, caller)
        body.check_announced()

    def _note(self, scope: Scope, visit: "_Visit") -> None:
        # Of a path that is none of ours only that is told: labels and logs must stay bounded.
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        seconds = time.perf_counter() - visit.started
        status = visit.status or 500
        self._figures.requests.labels(route=route, method=method, status=str(status)).inc()
        self._figures.request_seconds.labels(route=route).observe(seconds)
        if "problem_code" in scope:
            self._figures.problems.labels(code=scope["problem_code"]).inc()
        if route.startswith("/health/") or route == "/metrics":
            return  # asked every few seconds by whoever watches
        _journal.info(
            "request",
            request_id=visit.request_id,
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            **scope.get("noted", {}),
            **({"code": scope["problem_code"]} if "problem_code" in scope else {}),
        )


_METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH")


class _Visit:
    """One request: its id, when it came, what it was answered with."""

    def __init__(self, scope: Scope, send: Send, body: "_Body") -> None:
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        self.request_id = given if _OWN_ID.fullmatch(given) else uuid.uuid4().hex
        self.started = time.perf_counter()
        self.status = 0
        self._send = send
        self._body = body

    async def send(self, message: Message) -> None:
        """Send on; the head of the answer carries the id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [pair for pair in message.get("headers", []) if pair[0] != _ID_HEADER]
            headers.append((_ID_HEADER, self.request_id.encode()))
            if self._body.goes_on:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await self._send(message)


_ID_HEADER = REQUEST_ID.lower().encode()


class _Body:
    """The body of a request, counted while it comes in."""

    def __init__(
        self, receive: Receive, headers: dict[bytes, bytes], limit: int, held: ByteBudget
    ) -> None:
        self._receive = receive
        announced = headers.get(b"content-length", b"")
        self._announced = int(announced) if announced.isdigit() else 0
        self._is_chunked = b"transfer-encoding" in headers
        self._limit = limit
        self._held = held
        self._bytes = 0
        self._is_complete = False
        self._deadline = time.monotonic() + BODY_TIMEOUT_S

    def check_announced(self) -> None:
        """Refuse (RequestTooLarge) a body that is announced as larger than the limit."""
        if self._announced > self._limit:
            raise self._too_large()

    @property
    def goes_on(self) -> bool:
        """Whether much more may come in that nobody will read: it is hung up on then.

        A little more is read and dropped instead: who is cut off might never see the answer.
        """
        is_long = self._is_chunked or self._announced > _READ_AND_DROPPED
        return is_long and not self._is_complete

    async def receive(self) -> Message:
        """Return the next piece of the body.

        Raises:
            RequestTooLarge: The pieces so far are more than the limit.
            ServiceBusy: Too many large requests come in at once.
            RequestRefused: The body did not end in time.
        """
        if self._is_complete:
            return await self._receive()
        try:
            left = max(0.0, self._deadline - time.monotonic())
            message = await asyncio.wait_for(self._receive(), left)
        except TimeoutError as error:
            raise RequestRefused(
                f"The request did not end within {BODY_TIMEOUT_S:.0f} s.",
                "Send it again over a better line, or a smaller photo.",
                status=408,
            ) from error
        piece: Any = message.get("body", b"")
        self._held.add(len(piece))
        self._bytes += len(piece)
        if self._bytes > self._limit:
            raise self._too_large()
        self._is_complete = not message.get("more_body", False)
        return message

    def drop(self) -> None:
        """Release the bytes."""
        self._held.drop(self._bytes)
        self._bytes = 0

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(
            f"The request has more than the {self._limit / 1e6:.1f} MB that are taken here.",
            "Send fewer or smaller photos.",
        )
