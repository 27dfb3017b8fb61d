"""Where alarms may go: https and public, whatever clothes a private address wears."""

from collections.abc import Callable

import pytest

from core.errors import WebhookFailed, WebhookRefused
from core.monitoring.addresses import find_checked_address, is_public, read_target, resolve


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/x",
        "ftp://hooks.example.org/x",
        "//hooks.example.org/x",
        "hooks.example.org",
        "https://",
        "https:///path",
        "https://name:secret@hooks.example.org/",
        "https://@hooks.example.org/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:port/",
        "https://[::1/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nHost: inside",
        "https://hooks.example.org/ä",
        "https://hooks.example.org/" + "a" * 2000,
        "",
    ],
)
def test_what_is_no_https_address_is_refused(url: str) -> None:
    with pytest.raises(WebhookRefused):
        read_target(url)


def test_an_address_is_taken_apart() -> None:
    target = read_target("https://Hooks.Example.org:8443/services/T1?key=a%20b#top")
    assert (target.host, target.port, target.path) == (
        "hooks.example.org",
        8443,
        "/services/T1?key=a%20b",
    )
    assert target.authority == "hooks.example.org:8443"
    assert read_target("https://hooks.example.org").path == "/"
    assert read_target("https://[2606:4700::1]/").authority == "[2606:4700::1]"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1"),
        *("ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:101::", "::127.0.0.1"),
        *("192.0.0.192", "192.88.99.1", "fec0::1", "3fff::1", "64:ff9b:1::a00:1"),
        *("localhost", "", "1.2.3", "2130706433"),
    ],
)
def test_addresses_of_the_own_network_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


def resolving_to(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda *_: list(addresses)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    target = read_target("https://hooks.example.org/")
    assert find_checked_address(target, resolving_to("8.8.8.8", "1.1.1.1"), is_public) == "8.8.8.8"
    with pytest.raises(WebhookRefused, match="not a public one"):
        find_checked_address(target, resolving_to("8.8.8.8", "10.0.0.1"), is_public)
    with pytest.raises(WebhookRefused):
        find_checked_address(target, resolving_to(), is_public)


def test_a_host_that_is_not_found_is_told() -> None:
    def fail(*_: object) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(WebhookFailed, match="not found"):
        find_checked_address(read_target("https://nowhere.example.org/"), fail, is_public)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "2130706433", "0x7f.1"])
def test_numbers_that_mean_this_machine_are_refused_after_the_real_resolver(host: str) -> None:
    with pytest.raises((WebhookRefused, WebhookFailed)):
        find_checked_address(read_target(f"https://{host}/"), resolve, is_public)
