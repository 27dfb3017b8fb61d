"""Which weights are found, in which order, and what a wrong file is told to be."""

import hashlib
import re
import resource
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import pytest

from core.config import OFFICIAL_WEIGHTS_URL
from core.downloading import _KeepSafe
from core.errors import DiskFull, WeightsDamaged, WeightsMissing
from core.runs.jobs import probe_weights
from core.workspace import Workspace, check_identifier, digest_file
from models import weights as weights_module
from models.catalogue import CATALOGUE
from models.weights import (
    OFFICIAL_NAME,
    describe_weights,
    download_weights,
    find_weights,
    list_weights,
    name_usual,
)
from models.weights_file import check_weights_file

MakeFile = Callable[..., Path]


def test_without_any_file_the_error_names_the_address_and_the_folder(workspace: Workspace) -> None:
    with pytest.raises(WeightsMissing) as caught:
        find_weights(workspace)
    assert OFFICIAL_WEIGHTS_URL in caught.value.remedy
    assert str(workspace.weights) in caught.value.remedy


def test_places_are_searched_in_order(
    workspace: Workspace,
    tmp_path: Path,
    make_weights_file: MakeFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cached = make_weights_file(tmp_path / "keras" / "models" / OFFICIAL_NAME)
    monkeypatch.setattr(weights_module, "OFFICIAL_MD5", digest_file(cached, "md5"))
    found = find_weights(workspace)
    assert (found.file, found.origin, found.label) == (cached, "Keras' cache", "ImageNet")

    stored = make_weights_file(workspace.weights / "other.h5", _mark)
    found = find_weights(workspace)
    assert (found.file, found.origin) == (stored, "the workspace")
    assert found.label == "pretrained: other.h5"
    assert not found.official

    official = make_weights_file(workspace.weights / OFFICIAL_NAME)
    assert find_weights(workspace).file == official

    chosen = make_weights_file(tmp_path / "mine.h5")
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(chosen))
    found = find_weights(workspace)
    assert (found.file, found.origin) == (chosen, "PETALSCOPE_WEIGHTS")
    assert found.digest == digest_file(chosen)


def test_random_weights_need_no_file(workspace: Workspace) -> None:
    found = find_weights(workspace, "random")
    assert (found.name, found.file, found.label) == ("random", None, "random")


def test_a_file_that_changes_gets_another_digest(
    workspace: Workspace, make_weights_file: MakeFile
) -> None:
    path = make_weights_file(workspace.weights / "mine.h5")
    before = find_weights(workspace).digest
    make_weights_file(path, _mark)
    assert find_weights(workspace).digest == digest_file(path) != before


def test_a_chosen_file_that_is_not_there_is_not_replaced(
    workspace: Workspace, make_weights_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_weights_file(workspace.weights / OFFICIAL_NAME)
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", "/nowhere/weights.h5")
    with pytest.raises(WeightsMissing, match=r"/nowhere/weights\.h5"):
        find_weights(workspace)


def test_an_altered_file_in_the_cache_of_keras_is_refused(
    workspace: Workspace, tmp_path: Path, make_weights_file: MakeFile
) -> None:
    make_weights_file(tmp_path / "keras" / "models" / OFFICIAL_NAME)
    with pytest.raises(WeightsDamaged, match="digest"):
        find_weights(workspace)


def _mark(file: h5py.File) -> None:
    file.attrs["mark"] = 1


def _add_top(file: h5py.File) -> None:
    group = file.create_group("predictions")
    group.attrs["weight_names"] = ["predictions/kernel:0"]
    group.create_dataset("predictions/kernel:0", (2048, 1000), "float16")


def _drop_block(file: h5py.File) -> None:
    del file["conv4_block6_2_conv"]


def _widen_kernel(file: h5py.File) -> None:
    del file["conv1_conv/conv1_conv/kernel:0"]
    file.create_dataset("conv1_conv/conv1_conv/kernel:0", (7, 7, 4, 64), "float16")


def _empty(file: h5py.File) -> None:
    for layer in list(file):
        del file[layer]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_add_top, "predictions does not belong"),
        (_drop_block, "conv4_block6_2_conv is missing"),
        (_widen_kernel, "conv1_conv has shape"),
        (_empty, "no layers"),
    ],
)
def test_another_network_is_told(
    tmp_path: Path,
    make_weights_file: MakeFile,
    change: Callable[[h5py.File], None],
    told: str,
) -> None:
    path = make_weights_file(tmp_path / "wrong.h5", change)
    with pytest.raises(WeightsDamaged, match=told):
        check_weights_file(path)


def test_a_truncated_file_is_told(tmp_path: Path, make_weights_file: MakeFile) -> None:
    path = make_weights_file(tmp_path / "short.h5")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsDamaged, match="truncated"):
        check_weights_file(path)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>"])
def test_a_file_of_another_kind_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsDamaged, match="not an HDF5"):
        check_weights_file(path)


def test_weights_of_an_earlier_version_are_refused(workspace: Workspace) -> None:
    with pytest.raises(WeightsMissing, match="no weights called “dino”") as caught:
        find_weights(workspace, "dino")
    assert "pretrained, starter, random" in caught.value.remedy


def test_a_network_of_an_earlier_version_is_refused(
    tmp_path: Path, make_weights_file: MakeFile
) -> None:
    def mark(file: h5py.File) -> None:
        file.attrs.update(petalscope_graph="v15", petalscope_inputs="torch")

    with pytest.raises(WeightsDamaged, match="the network “v15”"):
        describe_weights(make_weights_file(tmp_path / "tuned.h5", mark), "this run")


def test_all_weights_on_this_machine_are_listed(
    workspace: Workspace, make_weights_file: MakeFile
) -> None:
    assert [found.name for found in list_weights(workspace)] == ["starter", "random"]
    make_weights_file(workspace.weights / OFFICIAL_NAME)
    assert [found.name for found in list_weights(workspace)] == ["pretrained", "starter", "random"]
    assert name_usual(workspace) == "pretrained"
    assert name_usual(workspace, ["vicreg", "starter", "random"]) == "starter"


def test_without_pretrained_weights_those_of_the_program_are_used(workspace: Workspace) -> None:
    assert name_usual(workspace) == name_usual(workspace, ["random"]) == "starter"
    starter = find_weights(workspace, "starter")
    assert starter.official and starter.label == "Built-in"
    assert starter.file is not None and starter.file.stat().st_size < 26_000_000


@pytest.mark.slow
def test_weights_that_make_no_features_are_removed(
    workspace: Workspace, make_weights_file: MakeFile
) -> None:
    file = make_weights_file(workspace.weights / "zeros.h5")  # every layer is there, of zeros
    with pytest.raises(WeightsDamaged, match="same features"):
        probe_weights(workspace, find_weights(workspace))
    assert not file.exists()
    assert not list(workspace.backbones.iterdir())


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


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_broken_download_goes_on_where_it_stopped_if_the_server_can(
    workspace: Workspace, server: Server, knows_ranges: bool
) -> None:
    server.breaks_after, server.knows_ranges = 5000, knows_ranges
    with pytest.raises(WeightsMissing, match="5000 of"):
        download_weights(workspace)
    with pytest.raises(WeightsMissing):
        find_weights(workspace)  # half a file is none
    server.breaks_after = None
    weights = download_weights(workspace)
    assert server.asked == [0, 5000 if knows_ranges else 0]
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


def test_each_entry_of_the_catalogue_is_described() -> None:
    for entry in CATALOGUE.values():
        assert check_identifier(entry.name)
        assert entry.licence
        assert entry.sentence


def test_no_redirection_leaves_https() -> None:
    asked = urllib.request.Request("https://example.org/file")
    with pytest.raises(urllib.error.URLError, match="unsafe"):
        _KeepSafe().redirect_request(asked, None, 302, "Found", {}, "http://example.org/file")
