"""Who may ask, and how much: the key, the origin, the rate of a caller, the length of the queue.

All is decided before a photo is decoded. Without a key a caller is an address (of IPv6 the network
of a household), with one whoever has the key: behind a proxy, addresses are what clients write.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from core.config import Settings
from core.errors import KeyRefused, RequestTooLarge, ServiceBusy, SettingRefused, TooManyRequests

SHORTEST_KEY = 16
_LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]", "::1"}
_PASSED_ON = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
"""What a proxy adds: whoever asks is elsewhere, or writes an address that is not theirs."""

Headers = Sequence[tuple[bytes, bytes]]


def is_loopback(host: str) -> bool:
    """Return whether an address or name is this machine's own and nobody else can reach it."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_passed_on(headers: Headers) -> bool:
    """Return whether a proxy says that it has passed the request on."""
    return any(_find(headers, told) for told in _PASSED_ON)


def read_key(settings: Settings) -> str | None:
    """Return the key that programs must send; None: there is none.

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
    """Check that the API may be bound to this address with these settings.

    Raises:
        SettingRefused: Others could reach it and no key is set, or the key is short.
    """
    if read_key(settings) is None and not is_loopback(host):
        raise SettingRefused(
            f"Bound to {host}, the API can be reached from other machines, and no key is set.",
            "Set PETALSCOPE_API_KEY, or bind it to 127.0.0.1.",
            variable="PETALSCOPE_API_KEY",
        )


class Authenticator:
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
        """Check that a request may come by this address; `server` is None for a local socket.

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
        if not origin or origin in self._origins:
            return
        with suppress(ValueError):
            if is_loopback(urlsplit(origin).hostname or ""):
                return
        raise KeyRefused(
            "Without a key this API answers no web page of another place.",
            "Add its origin to PETALSCOPE_API_ORIGINS, or set PETALSCOPE_API_KEY.",
            status=403,
        )

    def check_key(self, headers: Headers) -> None:
        """Check the key of a request, where one is needed.

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


class Capacity:
    """The bounded queue: every photo that is decoded, waits or is answered has a place."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0
        self._free = asyncio.Semaphore(size)

    async def take(self) -> None:
        """Take a place in the queue, without waiting for one.

        Raises:
            ServiceBusy: There is none.
        """
        if self._free.locked():
            raise ServiceBusy(
                f"{self.size} photos are being answered or wait already.",
                "Send it again in a second.",
                retry_after=1,
            )
        await self.wait()

    async def wait(self) -> None:
        """Return when a place was free, which is then taken; who came first is first."""
        await self._free.acquire()
        self.taken += 1

    def leave(self) -> None:
        """Give the place to who waits longest, or free it."""
        self.taken -= 1
        self._free.release()


class ByteBudget:
    """Bytes of requests that are in memory or on their way, all together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0

    def add(self, n_bytes: int) -> None:
        """Count bytes as held.

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
        """Count bytes as released."""
        self._bytes -= n_bytes


def _find(headers: Headers, name: bytes) -> bytes:
    return next((value for key, value in headers if key == name), b"")


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


_PHOTOS_A_MINUTE = 3000
_MINUTE_S = 60
_HOUSEHOLD_BITS = 64


class Caller(NamedTuple):
    """Who is counted as one."""

    name: str
    is_local: bool
    """On this machine, and passed on by no proxy."""

    def name_key(self) -> "Caller":
        """Return the same caller, counted by the key that it has."""
        return self._replace(name="whoever has the key")


def name_caller(address: str, *, is_passed_on: bool) -> Caller:
    """Return who is counted for requests from an address, which a proxy may have passed on."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return Caller(address, is_local=False)
    if isinstance(known, ipaddress.IPv6Address):
        known = known.ipv4_mapped or known
    is_local = known.is_loopback and not is_passed_on
    if known.version == 6 and not known.is_loopback:
        return Caller(str(ipaddress.ip_network((known, _HOUSEHOLD_BITS), strict=False)), is_local)
    return Caller(str(known), is_local)


class Rate:
    """Counts the photos of each caller; unless a limit is set, those from this machine not."""

    def __init__(self, photos_a_minute: int | None) -> None:
        self._limit = photos_a_minute
        self._storage = MemoryStorage()
        self._window = SlidingWindowCounterRateLimiter(self._storage)

    def check(self, caller: Caller) -> None:
        """Count a request, as one photo, against the caller's rate.

        Raises:
            TooManyRequests: It is over; says in how many seconds it will not be.
        """
        self._count(caller, 1, again=1)

    def check_batch(self, caller: Caller, photos: int) -> None:
        """Count the rest of a batch against the caller's rate.

        Raises:
            RequestTooLarge: It never can be.
            TooManyRequests: It is not now.
        """
        limit = self._find_limit(caller)
        if limit and photos > limit:
            raise RequestTooLarge(
                f"The batch has {photos} photos; {limit} may be sent in a minute.",
                f"Send at most {limit} at once, or raise PETALSCOPE_API_RATE_LIMIT where the API "
                "runs.",
                limit=limit,
            )
        self._count(caller, photos - 1, again=photos)

    def _count(self, caller: Caller, photos: int, *, again: int) -> None:
        limit = self._find_limit(caller)
        item = RateLimitItemPerMinute(limit)
        if limit and not self._window.hit(item, caller.name, cost=photos):
            wait = self._find_wait(item, caller.name, again)
            raise TooManyRequests(
                f"As many photos as are allowed in a minute ({limit}) came from {caller.name}.",
                f"Try again in {wait} s.",
                retry_after=wait,
            )

    def _find_limit(self, caller: Caller) -> int:
        """Return how many photos a minute it may send; 0: any number."""
        if self._limit is None:
            return 0 if caller.is_local else _PHOTOS_A_MINUTE
        return self._limit

    def _find_wait(self, item: RateLimitItemPerMinute, name: str, photos: int) -> int:
        """Return after how many seconds so many photos fit, if nothing else comes meanwhile.

        What was counted in one minute fades out in the next: `limits` counts its share.
        """
        former, _, now, ttl = self._storage.get_sliding_window(item.key_for(name), _MINUTE_S)
        left = ttl - _MINUTE_S  # of the minute that is counted now
        room = item.amount - photos + 1
        if now < room:
            wait = left - (room - now) * _MINUTE_S / max(1, former)
        else:
            wait = left + _MINUTE_S - room * _MINUTE_S / now
        return max(1, math.ceil(wait + 0.01))  # at its very end it would not fit yet
