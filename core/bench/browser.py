"""Pages timed in a headless Chromium, through Playwright.

A page is ready when its script has ended and the browser has painted. Times are seconds.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import BenchmarkFailed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

_TIMEOUT_MS = 30_000
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
def start_browser() -> Iterator["Browser"]:
    """Yields a headless Chromium: Playwright's own, or the system's.

    Raises:
        BenchmarkFailed: There is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_find_chromium(playwright))
        try:
            yield browser
        finally:
            browser.close()


def _find_chromium(playwright: "Playwright") -> str:
    own = playwright.chromium.executable_path
    names = ("chromium", "chromium-browser", "google-chrome")
    found = own if Path(own).exists() else next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise BenchmarkFailed("There is no Chromium here.", "Get one: playwright install chromium")
    return found


def time_open(browser: "Browser", address: str) -> float:
    """Returns how long a new tab takes from the address to a page that can be used."""
    page = browser.new_page()
    start = time.perf_counter()
    open_page(page, address)
    seconds = time.perf_counter() - start
    page.close()
    return seconds


def time_reruns(browser: "Browser", address: str, repeats: int) -> list[float]:
    """Returns how long the open page takes to run again, each time."""
    page = browser.new_page()
    open_page(page, address)
    # "r" is Streamlit's own key for "run again".
    seconds = [time_action(page, lambda: page.keyboard.press("r")) for _ in range(repeats)]
    page.close()
    return seconds


def time_action(page: "Page", act: Callable[[], None]) -> float:
    """Returns how long the page takes from an action until its rerun has ended and is painted."""
    page.wait_for_function(_IS_CALM, timeout=_TIMEOUT_MS)  # a rerun of before is not ours
    page.evaluate(_WATCH_RERUN)
    act()
    page.wait_for_function("() => window.rerunSeconds !== null", timeout=_TIMEOUT_MS)
    return float(page.evaluate("() => window.rerunSeconds"))


def open_page(page: "Page", address: str) -> None:
    """Returns when the page at the address can be used.

    Raises:
        BenchmarkFailed: It ends with an error.
    """
    from playwright.sync_api import TimeoutError as WaitedInVain

    page.goto(address)
    try:
        page.wait_for_function(_IS_READY, timeout=_TIMEOUT_MS)
    except WaitedInVain as error:
        raise _broken(address) from error
    if page.locator('[data-testid="stException"]').count():
        raise _broken(address)


def _broken(address: str) -> BenchmarkFailed:
    return BenchmarkFailed(
        f"The page {address} ends with an error, so its time means nothing.",
        "Open it in the workbench and read the log of the server.",
        address=address,
    )
