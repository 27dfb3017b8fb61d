"""How fast the evaluation pages answer for one run and split: the first visit, which computes what
is then kept (metrics was opened before), later visits, and reruns, which is what every click costs.

One tab goes from page to page, as an analyst does; the test split is opened once, which counts.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.bench.browser import open_page, start_browser, time_action
from core.bench.measuring import MEGABYTE, Figure, Report, describe_machine, percentile_ms
from core.bench.page import serve_pages
from core.runs.result import read_result
from core.runs.store import RunRecord
from core.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page

OnPage = Callable[[int, int], None]

PAGES = ("metrics", "confusion", "mistakes", "calibration", "slices")
_FROM = "predict"
"""Where every measured visit comes from: a small page that is not measured."""


def measure_evaluation(
    workspace: Workspace, run: RunRecord, *, split: str, repeats: int, on_page: OnPage
) -> Report:
    """Returns the milliseconds that each page of the evaluation takes for a run and split.

    Raises:
        RunUnfinished: The run has no result (yet).
        BenchmarkFailed: The page server did not start, a page ends with an error, or there is no
            Chromium.
    """
    machine, result = describe_machine(), read_result(workspace, run.id)
    figures = []
    with serve_pages(workspace) as (address, server), start_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        open_page(page, f"{address}/{PAGES[0]}?run={run.id}&split={split}")
        if split == "test":
            opens = page.get_by_role("button", name="Open the test split")
            opens.wait_for()
            time_action(page, opens.click)
        _visit(page, _FROM)
        for number, name in enumerate(PAGES):
            on_page(number, len(PAGES))
            figures += _measure_page(page, name, repeats)
        on_page(len(PAGES), len(PAGES))
        memory = server.memory_info().rss / MEGABYTE
    return Report(
        title="Evaluation pages: from the click until they can be used",
        figures=[*figures, Figure(name="memory of the page server", value=memory, unit="MB")],
        circumstances={
            **machine,
            "driven by": "headless Chromium",
            "run": run.id,
            "split": f"{split}, {len(result.photo_numbers(split)):,} photos",
            "classes": len(result.classes),
            "repeats": repeats,
        },
    )


def _measure_page(page: "Page", name: str, repeats: int) -> list[Figure]:
    first, later = _visit(page, name), []
    for _ in range(repeats):
        _visit(page, _FROM)
        later.append(_visit(page, name))
    reruns = [time_action(page, lambda: page.keyboard.press("r")) for _ in range(repeats)]
    return [
        Figure(name=f"{name}: first visit", value=first * 1000, unit="ms"),
        *(
            Figure(name=f"{name}: {what} p{share}", value=percentile_ms(times, share), unit="ms")
            for what, times in (("visit", later), ("rerun", reruns))
            for share in (50, 95)
        ),
    ]


def _visit(page: "Page", name: str) -> float:
    """Returns the seconds from the click in the navigation until the page can be used."""
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=re.compile(name, re.I))
    return time_action(page, link.click)
