"""One message to the address for alarms: JSON over TLS, no redirects, bounded in time and size."""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from core.errors import WebhookFailed
from core.monitoring.addresses import (
    Resolve,
    Target,
    find_checked_address,
    is_public,
    read_target,
    resolve,
)

TIMEOUT_S = 5.0
ATTEMPTS = 3
_PAUSE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Caller:
    """How the address is called; tests put a resolver, a policy and a certificate of theirs in."""

    resolve: Resolve = resolve
    is_allowed: Callable[[str], bool] = is_public
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    timeout_s: float = TIMEOUT_S
    attempts: int = ATTEMPTS
    pause_s: float = _PAUSE_S


class _CheckedConnection(http.client.HTTPSConnection):
    """Connects to an IP address that was checked; the certificate must be the host's."""

    def __init__(self, target: Target, address: str, caller: Caller) -> None:
        super().__init__(target.host, target.port, timeout=caller.timeout_s, context=caller.tls)
        self._address = address
        self._tls = caller.tls
        self.is_hung_up = False

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        # At hand before the handshake, so that `hang_up` can end that, too.
        self.sock = self._tls.wrap_socket(
            plain, server_hostname=self.host, do_handshake_on_connect=False
        )
        self.sock.do_handshake()

    def hang_up(self) -> None:
        """Ends the connection from another thread: whoever waits for the other side goes on."""
        self.is_hung_up = True
        if self.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def send_message(url: str, message: Mapping[str, Any], caller: Caller | None = None) -> None:
    """Returns nothing; the address has taken the message.

    Args:
        url: https address.
        message: JSON values.
        caller: How it is called.

    Raises:
        WebhookRefused: The address is not https, or not a public one.
        WebhookFailed: It does not answer, answers with an error, or sends us elsewhere.
    """
    caller = caller or Caller()
    target = read_target(url)
    body = json.dumps(message, allow_nan=False).encode()
    for attempt in range(caller.attempts):
        if attempt:
            time.sleep(caller.pause_s * 2 ** (attempt - 1))
        last = attempt == caller.attempts - 1
        try:
            status = _post(target, body, caller)
        except (OSError, http.client.HTTPException) as error:
            if last or isinstance(error, ssl.SSLCertVerificationError):
                raise _fail(target, f"cannot be reached ({_explain(error)})") from error
            continue
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise _fail(target, f"sends us elsewhere (status {status}), where we do not go")
        if last or (status < 500 and status != 429):
            raise _fail(target, f"did not take the message (status {status})")


def _post(target: Target, body: bytes, caller: Caller) -> int:
    """Returns the status of the answer, of which nothing else is read."""
    address = find_checked_address(target, caller.resolve, caller.is_allowed)
    connection = _CheckedConnection(target, address, caller)
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": "Petalscope",
        "Connection": "close",
    }
    # Time-outs of a socket begin anew with each byte: a side that drips would hold us for ever.
    patience = threading.Timer(2 * caller.timeout_s, connection.hang_up)
    patience.start()
    try:
        connection.request("POST", target.path, body=body, headers=headers)
        status = connection.getresponse().status
        if connection.is_hung_up:
            raise TimeoutError
        return status
    finally:
        patience.cancel()
        connection.close()


def _explain(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid for it"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return type(error).__name__


def _fail(target: Target, what: str) -> WebhookFailed:
    return WebhookFailed(
        f"The host for alarms, {target.host}, {what}.",
        "Check PETALSCOPE_ALARM_URL and the service behind it; alarms are tried again.",
        host=target.host,
    )
