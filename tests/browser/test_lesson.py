"""The lesson in a real browser: each step with its check and verdict fits 1280 x 720."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PageServer
from tests.lessons import prepare_lesson

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("trained_server")]

WIDTH, HEIGHT = 1280, 720
BANNER = 96
"""Of random weights, above the step: a lesson that is held has others."""
MINUTES = 60_000


def test_each_verdict_is_seen_without_scrolling(page: Page, server: PageServer) -> None:
    prepare_lesson(server.workspace)
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT + BANNER})
    below = {}
    for step in range(1, 9):
        page.goto(f"{server.address}/lesson?step={step}")
        check = page.get_by_role("button", name="Check", exact=True)
        check.click(timeout=MINUTES)
        verdict = page.locator(".st-key-lesson_asked, .st-key-lesson_end").get_by_test_id("stAlert")
        expect(verdict).to_have_count(1)
        for seen in (check, verdict):
            box = seen.bounding_box()
            assert box is not None
            if box["y"] < 0 or box["y"] + box["height"] > HEIGHT + BANNER:
                below[step] = box
    assert not below
