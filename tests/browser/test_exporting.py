"""Export in a real browser: a zip is made and downloaded."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.registry.registering import register_run
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.browser.conftest import PageServer, do_until
from tests.exporting import unpack
from tests.training import copy_workspace

pytestmark = pytest.mark.browser

LONG_MS = 300_000


@pytest.fixture(scope="module")
def folder(
    server: PageServer, resnet_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An empty folder; the server has a registered version."""
    copy_workspace(resnet_workspace, server.workspace)
    register_run(server.workspace, list_runs(server.workspace)[-1].id)
    return tmp_path_factory.mktemp("exported")


@pytest.mark.slow
def test_a_zip_is_made_and_downloaded(page: Page, server: PageServer, folder: Path) -> None:
    page.goto(f"{server.address}/models")
    make = page.get_by_role("button", name=re.compile("Make the zip"))
    expect(make).to_be_enabled(timeout=LONG_MS)
    for name in ("Keras", "ONNX"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_text("Choose a format.")).to_be_visible()
    expect(make).to_be_disabled()
    page.get_by_role("button", name="Space", exact=True).click()
    expect(page.get_by_text("About 95 MB", exact=False)).to_be_visible()
    expect(make).to_be_enabled()
    # The export that is made is named in the link: a reload finds it again.
    do_until(make.click, page.get_by_text(re.compile("Exporting|Download")).first)
    page.reload()
    download = page.locator("[class*='st-key-export-download']").get_by_role("button")
    expect(download.first).to_be_visible(timeout=LONG_MS)
    with page.expect_download(timeout=LONG_MS) as downloading:
        download.first.click()
    assert downloading.value.suggested_filename.startswith("petalscope-v1-")
    downloading.value.save_as(folder / "petals.zip")
    unpacked = unpack(folder / "petals.zip", folder / "unpacked")
    assert {"app.py", "model.onnx"} <= {file.name for file in unpacked.glob("space/*")}
