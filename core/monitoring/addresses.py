"""Which addresses alarms are sent to: https, public, and the one that was checked.

Whoever sets the address could otherwise make this program talk to services that only it can reach.
Names are resolved once, every address they have is checked, and the connection goes to a checked
one, so that a name that changes its mind between check and connection gains nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import WebhookFailed, WebhookRefused

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port → all its IP addresses."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NEVER = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "fec0::/10"))
)
"""Not of the public internet, though some releases of Python call them global: protocol assignments
(a cloud's metadata among them), relays of 6to4, documentation, and the old site-local addresses."""
_MOST_LETTERS = 2000


@dataclass(frozen=True, kw_only=True)
class Target:
    """An address that was taken apart; not yet resolved."""

    host: str
    port: int
    path: str
    """With the query."""

    @property
    def authority(self) -> str:
        """Host and port as the Host header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"


def read_target(url: str) -> Target:
    """Returns the parts of an address.

    Raises:
        WebhookRefused: It is not https, carries a name and password, or is no address.
    """
    remedy = "Set PETALSCOPE_ALARM_URL to an https address, as your chat or alarm service gives it."
    if len(url) > _MOST_LETTERS or any(ord(letter) <= 32 or ord(letter) > 126 for letter in url):
        raise WebhookRefused("The address for alarms is no address.", remedy)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WebhookRefused("The address for alarms is no address.", remedy) from error
    if parts.scheme != "https":
        raise WebhookRefused("The address for alarms is not https.", remedy)
    if not host:
        raise WebhookRefused("The address for alarms names no host.", remedy)
    if parts.username is not None or parts.password is not None:
        raise WebhookRefused("The address for alarms carries a name and password.", remedy)
    path = parts.path or "/"
    return Target(
        host=host, port=port or 443, path=f"{path}?{parts.query}" if parts.query else path
    )


def resolve(host: str, port: int) -> list[str]:
    """Returns all IP addresses of a host.

    Raises:
        OSError: There are none, or nobody answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def find_checked_address(
    target: Target, resolve: Resolve, is_allowed: Callable[[str], bool]
) -> str:
    """Returns an IP address of the target that may be called.

    Raises:
        WebhookRefused: One of its addresses is not public.
        WebhookFailed: It has none.
    """
    try:
        addresses = list(resolve(target.host, target.port))
    except (OSError, UnicodeError) as error:
        raise WebhookFailed(
            f"The host for alarms, {target.host}, is not found.",
            "Check the address, and whether this machine has a network.",
        ) from error
    refused = [address for address in addresses if not is_allowed(address)]
    if refused or not addresses:
        raise WebhookRefused(
            f"The host for alarms, {target.host}, is not a public one.",
            "Alarms are sent to public addresses only, never into the own network.",
            addresses=refused,
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Returns whether an IP address belongs to the public internet, for one machine.

    An IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64) must be public, too.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64:
            inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
        inside = [one for one in inner if one is not None]
        if any(not is_public(str(one)) for one in inside):
            return False
        if found.ipv4_mapped is not None:
            return True  # what counts is the address inside
    if any(found in network for network in _NEVER):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)
