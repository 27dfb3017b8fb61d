"""The page Runs in a real browser: select, compare, look at the photos, tag, delete.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from core.runs.store import list_runs
from tests.browser.conftest import PageServer, do_until, wait_for_url
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("compared_server")]

ROW = 35
"""Height of a row of the table, in pixels."""


def tick(page: Page, row: int, expected: str) -> None:
    """Ticks a row of the table, which is drawn on a canvas, until the page says that it knows."""
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas").first).to_be_visible()
    said = page.get_by_text(expected)
    do_until(lambda: table.click(position={"x": ROW / 2, "y": ROW * (row + 1.5)}), said)


def test_repeats_are_compared_by_one_tick(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/runs")
    tick(page, 1, "2 runs selected")  # the newest stands alone in row 0, two seeds share row 1
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="2 runs compared")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    wait_for_url(page, "compare=")
    page.reload()
    expect(page.get_by_role("heading", name="2 runs compared")).to_be_visible()


def test_a_run_is_tagged_and_deleted(page: Page, server: PageServer) -> None:
    workspace = server.workspace
    page.goto(f"{server.address}/runs")
    tick(page, 0, "1 run selected")
    expect(page.get_by_role("link", name="Duplicate")).to_have_attribute(
        "href", re.compile(f"like={list_runs(workspace)[0].id}")
    )
    page.get_by_role("button", name=re.compile("Tags")).click()
    choice = page.get_by_role("combobox", name="Tags")
    choice.fill("for the lesson")
    choice.press("Enter")
    wait_until(lambda: list_runs(workspace)[0].tags == ("for the lesson",), "the tag is kept")
    page.goto(f"{server.address}/runs?tag=for+the+lesson")
    tick(page, 0, "1 run selected")
    page.get_by_role("button", name=re.compile("Delete")).first.click()
    page.get_by_role("button", name="Delete 1 run").click()
    expect(page.get_by_text("1 run deleted.")).to_be_visible()
    assert len(list_runs(workspace)) == 2
