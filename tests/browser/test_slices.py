"""The slices page in a real browser: a bin, a link, the views, and back to the photos.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PageServer, do_until, wait_for_url

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("trained_server")]


def test_a_click_on_a_bin_shows_its_photos(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/slices?split=train&shown=all")
    expect(page.get_by_text("Choose a slice")).to_be_visible()
    chart = page.get_by_test_id("stVegaLiteChart").first
    expect(chart.locator("canvas, svg").first).to_be_visible()
    close = page.get_by_role("button", name="Close", exact=True)
    # In the last bin, above the axis: the whole column takes the click.
    box = chart.bounding_box()
    assert box is not None
    do_until(lambda: chart.click(position={"x": 0.8 * box["width"], "y": 110}), close)
    wait_for_url(page, "slice=")
    expect(page.get_by_text(re.compile(r"95 % interval .*n = \d+")).first).to_be_visible()
    page.reload()
    expect(close).to_be_visible()
    close.click()
    expect(page.get_by_text("Choose a slice")).to_be_visible()
    expect(page).not_to_have_url(re.compile("slice="))


def test_a_row_of_the_table_chooses_a_slice(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/slices?split=train")
    page.get_by_text("As a table").click()
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    close = page.get_by_role("button", name="Close", exact=True)
    do_until(lambda: table.click(position={"x": 16, "y": 54}), close)  # the tick of the first row
    wait_for_url(page, "slice=")


def test_on_a_phone_nothing_runs_over_the_edge(page: Page, server: PageServer) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.address}/slices?split=train")
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    expect(page.get_by_text("Choose a slice")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
