"""Messages to the address for alarms, over real TLS to a real server on this machine."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from core.errors import WebhookFailed, WebhookRefused
from core.monitoring import alarms
from core.monitoring.alarms import ATTEMPTS, send_message
from tests.tls_server import HOST, Hooks, serve_hooks


@pytest.fixture
def hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooks]:
    monkeypatch.setattr(alarms, "PAUSE_S", 0.01)
    with serve_hooks(tmp_path) as served:
        monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
        yield served


def test_a_message_arrives_whole(hooks: Hooks) -> None:
    send_message(hooks.url, {"text": "Löwenzahn ☀", "n": 3})
    assert hooks.messages == [{"text": "Löwenzahn ☀", "n": 3}]
    assert hooks.paths == ["/services/secret?room=1"]
    assert hooks.hosts == [f"{HOST}:{hooks.port}"]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/x",
        "//hooks.example.org/x",
        "hooks.example.org",
        "https:///path",
        "https://name:secret@hooks.example.org/",
        "https://hooks.example.org:port/",
        "https://[::1/",
        "https://hooks.example.org/\r\nHost: inside",
        "",
    ],
)
def test_what_is_no_https_address_is_refused(url: str) -> None:
    with pytest.raises(WebhookRefused) as refused:
        send_message(url, {})
    assert "secret" not in f"{refused.value}"


def test_a_certificate_of_another_is_refused_at_once(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = hooks.url.replace(HOST, "127.0.0.1")
    with pytest.raises(WebhookFailed, match="certificate"):
        send_message(other, {})
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(WebhookFailed, match="certificate"):
        send_message(hooks.url, {})
    assert not hooks.messages


def test_a_redirect_is_not_followed(hooks: Hooks) -> None:
    hooks.answers = [307]
    with pytest.raises(WebhookFailed, match="elsewhere"):
        send_message(hooks.url, {})
    assert hooks.paths == ["/services/secret?room=1"]


def test_a_passing_fault_is_tried_again(hooks: Hooks) -> None:
    hooks.answers = [500, 429]
    send_message(hooks.url, {})
    assert len(hooks.messages) == 3


def test_tries_are_bounded(hooks: Hooks) -> None:
    hooks.answers = [500] * 9
    with pytest.raises(WebhookFailed, match="status 500"):
        send_message(hooks.url, {})
    assert len(hooks.messages) == ATTEMPTS == 3


def test_what_is_refused_is_not_tried_again(hooks: Hooks) -> None:
    hooks.answers = [403]
    with pytest.raises(WebhookFailed, match="status 403") as raised:
        send_message(hooks.url, {})
    assert len(hooks.messages) == 1
    assert "secret" not in f"{raised.value} {raised.value.facts}"


def test_who_answers_drop_by_drop_does_not_hold_us(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(handler: BaseHTTPRequestHandler, status: int) -> None:
        del status
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(600):  # a minute of headers, each in time
            handler.wfile.write(f"X-{number}: x\r\n".encode())
            handler.wfile.flush()
            time.sleep(0.1)

    hooks.reply = drip
    monkeypatch.setattr(alarms, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(alarms, "ATTEMPTS", 1)
    with pytest.raises(WebhookFailed, match="in time"):
        send_message(hooks.url, {})


@pytest.mark.usefixtures("hooks")
def test_nobody_there_is_told() -> None:
    with pytest.raises(WebhookFailed, match="cannot be reached"):
        send_message(f"https://{HOST}:1/", {})
