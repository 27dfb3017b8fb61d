"""Whether there is a network: asked in the background, and waited for only briefly."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from core import downloading
from core.downloading import is_reachable


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_asked", {})
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[str]:
    """A server that refuses everything: it answers all the same."""
    handler = http.server.BaseHTTPRequestHandler
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever).start()
        yield f"http://127.0.0.1:{served.server_port}/file"
        served.shutdown()


def wait_for(address: str) -> bool | None:
    for _ in range(200):
        if (answer := is_reachable(address)) is not None:
            return answer
        time.sleep(0.02)
    return None


def test_a_server_that_answers_is_reachable(server: str) -> None:
    assert wait_for(server) is True


def test_an_answer_within_a_moment_is_the_first_that_a_page_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(downloading, "_WAIT_S", 60.0)
    monkeypatch.setattr(downloading, "_ask", lambda _, answer: answer.append(False))
    assert is_reachable("https://example.org/file") is False


def test_where_nobody_listens_there_is_no_network() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert wait_for(f"http://127.0.0.1:{closed.getsockname()[1]}/file") is False


def test_a_name_server_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_ask", lambda *_: None)
    assert is_reachable("https://example.org/file") is None
    monkeypatch.setattr(downloading, "_ASK_S", 0.0)
    assert is_reachable("https://example.org/file") is False
