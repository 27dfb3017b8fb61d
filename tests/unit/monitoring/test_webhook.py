"""Messages to the address for alarms, over real TLS to a real server on this machine."""

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from core.errors import WebhookFailed, WebhookRefused
from core.monitoring.webhook import Caller, send_message
from tests.tls_server import HOST, Hooks, serve_hooks


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Hooks]:
    with serve_hooks(tmp_path) as served:
        yield served


@pytest.fixture
def caller(hooks: Hooks) -> Caller:
    """Finds the host on this machine, which only a test may call."""
    return Caller(
        resolve=lambda host, *_: ["127.0.0.1"] if host == HOST else [],
        is_allowed=lambda address: address == "127.0.0.1",
        tls=ssl.create_default_context(cafile=hooks.certificate),
        timeout_s=5,
        pause_s=0.01,
    )


def test_a_message_arrives_whole(hooks: Hooks, caller: Caller) -> None:
    send_message(hooks.url, {"text": "Löwenzahn ☀", "n": 3}, caller)
    assert hooks.messages == [{"text": "Löwenzahn ☀", "n": 3}]
    assert hooks.paths == ["/services/secret?room=1"]
    assert hooks.hosts == [f"{HOST}:{hooks.port}"]


def test_this_machine_is_not_called_by_the_real_policy(hooks: Hooks, caller: Caller) -> None:
    real = replace(caller, is_allowed=Caller().is_allowed)
    with pytest.raises(WebhookRefused, match="not a public one"):
        send_message(hooks.url, {}, real)
    assert not hooks.messages


def test_a_name_that_turns_private_is_refused_at_the_next_try(hooks: Hooks, caller: Caller) -> None:
    hooks.answers = [503]
    found = iter([["127.0.0.1"], ["10.0.0.1"]])
    with pytest.raises(WebhookRefused):
        send_message(hooks.url, {}, replace(caller, resolve=lambda *_: next(found)))
    assert len(hooks.messages) == 1


def test_a_certificate_of_somebody_else_is_refused_at_once(hooks: Hooks, caller: Caller) -> None:
    with pytest.raises(WebhookFailed, match="certificate"):
        send_message(hooks.url, {}, replace(caller, tls=ssl.create_default_context()))
    other = hooks.url.replace(HOST, "other.example.org")
    with pytest.raises(WebhookFailed, match="certificate"):
        send_message(other, {}, replace(caller, resolve=lambda *_: ["127.0.0.1"]))
    assert not hooks.messages


def test_a_redirect_is_not_followed(hooks: Hooks, caller: Caller) -> None:
    hooks.answers = [307]
    with pytest.raises(WebhookFailed, match="elsewhere"):
        send_message(hooks.url, {}, caller)
    assert hooks.paths == ["/services/secret?room=1"]


def test_a_passing_fault_is_tried_again(hooks: Hooks, caller: Caller) -> None:
    hooks.answers = [500, 429]
    send_message(hooks.url, {}, caller)
    assert len(hooks.messages) == 3


def test_tries_are_bounded(hooks: Hooks, caller: Caller) -> None:
    hooks.answers = [500] * 9
    with pytest.raises(WebhookFailed, match="status 500"):
        send_message(hooks.url, {}, caller)
    assert len(hooks.messages) == caller.attempts == 3


def test_what_is_refused_is_not_tried_again(hooks: Hooks, caller: Caller) -> None:
    hooks.answers = [403]
    with pytest.raises(WebhookFailed, match="status 403"):
        send_message(hooks.url, {}, caller)
    assert len(hooks.messages) == 1


def test_who_answers_drop_by_drop_does_not_hold_us(hooks: Hooks, caller: Caller) -> None:
    def drip(handler: BaseHTTPRequestHandler, status: int) -> None:
        del status
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(600):  # a minute of headers, each in time
            handler.wfile.write(f"X-{number}: x\r\n".encode())
            handler.wfile.flush()
            time.sleep(0.1)

    hooks.reply = drip
    with pytest.raises(WebhookFailed, match="in time"):
        send_message(hooks.url, {}, replace(caller, timeout_s=0.3, attempts=1))


def test_nobody_there_is_told(caller: Caller) -> None:
    with pytest.raises(WebhookFailed, match="cannot be reached"):
        send_message(f"https://{HOST}:1/", {}, caller)


def test_the_secret_of_the_address_is_in_no_message_of_ours(hooks: Hooks, caller: Caller) -> None:
    hooks.answers = [403]
    with pytest.raises(WebhookFailed) as raised:
        send_message(hooks.url, {}, caller)
    assert "secret" not in f"{raised.value} {raised.value.facts}"
