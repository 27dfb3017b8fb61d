"""Which requests are let in: the key, the address and origin, and the rate of each caller.

All is decided from the head of a request, before its body is read.
"""

import hashlib
import hmac
import ipaddress
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from core.config import Settings
from core.errors import KeyRefused, RequestTooLarge, SettingRefused, TooManyRequests

SHORTEST_KEY = 16
_LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]", "::1"}
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers that a proxy adds."""
_PHOTOS_A_MINUTE = 3000


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address or name."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def read_key(settings: Settings) -> str | None:
    """Return the key that programs must send; None without one.

    Raises:
        SettingRefused: The key is short, or empty.
    """
    if settings.api_key is None:
        return None
    key = settings.api_key.get_secret_value().strip()  # headers lose the blanks around them
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
        SettingRefused: Other machines could reach it and no key is set, or the key is short.
    """
    if read_key(settings) is None and not is_loopback(host):
        raise SettingRefused(
            f"Bound to {host}, the API can be reached from other machines, and no key is set.",
            "Set PETALSCOPE_API_KEY, or bind it to 127.0.0.1.",
            variable="PETALSCOPE_API_KEY",
        )


class Caller(NamedTuple):
    """The sender of a request, as the rate limit counts it."""

    name: str
    is_local: bool
    """On this machine, without a proxy in between."""


def find_caller(address: str, headers: Mapping[str, str]) -> Caller:
    """Return the caller behind an address, which a proxy may have passed on."""
    return Caller(address, is_loopback(address) and not _is_passed_on(headers))


class Door:
    """Checks the key; without a key, lets in only requests from this machine."""

    def __init__(self, settings: Settings) -> None:
        key = read_key(settings)
        self.has_key = key is not None
        self._key = _digest((key or "").encode())
        self._origins = {origin.strip() for origin in settings.api_origins.split(",")}

    def check_place(self, server: str | None, headers: Mapping[str, str]) -> None:
        """Check that a request may come by this address; `server` is None for a local socket."""
        if self.has_key or server is None:
            return
        name = headers.get("host", "").lower()
        bare = name if name.endswith("]") else name.rpartition(":")[0] or name
        if not is_loopback(server) or bare not in _LOCAL_NAMES or _is_passed_on(headers):
            raise KeyRefused(
                "Without a key this API answers only this machine, by its local address.",
                "Use http://127.0.0.1, or set PETALSCOPE_API_KEY where the API runs.",
                status=403,
            )
        origin = headers.get("origin", "")
        if not origin or origin in self._origins:
            return
        with suppress(ValueError):
            if is_loopback(urlsplit(origin).hostname or ""):
                return
        raise KeyRefused(
            "Without a key this API does not answer web pages of other sites.",
            "Add its origin to PETALSCOPE_API_ORIGINS, or set PETALSCOPE_API_KEY.",
            status=403,
        )

    def check_key(self, headers: Mapping[str, str]) -> None:
        """Check the key of a request, where one is needed."""
        if not self.has_key:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        if not hmac.compare_digest(_digest(given.encode("latin-1")), self._key):
            raise KeyRefused(
                "The key is missing or wrong.",
                "Send the header “Authorization: Bearer KEY” (or “X-API-Key: KEY”) with the key "
                "that PETALSCOPE_API_KEY is set to where the API runs.",
            )


class Rate:
    """Counts the photos of each caller; requests of this machine only where a limit is set."""

    def __init__(self, photos_a_minute: int | None) -> None:
        self._limit = photos_a_minute
        self._window = FixedWindowRateLimiter(MemoryStorage())

    def check(self, caller: Caller, photos: int = 1, *, counted: int = 0) -> None:
        """Count a request with this many photos, some of which may be counted already."""
        usual = 0 if caller.is_local else _PHOTOS_A_MINUTE
        limit = usual if self._limit is None else self._limit
        if not limit:
            return
        if photos > limit:
            raise RequestTooLarge(
                f"The batch has {photos} photos; {limit} may be sent in a minute.",
                f"Send at most {limit} at once, or raise PETALSCOPE_API_RATE_LIMIT where the API "
                "runs.",
                limit=limit,
            )
        item, cost = RateLimitItemPerMinute(limit), photos - counted
        if not self._window.test(item, caller.name, cost=cost):
            reset = self._window.get_window_stats(item, caller.name).reset_time
            wait = max(1, math.ceil(reset - time.time()))
            raise TooManyRequests(
                f"The limit of {limit} photos a minute is reached.",
                f"Try again in {wait} s.",
                retry_after=wait,
            )
        self._window.hit(item, caller.name, cost=cost)


def _is_passed_on(headers: Mapping[str, str]) -> bool:
    return any(headers.get(name) for name in _PASSED_ON)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()  # of one length, so that a comparison reveals none
