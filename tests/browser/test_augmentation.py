"""The augmentation page in a real browser: sliders redraw, policies are kept and handed on.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from data.importing import import_source
from tests.browser.conftest import PageServer
from tests.builders import write_class_folders

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def find_draw(page: Page, number: int) -> Locator:
    """Return the picture of a draw of the only photo."""
    return page.get_by_role("img", name=re.compile(f", draw {number}$"))


def test_a_slider_redraws_the_draws_and_not_the_photo(
    page: Page, server: PageServer, tmp_path: Path
) -> None:
    page.goto(f"{server.address}/augmentation")
    expect(page.get_by_text("No dataset yet")).to_be_visible()
    import_source(server.workspace, write_class_folders(tmp_path / "flowers"))
    page.goto(f"{server.address}/augmentation?photos=3")
    expect(find_draw(page, 11)).to_be_visible()
    original = page.get_by_role("img", name=re.compile("original$"))
    before, kept = find_draw(page, 1).get_attribute("src"), original.get_attribute("src")
    assert before and kept
    page.get_by_role("slider", name="Range of rotation").first.press("ArrowLeft")
    expect(find_draw(page, 1)).not_to_have_attribute("src", before)
    expect(page).to_have_url(re.compile("draft=rotation"))
    expect(original).to_have_attribute("src", kept)
    changed = find_draw(page, 1).get_attribute("src")
    assert changed
    page.reload()  # a link reopens what was looked at, saved or not
    expect(find_draw(page, 1)).to_have_attribute("src", changed)


def test_photos_are_chosen_on_a_wall(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/augmentation?photos=3&show=some")
    expect(find_draw(page, 4)).to_be_visible()
    page.get_by_role("button", name="Choose").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=re.compile("^Select all")).click()
    dialog.get_by_role("button", name="Use them").click()
    expect(find_draw(page, 4)).to_have_count(6)
    expect(page).to_have_url(re.compile(r"photos=0(,|%2C)1(,|%2C)2"))
