"""How long each page takes until it can be used, from the real server.

"Open" is a new tab on the page's address, "rerun" is what every click costs.
"""

from playwright.sync_api import Browser

from core.workspace import PROJECT_ROOT, Workspace
from tests.bench.browser import browse, open_page, press_rerun
from tests.bench.measuring import (
    BenchmarkFailed,
    Figure,
    Report,
    list_percentiles,
    say,
    time_call,
)

_OPENS = 3


def measure(workspace: Workspace, *pages: str, repeats: int = 20) -> Report:
    """Measure the milliseconds that each page, or all of them, take to open and to run again.

    Raises:
        BenchmarkFailed: There is no such page, the server did not start, or there is no Chromium.
    """
    known = sorted(path.stem for path in (PROJECT_ROOT / "pages").glob("*.py"))
    if unknown := sorted(set(pages) - set(known)):
        raise BenchmarkFailed(
            f"There is no page {', '.join(unknown)}.", f"There are: {', '.join(known)}."
        )
    figures = []
    with browse(workspace) as (browser, address, weigh):
        for name in pages or known:
            say(f"Page {name}")
            figures += _measure_page(browser, f"{address}/{name}", name, repeats)
        figures.append(weigh())
    return Report(
        "Pages: time until they can be used",
        figures,
        {
            "driven by": "headless Chromium",
            "reruns of each page": repeats,
            "workspace": workspace.root,
        },
    )


def _measure_page(browser: Browser, address: str, name: str, repeats: int) -> list[Figure]:
    first, *later = [_time_open(browser, address) for _ in range(_OPENS + 1)]
    page = browser.new_page()
    open_page(page, address)
    reruns = [press_rerun(page) for _ in range(repeats)]
    page.close()
    return [
        Figure(f"{name}: first open", first * 1000, "ms"),
        *list_percentiles(f"{name}: open", later)[:1],
        *list_percentiles(f"{name}: rerun", reruns),
    ]


def _time_open(browser: Browser, address: str) -> float:
    """Time a new tab from the address to a page that can be used."""
    page = browser.new_page()
    seconds = time_call(lambda: open_page(page, address))
    page.close()
    return seconds
