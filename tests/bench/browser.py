"""Pages timed in a headless Chromium, through Playwright, from a page server of their own.

A page is ready when its script has ended and the browser has painted. Times are seconds.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from playwright.sync_api import TimeoutError as WaitedInVain

from core.runs.locks import is_locked
from core.workspace import PROJECT_ROOT, Workspace
from tests.bench.measuring import MEGABYTE, BenchmarkFailed, Figure, watch_memory
from tests.serving_process import find_port

_START_TIMEOUT_S = 300
_TIMEOUT_MS = 120_000
_APP = '[data-testid="stApp"]'
_IS_READY = f"""() => {{
  const app = document.querySelector('{_APP}');
  if (app === null || app.querySelector('h1') === null) return false;  // not drawn yet
  return app.getAttribute('data-test-script-state') === 'notRunning';
}}"""
_IS_CALM = f"""() => {{
  const isIdle = ({_IS_READY})();
  window.calmSince = isIdle ? window.calmSince ?? performance.now() : null;
  return isIdle && performance.now() - window.calmSince > 300;
}}"""
_UNSEEN_MS = 3000
"""A rerun of some milliseconds may be over before the page shows that it runs: after this time
without a sign of it, the last change of the page is taken for its end."""
_WATCH_RERUN = f"""() => {{
  const app = document.querySelector('{_APP}');
  const start = performance.now();
  let hasRun = false, changed = start;
  window.rerunSeconds = null;
  const end = (moment) => {{
    states.disconnect();
    changes.disconnect();
    clearTimeout(unseen);
    window.rerunSeconds = (moment - start) / 1000;
  }};
  const states = new MutationObserver(() => {{
    const isIdle = app.getAttribute('data-test-script-state') === 'notRunning';
    hasRun = hasRun || !isIdle;
    if (!hasRun || !isIdle) return;
    requestAnimationFrame(() => requestAnimationFrame(() => end(performance.now())));
  }});
  const changes = new MutationObserver(() => {{ changed = performance.now(); }});
  const unseen = setTimeout(() => {{ if (!hasRun) end(changed); }}, {_UNSEEN_MS});
  states.observe(app, {{attributes: true, attributeFilter: ['data-test-script-state']}});
  changes.observe(app, {{childList: true, characterData: true, subtree: true}});
}}"""


@contextmanager
def browse(workspace: Workspace) -> Iterator[tuple[Browser, str, Callable[[], Figure]]]:
    """Open a browser and a page server: yields it, the server's address and its memory by now.

    Raises:
        BenchmarkFailed: The page server did not start, or there is no Chromium.
    """
    with serve_pages(workspace) as (address, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_find_chromium(playwright))

        def weigh() -> Figure:
            now = server.memory_info().rss / MEGABYTE
            note = f"its own, without mapped files: at most {own.peak / MEGABYTE:,.0f} MB"
            return Figure("memory of the page server", now, "MB", note=note)

        try:
            with watch_memory(0.05, server) as own:
                yield browser, address, weigh
        finally:
            browser.close()


def _find_chromium(playwright: Playwright) -> str:
    own = playwright.chromium.executable_path
    names = ("chromium", "chromium-browser", "google-chrome")
    found = own if Path(own).exists() else next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise BenchmarkFailed("There is no Chromium here.", "Get one: playwright install chromium")
    return found


def press_rerun(page: Page) -> float:
    """Time the rerun by Streamlit's own key for "run again"."""
    return time_action(page, lambda: page.keyboard.press("r"))


def time_action(page: Page, act: Callable[[], None]) -> float:
    """Time the page from an action until its rerun has ended and is painted."""
    page.wait_for_function(_IS_CALM, timeout=_TIMEOUT_MS)  # a rerun of before is not ours
    page.evaluate(_WATCH_RERUN)
    act()
    page.wait_for_function("() => window.rerunSeconds !== null", timeout=_TIMEOUT_MS)
    return float(page.evaluate("() => window.rerunSeconds"))


def open_page(page: Page, address: str) -> None:
    """Open the page at the address and wait until it can be used.

    Raises:
        BenchmarkFailed: It ends with an error.
    """
    page.goto(address)
    with suppress(WaitedInVain):
        page.wait_for_function(_IS_READY, timeout=_TIMEOUT_MS)
        if not page.locator('[data-testid="stException"]').count():
            return
    raise BenchmarkFailed(
        f"The page {address} ends with an error, so its time means nothing.",
        "Open it in the workbench and read the log of the server.",
    )


@contextmanager
def serve_pages(
    workspace: Workspace, script: str = "streamlit_app.py"
) -> Iterator[tuple[str, psutil.Process]]:
    """Serve the pages of a script on a free port until the block ends."""
    port, had_scheduler = find_port(), is_locked(workspace.scheduler_lock)
    options = ["--server.port", str(port), "--server.headless", "true"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", script, *options],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PETALSCOPE_WORKSPACE": str(workspace.root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_healthy(f"http://localhost:{port}/_stcore/health", process)
        yield f"http://localhost:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)
        if not had_scheduler:  # a run that is going is not touched by its scheduler's end
            with suppress(FileNotFoundError, ProcessLookupError):
                facts = json.loads(workspace.scheduler_pid.read_text(encoding="utf-8"))
                os.kill(facts["pid"], signal.SIGTERM)


def wait_until_healthy(address: str, process: "subprocess.Popen[bytes]") -> None:
    """Return when the server answers; it may need a minute."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise BenchmarkFailed(
        "The page server did not start.", "See why: streamlit run streamlit_app.py"
    )
