"""A real page server over an empty workspace, and a real Chromium that looks at it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from core.workspace import Workspace
from tests.bench.browser import wait_until_healthy
from tests.processes import end_processes
from tests.serving_process import find_port
from tests.training import copy_workspace

ROOT = Path(__file__).resolve().parents[2]

expect.set_options(timeout=60_000)  # machines that test may be slow: what is right comes at last


class PageServer:
    """`streamlit run streamlit_app.py` on a free port; may be killed and started again."""

    def __init__(self, workspace: Workspace, *options: str) -> None:
        self.workspace, self.options, self.port = workspace, options, find_port()
        self.address = f"http://localhost:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = os.environ | {"PETALSCOPE_WORKSPACE": str(self.workspace.root)}
        # No pretrained weights here, wherever the tests run: the quick start must work without.
        environment.pop("PETALSCOPE_WEIGHTS", None)
        environment["PETALSCOPE_IMPORT_FOLDERS"] = tempfile.gettempdir()
        environment["KERAS_HOME"] = str(self.workspace.root / "no-keras-home")
        self.log = (self.workspace.root / "server.log").open("ab")
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        self.process = subprocess.Popen(
            [*command, "--server.port", str(self.port), *self.options],
            cwd=ROOT,
            env=environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        wait_until_healthy(f"{self.address}/_stcore/health", self.process)

    def kill(self) -> None:
        """Kill the server and all that has not left its process group."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
            self.log.close()


@pytest.fixture(scope="module")
def server_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """What the server of a module looks at: nothing, unless the module fills it before it starts.

    Nearly all modules change what they look at, as a person would: each has a server of its own.
    """
    return Workspace(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def server(server_workspace: Workspace) -> Iterator[PageServer]:
    started = PageServer(server_workspace)
    started.start()
    yield started
    started.kill()
    end_processes(server_workspace)


@pytest.fixture(scope="module")
def trained_server(server: PageServer, trained_workspace: Workspace) -> PageServer:
    """The server of a module, which looks at a copy of the trained workspace."""
    copy_workspace(trained_workspace, server.workspace)
    return server


@pytest.fixture(scope="module")
def compared_server(server: PageServer, compared_workspace: Workspace) -> PageServer:
    """The server of a module, which looks at a copy of the workspace of three runs."""
    copy_workspace(compared_workspace, server.workspace)
    return server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found, "Chromium is not installed: run .ci/system-packages, or install “chromium”."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """Keeps the scripts that the pages of a module load: to compile them takes a second each."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A page of a browser that was never here."""
    opened = window.new_page()
    yield opened
    for tab in window.pages:
        with suppress(Error):  # nothing was opened in it
            tab.evaluate("localStorage.clear(); sessionStorage.clear()")
        tab.close()
    window.clear_cookies()


def close_panel(page: Page) -> None:
    """Presses Escape until the dialog is gone: a key pressed while it is redrawn may be lost."""
    deadline = time.monotonic() + 60
    panel = page.get_by_role("dialog")
    while panel.count():
        assert time.monotonic() < deadline, "the dialog stays open, however often Escape is pressed"
        page.keyboard.press("Escape")
        with suppress(AssertionError):
            expect(panel).to_have_count(0, timeout=3_000)


def wait_for_keys(page: Page) -> None:
    """Return when keys are heard: a moment after their buttons are drawn."""
    expect(page.locator("[data-keys]").first).to_be_attached()


def do_until(deed: Callable[[], object], seen: Locator) -> None:
    """Do something until its effect is seen: a canvas does not listen as soon as it is drawn.

    What is clicked while the page is still drawn would be lost, too: that is waited for first.
    """
    drawn = seen.page.locator("[data-test-script-state='notRunning']")
    for patience_s in (6, 12, 18, 24):
        with suppress(AssertionError):  # a page that follows a run may be drawn again and again
            expect(drawn).to_be_attached(timeout=patience_s * 1_000)
        with suppress(AssertionError, Error):  # while it is redrawn, a field stands twice
            deed()
            expect(seen).to_be_visible(timeout=patience_s * 1_000)
            return
    expect(seen).to_be_visible()


def wait_while_computing(seen: Locator) -> None:
    """Return when something is seen: as long as the page counts photos, however slowly."""
    counted = seen.page.get_by_text(re.compile(r"\d+ of \d+ photos"))
    before: list[str] | None = None
    while (now := counted.all_inner_texts()) != before:
        before = now
        with suppress(AssertionError):
            expect(seen).to_be_visible()
            return
    expect(seen).to_be_visible()


def choose(page: Page, name: str | re.Pattern[str]) -> None:
    """Click one of several choices, when the page is drawn, until it is chosen."""
    choice = page.get_by_role("radio", name=name)
    chosen = page.get_by_role("radio", name=name, checked=True)
    do_until(lambda: choice.click(force=True), chosen)


def wait_for_url(page: Page, *parts: str) -> None:
    """Return when the address holds these parts: a moment after the page was drawn."""
    for part in parts:
        expect(page).to_have_url(re.compile(re.escape(part)))
