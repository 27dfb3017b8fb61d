"""How long each page takes until it can be used, from the real server.

"Open" is a new tab on the page's address, each next to a new tab on an empty Streamlit page;
"rerun" is what every click costs, on the empty page, too.
"""

from statistics import median

from playwright.sync_api import Browser

from core.workspace import PROJECT_ROOT, Workspace
from tests.bench.browser import browse, open_page, press_rerun, serve_pages
from tests.bench.measuring import BenchmarkFailed, Figure, Report, list_percentiles, say, time_call

_OPENS = 3
_EMPTY = "tests/bench/empty_page.py"


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
    with (
        browse(workspace) as (browser, address, weigh),
        serve_pages(workspace, _EMPTY) as (empty, _),
    ):
        _time_open(browser, empty)
        figures = _measure_reruns(browser, "an empty page", empty, repeats)
        for name in pages or known:
            say(f"Page {name}")
            figures += _measure_open(browser, name, f"{address}/{name}", empty)
            figures += _measure_reruns(browser, name, f"{address}/{name}", repeats)
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


def _measure_open(browser: Browser, name: str, address: str, empty: str) -> list[Figure]:
    """Time new tabs on the page and on the empty page in turns."""
    first = _time_open(browser, address)
    pairs = [(_time_open(browser, address), _time_open(browser, empty)) for _ in range(_OPENS)]
    ours, bare = (median(times) for times in zip(*pairs, strict=True))
    note = f"{ours / bare:.2f} × an empty page ({bare * 1000:,.0f} ms)"
    return [
        Figure(f"{name}: first open", first * 1000, "ms"),
        Figure(f"{name}: open p50", ours * 1000, "ms", note=note),
    ]


def _measure_reruns(browser: Browser, name: str, address: str, repeats: int) -> list[Figure]:
    page = browser.new_page()
    open_page(page, address)
    reruns = [press_rerun(page) for _ in range(repeats)]
    page.close()
    return list_percentiles(f"{name}: rerun", reruns)


def _time_open(browser: Browser, address: str) -> float:
    """Time a new tab from the address to a page that can be used."""
    page = browser.new_page()
    seconds = time_call(lambda: open_page(page, address))
    page.close()
    return seconds
