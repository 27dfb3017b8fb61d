"""How fast the evaluation pages answer for one run and split: the first visit, which computes what
is then kept (metrics was opened before), later visits, and reruns, which is what every click costs.

One tab goes from page to page, as an analyst does; the test split is opened once, which counts.
"""

import re

from playwright.sync_api import Page

from core.cli.choosing import choose_run
from core.runs.result import read_result
from core.workspace import Workspace
from tests.bench.browser import browse, open_page, press_rerun, time_action
from tests.bench.measuring import Figure, Report, list_percentiles, say

PAGES = ("metrics", "confusion", "mistakes", "calibration", "slices")
_FROM = "predict"
"""Where every measured visit comes from: a small page that is not measured."""


def measure(
    workspace: Workspace, run: str = "latest", *, split: str = "validation", repeats: int = 20
) -> Report:
    """Measure the milliseconds that each page of the evaluation takes for a run and split.

    Raises:
        RunUnfinished: The run has no result (yet).
        BenchmarkFailed: The page server did not start, a page ends with an error, or there is no
            Chromium.
    """
    record = choose_run(workspace, run)
    result = read_result(workspace, record.id)
    figures = []
    with browse(workspace) as (browser, address, weigh):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        open_page(page, f"{address}/{PAGES[0]}?run={record.id}&split={split}")
        if split == "test":
            opens = page.get_by_role("button", name="Open the test split")
            opens.wait_for()
            time_action(page, opens.click)
        visit(page, _FROM)
        for name in PAGES:
            say(f"Page {name}")
            figures += measure_page(page, name, repeats)
        figures.append(weigh())
    return Report(
        "Evaluation pages: from the click until they can be used",
        figures,
        {
            "driven by": "headless Chromium",
            "run": record.id,
            "split": f"{split}, {len(result.photo_numbers(split)):,} photos",
            "classes": len(result.classes),
            "repeats": repeats,
        },
    )


def measure_page(page: Page, name: str, repeats: int) -> list[Figure]:
    """Measure the first visit of a page, the next ones, and its reruns."""
    first, later = visit(page, name), []
    for _ in range(repeats):
        visit(page, _FROM)
        later.append(visit(page, name))
    return [
        Figure(f"{name}: first visit", first * 1000, "ms"),
        *list_percentiles(f"{name}: visit", later),
        *list_percentiles(f"{name}: rerun", [press_rerun(page) for _ in range(repeats)]),
    ]


def visit(page: Page, name: str) -> float:
    """Time the click in the navigation until the page can be used."""
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=re.compile(name, re.I))
    return time_action(page, link.click)
