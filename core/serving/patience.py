"""Connections that ask nothing are hung up on, also those that send a letter now and then.

uvicorn waits for the head of a request for ever, and reads for ever what comes in after an answer:
some thousand such connections would take all that the process may have open. Those that cease to
speak HTTP in the middle of a request get one answer at the most.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT_S = 30.0


class PatientProtocol(H11Protocol):
    """Gives each request so long to be asked, from the connection or the answer before it on."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._begin_waiting()

    def send_400_response(self, msg: str) -> None:
        """Tells that this is no HTTP, where that may still be said; else it hangs up.

        uvicorn goes on with the application's own answer, or sends what it must not: each is a
        traceback in the log, which whoever likes to could fill.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        state = self.conn.our_state
        if state is h11.IDLE or (state is h11.SEND_RESPONSE and self.scope["method"] != "HEAD"):
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def _begin_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._hang_up_unless_asked)

    def _hang_up_unless_asked(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
