"""The metrics page in a real browser: from a figure to its photos, by a click and by a link."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PageServer, choose, do_until, wait_for_url

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("trained_server")]


def click_row(page: Page, row: int) -> None:
    """Clicks the box at the beginning of a row of the table of classes."""
    table = page.get_by_test_id("stDataFrame").locator("visible=true").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + 36 + 35 * row + 17)


def test_a_row_opens_the_photos_of_its_class(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/metrics?split=train")
    expect(page.get_by_text("Choose a class in the table")).to_be_visible()
    heading = page.get_by_role("heading", name="rose", exact=True)
    # A second click on a row would end its selection.
    do_until(lambda: None if "focus=rose" in page.url else click_row(page, 1), heading)
    wait_for_url(page, "focus=rose")

    choose(page, re.compile("^Predicted wrongly"))
    wait_for_url(page, "heap=taken")
    page.reload()  # the link is enough
    expect(heading).to_be_visible()
    expect(page.get_by_text("of other classes, predicted as this class")).to_be_visible()


def test_curves_live_in_the_link(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/metrics?split=train")
    page.get_by_text("ROC and precision-recall curves").click()
    expect(page.get_by_text("ROC curves of 3 classes")).to_be_visible()
    choose(page, "Precision-recall")
    expect(page.get_by_text("Precision-recall curves of 3 classes")).to_be_visible()
    wait_for_url(page, "metrics.kind=Precision-recall")
    page.reload()  # the link opens them again
    expect(page.get_by_text("Precision-recall curves of 3 classes")).to_be_visible()
