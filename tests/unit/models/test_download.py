"""Downloads from a real server on this machine: resumed, refused, broken off, of something else."""

import hashlib
import re
import resource
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.downloading import _KeepSafe
from core.errors import DiskFull, WeightsDamaged, WeightsMissing
from core.workspace import Workspace, check_identifier
from models import weights as weights_module
from models.catalogue import CATALOGUE
from models.weights import download_weights, find_weights

NAME = "resnet50_notop.h5"


class Server(ThreadingHTTPServer):
    """Serves one file; may break off, ignore ranges, or have nothing."""

    content = b""
    breaks_after: int | None = None
    knows_ranges = True
    refuses = 0
    path = f"/{NAME}"
    asked: list[int]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{NAME}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        content = self.server.content
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match and self.server.knows_ranges else 0
        self.server.asked.append(start)
        if self.server.refuses:
            self.send_error(self.server.refuses)
        elif self.path != self.server.path:
            self.send_error(404)
        elif start and start >= len(content):
            self.send_error(416)
        else:
            self.send_response(206 if match and self.server.knows_ranges else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:][: self.server.breaks_after])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(layout_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of a sound weights file, which the settings point to."""
    with Server(("127.0.0.1", 0), Handler) as served:
        served.content, served.asked = layout_file.read_bytes(), []
        monkeypatch.setenv("PETALSCOPE_WEIGHTS_URL", served.address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def test_the_file_arrives_and_is_found(workspace: Workspace, server: Server) -> None:
    reports: list[tuple[int, int]] = []
    weights = download_weights(workspace, lambda done, total: reports.append((done, total)))
    assert weights.file == workspace.weights / NAME
    assert weights.file.read_bytes() == server.content
    assert weights.origin == "download"
    assert reports[-1] == (len(server.content), len(server.content))
    assert find_weights(workspace).digest == weights.digest


def test_a_complete_file_is_not_fetched_again(workspace: Workspace, server: Server) -> None:
    download_weights(workspace)
    download_weights(workspace)
    assert server.asked == [0]


def test_a_broken_download_goes_on_where_it_stopped(workspace: Workspace, server: Server) -> None:
    server.breaks_after = 5000
    with pytest.raises(WeightsMissing, match="5000 of"):
        download_weights(workspace)
    with pytest.raises(WeightsMissing):
        find_weights(workspace)  # half a file is none
    server.breaks_after = None
    weights = download_weights(workspace)
    assert server.asked == [0, 5000]
    assert weights.file is not None
    assert weights.file.read_bytes() == server.content


def test_a_server_without_ranges_sends_everything_again(
    workspace: Workspace, server: Server
) -> None:
    server.breaks_after, server.knows_ranges = 5000, False
    with pytest.raises(WeightsMissing):
        download_weights(workspace)
    server.breaks_after = None
    weights = download_weights(workspace)
    assert weights.file is not None
    assert weights.file.read_bytes() == server.content


def test_everything_was_here_but_the_name(workspace: Workspace, server: Server) -> None:
    (workspace.weights / f".{NAME}.part").write_bytes(server.content)
    weights = download_weights(workspace)
    assert server.asked == [len(server.content)]
    assert weights.file is not None
    assert weights.file.read_bytes() == server.content


def test_two_who_ask_at_once_share_one_download(workspace: Workspace, server: Server) -> None:
    with ThreadPoolExecutor(2) as threads:
        tasks = [threads.submit(download_weights, workspace) for _ in range(2)]
    assert tasks[0].result().digest == tasks[1].result().digest
    assert server.asked == [0]


def test_no_such_file(
    workspace: Workspace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_WEIGHTS_URL", server.address + ".gone.h5")
    with pytest.raises(WeightsMissing, match="404") as caught:
        download_weights(workspace)
    assert str(workspace.weights) in caught.value.remedy


def test_nobody_listens(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PETALSCOPE_WEIGHTS_URL", f"http://127.0.0.1:{port}/{NAME}")
    with pytest.raises(WeightsMissing, match="Check the network"):
        download_weights(workspace)


def test_not_an_address(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_WEIGHTS_URL", "weights.h5")
    with pytest.raises(WeightsMissing, match="could not be downloaded"):
        download_weights(workspace)


def test_another_file_than_the_official_one_is_thrown_away(
    workspace: Workspace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_module, "OFFICIAL_WEIGHTS_URL", server.address)
    with pytest.raises(WeightsDamaged, match="digest"):
        download_weights(workspace)
    assert not [file for file in workspace.weights.iterdir() if file.suffix != ".lock"]


def test_a_web_page_in_place_of_weights_is_thrown_away(
    workspace: Workspace, server: Server
) -> None:
    sound, server.content = server.content, b"<html>please log in</html>"
    with pytest.raises(WeightsDamaged, match="not an HDF5"):
        download_weights(workspace)
    server.content = sound
    assert download_weights(workspace).file is not None


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_server_that_refuses_is_told(workspace: Workspace, server: Server, code: int) -> None:
    server.refuses = code
    with pytest.raises(WeightsMissing, match=str(code)):
        download_weights(workspace)


def test_the_official_file_arrives_and_is_not_taken_where_it_is_too_large(
    workspace: Workspace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_module, "OFFICIAL_WEIGHTS_URL", server.address)
    digest = hashlib.md5(server.content).hexdigest()
    monkeypatch.setattr(weights_module, "OFFICIAL_MD5", digest)
    monkeypatch.setattr(weights_module, "_MOST_BYTES", len(server.content) - 1)
    with pytest.raises(WeightsMissing, match="more than"):
        download_weights(workspace)
    assert {file.suffix for file in workspace.weights.iterdir()} <= {".lock"}
    monkeypatch.setattr(weights_module, "_MOST_BYTES", len(server.content))
    found = download_weights(workspace)
    assert (found.official, found.label, found.origin) == (True, "ImageNet", "download")


def test_a_full_disk_keeps_what_came(workspace: Workspace, server: Server) -> None:
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # write() then says EFBIG
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(server.content) // 2, room[1]))
    try:
        with pytest.raises(DiskFull, match="does not fit"):
            download_weights(workspace)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
        signal.signal(signal.SIGXFSZ, before)
    assert download_weights(workspace).file is not None
    assert server.asked[1] > 0


def test_addresses_are_safe() -> None:
    for entry in CATALOGUE.values():
        assert not entry.address or entry.address.startswith("https://"), entry.name
        assert check_identifier(entry.name)
        assert entry.licence
        assert entry.sentence
        assert bool(entry.address) == (entry.size_bytes > 0)


def test_no_redirection_leaves_https() -> None:
    asked = urllib.request.Request("https://example.org/file")
    with pytest.raises(urllib.error.URLError, match="unsafe"):
        _KeepSafe().redirect_request(asked, None, 302, "Found", {}, "http://example.org/file")
