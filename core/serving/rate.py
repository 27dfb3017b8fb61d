"""How many photos one caller may send in a minute, who is one caller, and when it may send again.

Without a key a caller is an address; of IPv6 the network of 64 bits that one household has. With a
key it is whoever has the key, from wherever: addresses behind a proxy are what clients write.
"""

import ipaddress
import math
from typing import NamedTuple

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from core.errors import RequestTooLarge, TooManyRequests

_PHOTOS_A_MINUTE = 3000
_MINUTE_S = 60
_HOUSEHOLD_BITS = 64


class Caller(NamedTuple):
    """Who is counted as one."""

    name: str
    is_local: bool
    """On this machine, and passed on by no proxy."""

    def name_key(self) -> "Caller":
        """Returns the same caller, counted by the key that it has."""
        return self._replace(name="whoever has the key")


def name_caller(address: str, *, is_passed_on: bool) -> Caller:
    """Returns who is counted for requests from an address.

    Args:
        address: Of the client, as far as it is known.
        is_passed_on: Whether a proxy has passed the request on.
    """
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
        """Returns nothing; a request more, which counts as one photo, is within the rate.

        Raises:
            TooManyRequests: It is not; says in how many seconds it will be.
        """
        self._count(caller, 1, again=1)

    def check_batch(self, caller: Caller, photos: int) -> None:
        """Returns nothing; a batch of so many, whose request was counted, is within the rate.

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
        """Returns how many photos a minute it may send; 0: any number."""
        if self._limit is None:
            return 0 if caller.is_local else _PHOTOS_A_MINUTE
        return self._limit

    def _find_wait(self, item: RateLimitItemPerMinute, name: str, photos: int) -> int:
        """Returns after how many seconds so many photos fit, if nothing else comes meanwhile.

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
