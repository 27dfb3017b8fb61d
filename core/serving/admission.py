"""Who may come in, and how many: the key, the door it is asked at, the places.

All of it is decided before a photo is decoded. Whoever is turned away hears why, and when to come
again.
"""

import asyncio
import hashlib
import hmac
import ipaddress
from collections import deque
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from core.config import Settings
from core.errors import KeyRefused, ServiceBusy, SettingRefused

SHORTEST_KEY = 16
_LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]", "::1"}
_PASSED_ON = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
"""What a proxy adds: whoever asks is elsewhere, or writes an address that is not theirs."""

Headers = Sequence[tuple[bytes, bytes]]


def is_loopback(host: str) -> bool:
    """Returns whether an address or name is this machine's own and nobody else can reach it."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_passed_on(headers: Headers) -> bool:
    """Returns whether a proxy says that it has passed the request on."""
    return any(_find(headers, told) for told in _PASSED_ON)


def is_local_page(origin: str) -> bool:
    """Returns whether a web page with this Origin comes from this machine."""
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False


def read_key(settings: Settings) -> str | None:
    """Returns the key that programs must send; None: there is none.

    Raises:
        SettingRefused: It is short, or empty.
    """
    if settings.api_key is None:
        return None
    key = settings.api_key.get_secret_value().strip()  # at its ends no header has blanks
    if len(key) < SHORTEST_KEY:
        raise SettingRefused(
            f"PETALSCOPE_API_KEY has {len(key)} characters; that can be guessed.",
            f"Set one of at least {SHORTEST_KEY}: python3 -c "
            "'import secrets; print(secrets.token_urlsafe(32))' draws one.",
            variable="PETALSCOPE_API_KEY",
        )
    return key


def check_binding(settings: Settings, host: str) -> None:
    """Returns nothing; the API may be bound to this address with these settings.

    Raises:
        SettingRefused: Others could reach it and no key is set, or the key is short.
    """
    if read_key(settings) is None and not is_loopback(host):
        raise SettingRefused(
            f"Bound to {host}, the API can be reached from other machines, and no key is set.",
            "Set PETALSCOPE_API_KEY, or bind it to 127.0.0.1.",
            variable="PETALSCOPE_API_KEY",
        )


class Door:
    """Checks the key; where none is set, lets in only what comes from this machine."""

    def __init__(self, settings: Settings) -> None:
        key = read_key(settings)
        self._key = None if key is None else _digest(key.encode())
        self._origins = {origin.strip() for origin in settings.api_origins.split(",")}

    @property
    def has_key(self) -> bool:
        """Whether a key is asked for."""
        return self._key is not None

    def check_place(self, server: str | None, headers: Headers) -> None:
        """Returns nothing; a request may come by this address.

        Args:
            server: Own address that the connection was made to; None for a local socket.
            headers: Of the request, names in lower case.

        Raises:
            KeyRefused: Without a key: from elsewhere, or a web page pretends to be here.
        """
        if self._key is not None or server is None:
            return
        name = _find(headers, b"host").decode("latin-1").lower()
        bare = name if name.endswith("]") else name.rpartition(":")[0] or name
        if not is_loopback(server) or bare not in _LOCAL_NAMES or is_passed_on(headers):
            raise KeyRefused(
                "Without a key this API answers only this machine, by its local address.",
                "Ask http://127.0.0.1, or set PETALSCOPE_API_KEY where the API runs.",
                status=403,
            )
        self._check_origin(_find(headers, b"origin").decode("latin-1"))

    def _check_origin(self, origin: str) -> None:
        if not origin or origin in self._origins or is_local_page(origin):
            return
        raise KeyRefused(
            "Without a key this API answers no web page of another place.",
            "Add its origin to PETALSCOPE_API_ORIGINS, or set PETALSCOPE_API_KEY.",
            status=403,
        )

    def check_key(self, headers: Headers) -> None:
        """Returns nothing; the request carries the key, or none is needed.

        Raises:
            KeyRefused: It does not.
        """
        if self._key is None:
            return
        scheme, _, token = _find(headers, b"authorization").partition(b" ")
        given = token.strip() if scheme.lower() == b"bearer" else _find(headers, b"x-api-key")
        # Digests have one length: neither the time nor the length tells of the key.
        if not hmac.compare_digest(_digest(given), self._key):
            raise KeyRefused(
                "The request carries no key, or not the right one.",
                "Send the header “Authorization: Bearer KEY” (or “X-API-Key: KEY”) with the key "
                "that PETALSCOPE_API_KEY is set to where the API runs.",
            )


class Places:
    """The bounded queue: every photo that is decoded, waits or is answered has a place."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> None:
        """Returns nothing; a place is taken.

        Raises:
            ServiceBusy: There is none.
        """
        if self.taken >= self.size:
            raise ServiceBusy(
                f"{self.size} photos are being answered or wait already.",
                "Send it again in a second.",
                retry_after=1,
            )
        self.taken += 1

    async def wait(self) -> None:
        """Returns when a place was free, which is then taken; who came first is first."""
        if self.taken < self.size:
            self.taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # it was given a place at the very moment when it was given up
            raise

    def leave(self) -> None:
        """Returns nothing; the place goes to who waits longest, or is free again."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1


class Held:
    """Bytes of requests that are in memory or on their way, all together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0

    def add(self, n_bytes: int) -> None:
        """Returns nothing; so many bytes more are held.

        Raises:
            ServiceBusy: They would be too many.
        """
        if self._bytes + n_bytes > self._limit:
            raise ServiceBusy(
                "Too many large requests are on their way at once.",
                "Send it again in some seconds.",
                retry_after=3,
            )
        self._bytes += n_bytes

    def drop(self, n_bytes: int) -> None:
        """Returns nothing; so many bytes are held no more."""
        self._bytes -= n_bytes


def _find(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    return next((value for key, value in headers if key == name), b"")


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
