"""Export in a real browser: a zip is made and downloaded, and the Space in it answers by itself."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.registry.registering import register_run
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.browser.conftest import PageServer, do_until
from tests.exporting import unpack
from tests.processes import wait_until
from tests.training import copy_workspace

pytestmark = pytest.mark.browser

LONG_MS = 300_000


@pytest.fixture(scope="module")
def folder(
    server: PageServer, trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An empty folder; the server has a registered version."""
    workspace = Workspace(server.workspace)
    copy_workspace(trained_workspace, workspace)
    register_run(workspace, list_runs(workspace)[-1].id)
    return tmp_path_factory.mktemp("exported")


@pytest.mark.slow
def test_a_zip_is_made_and_downloaded(page: Page, server: PageServer, folder: Path) -> None:
    page.goto(f"{server.address}/registry")
    make = page.get_by_role("button", name=re.compile("Make the zip"))
    expect(make).to_be_enabled(timeout=LONG_MS)
    for name in ("Keras", "ONNX", "OpenVINO"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_text("Choose a format.")).to_be_visible()
    expect(make).to_be_disabled()
    page.get_by_text("With a folder for a hosted Space").click()
    expect(page.get_by_text("About 95 MB", exact=False)).to_be_visible()
    expect(make).to_be_enabled()
    # The export that is made is named in the link: a reload finds it again.
    do_until(make.click, page.get_by_text(re.compile("Exporting|1 export")).first)
    page.reload()
    download = page.locator("[class*='st-key-export-download']").get_by_role("button")
    expect(download.first).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_text("6 golden photos", exact=False)).to_be_visible()
    with page.expect_download(timeout=LONG_MS) as downloading:
        download.first.click()
    assert downloading.value.suggested_filename.startswith("petalscope-v1-")
    downloading.value.save_as(folder / "petals.zip")
    unpacked = unpack(folder / "petals.zip", folder / "unpacked")
    assert {"Dockerfile", "app.py", "model"} <= {file.name for file in unpacked.glob("space/*")}


@pytest.mark.slow
def test_the_space_answers_as_it_stands(page: Page, folder: Path) -> None:
    (unpacked,) = (folder / "unpacked").iterdir()  # what the test before has downloaded
    golden = json.loads((unpacked / "golden" / "golden.json").read_text(encoding="utf-8"))
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    with run_container_command(unpacked / "space") as address:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(address)
        expect(page.get_by_text("It knows: daisy, rose, tulip.")).to_be_visible(timeout=LONG_MS)
        entry = golden["photos"][0]
        upload = page.locator("input[type=file]")
        upload.set_input_files(unpacked / "golden" / entry["file"])
        expect(page.get_by_text(entry["sentence"])).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        bad = {"name": "rose.jpg", "mimeType": "image/jpeg", "buffer": b"no photo"}
        upload.set_input_files(bad)
        expect(page.get_by_text("This is not a picture", exact=False)).to_be_visible()
    assert not [url for url in outside if not url.startswith((address, "blob:", "data:"))]


@contextmanager
def run_container_command(space: Path) -> Iterator[str]:
    """Yield the address of the app, started as its Dockerfile says, in a folder of its own."""
    lines = (space / "Dockerfile").read_text(encoding="utf-8").splitlines()
    command = json.loads(next(line for line in lines if line.startswith("CMD "))[4:])
    wanted = (space / "requirements.txt").read_text(encoding="utf-8").split()
    assert [line.partition("==")[0] for line in wanted] == [
        "streamlit",
        "openvino",
        "numpy",
        "pillow",
    ]
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    assert command[0] == "streamlit"
    own = [word for word in command if "server.port" not in word]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (space.parent / "space.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *own, f"--server.port={port}"],
            cwd=space,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), shlex.join(command))
        yield f"http://localhost:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0
