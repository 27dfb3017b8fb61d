"""Run the API until it is asked to end: checked settings, a bound socket, patience with limits.

uvicorn waits for ever for the head of a request, and for what comes after an answer: connections
that ask nothing are closed here, also those that send a letter now and then.
"""

import asyncio
import signal
import socket
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from core.config import read_settings
from core.errors import RequestRefused, SettingRefused
from core.serving.admission import check_binding
from core.serving.problems import problem_response

_GRACE_S = 15
_KEEP_ALIVE_S = 30
_MOST_WAITING = 512
_ENDING = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, kw_only=True)
class Tls:
    """The files that HTTPS is spoken with (PEM); None: plain HTTP."""

    certificate: Path | None = None
    key: Path | None = None

    def check(self) -> None:
        """Check that HTTPS works with the files, or that there are none.

        Raises:
            SettingRefused: One is missing, cannot be read, or they do not belong together.
        """
        if self.certificate is None and self.key is None:
            return
        if self.certificate is None or self.key is None:
            name = "certificate" if self.certificate is None else "key"
            raise _refuse_tls(f"the {name} is not named")
        try:
            # Without a password: asked for one, it would wait at a terminal that nobody sees.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self.certificate, self.key, password=""
            )
        except ssl.SSLError as error:
            raise _refuse_tls("these are no certificate and its key without a password") from error
        except OSError as error:
            raise _refuse_tls(f"a file cannot be read ({error.strerror})") from error


HEAD_TIMEOUT_S = 30.0


class PatientProtocol(H11Protocol):
    """Gives each request so long to be asked, from the connection or the answer before it on."""

    _timer: asyncio.TimerHandle | None = None
    _has_asked_all = False
    """Whether the client has ended its side: nothing more will be asked."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Return whether the line stays open: the end of a whole request still gets its answer."""
        is_asked = self.cycle is not None and not self.cycle.more_body
        self._has_asked_all = is_asked and self.scheme == "http" and not self._is_answered()
        return self._has_asked_all

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._has_asked_all and self._is_answered():  # else it had asked for another before
            self.transport.close()
        self._begin_waiting()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (ours says more)
        """Tell that this is no HTTP, where that may still be said; else it hangs up.

        uvicorn goes on with the application's own answer, or sends what it must not: each is a
        traceback in the log, which whoever likes to could fill.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        state = self.conn.our_state
        if state is h11.IDLE or (state is h11.SEND_RESPONSE and self.scope["method"] != "HEAD"):
            self._refuse()
        else:
            self.transport.abort()

    def _refuse(self) -> None:
        answer = problem_response(
            RequestRefused("This is no valid HTTP request.", "Send it as HTTP/1.1 has it."),
            uuid.uuid4().hex,
        )
        headers = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=answer.status_code, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event))
        self.transport.close()

    def _begin_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._hang_up_unless_asked)

    def _hang_up_unless_asked(self) -> None:
        if self._is_answered():
            self.transport.abort()

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


def _refuse_tls(problem: str) -> SettingRefused:
    return SettingRefused(
        f"HTTPS cannot be spoken: {problem}.",
        "Name a certificate and the key made with it, both as PEM and without a password "
        "(--tls-certificate, --tls-key), or neither.",
        variable="PETALSCOPE_API_TLS_CERTIFICATE",
    )


def run_server(
    host: str, port: int, tls: Tls = Tls(), on_bound: Callable[[], None] | None = None
) -> None:
    """Return when the API was asked to end (SIGTERM, SIGINT) and what was going is answered.

    `on_bound` is called when it is bound, before the first request is answered.

    Raises:
        SettingRefused: It may not be bound there: no key is set, or the port is taken; or HTTPS
            cannot be spoken with the files.
    """
    check_binding(read_settings(), host)
    tls.check()
    listener = _bind(host, port)
    if on_bound is not None:
        on_bound()
    config = uvicorn.Config(
        "core.serving.api:app",
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=32_768,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
    )
    with listener, _end_quietly():
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _end_quietly() -> Iterator[None]:
    """Within it, the signal that ends the server ends nothing else: uvicorn raises it once more."""
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
            "Choose another with --port or PETALSCOPE_API_PORT, or end what is there.",
            variable="PETALSCOPE_API_PORT",
        ) from error
    listener.listen(_MOST_WAITING)
    return listener
