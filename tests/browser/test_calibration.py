"""The page Calibration in a real browser: choose a rule, save it, and predict with it."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.prediction.deciding import read_rule
from core.workspace import Workspace
from tests.browser.conftest import PageServer, do_until, wait_for_url
from tests.builders import draw_photo, encode_photo
from tests.calibrating import rewrite_result
from tests.processes import wait_until
from tests.training import copy_workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_rule_is_chosen_kept_and_used(
    page: Page, server: PageServer, trained_workspace: Workspace
) -> None:
    copy_workspace(trained_workspace, Workspace(server.workspace))
    workspace = Workspace(server.workspace)
    run, _ = rewrite_result(workspace)
    page.goto(f"{server.address}/calibration?run={run}")
    expect(page.get_by_text("95 % intervals in brackets", exact=False)).to_be_visible()
    answers = page.get_by_role("radio", name=re.compile("Answers"))
    do_until(answers.click, page.get_by_text("Deferred", exact=True))
    wait_for_url(page, "question=answers")
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("End")
    wait_for_url(page, "threshold=100")
    # The photos are counted anew after the slider moved: a click may meet what is just replaced.
    sent = page.get_by_role("radio", name=re.compile(r"^Deferred \("))
    do_until(sent.click, page.get_by_text("the highest score first", exact=False))
    wait_for_url(page, "photos=sent")
    expect(page.get_by_role("img", name=re.compile(r"\.jpg$")).first).to_be_visible()
    page.get_by_role("button", name=re.compile("Save rule")).click()
    expect(page.get_by_text("Saved (", exact=False)).to_be_visible()
    wait_until(lambda: read_rule(workspace, run) is not None, "the rule is kept")
    # The link reopens the same question, threshold and photos.
    page.reload()
    expect(page.get_by_role("radio", name=re.compile(r"^Deferred \("))).to_be_checked()
    expect(page.get_by_role("slider")).to_have_value("100")


def test_predict_says_that_it_does_not_know(page: Page, server: PageServer) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.address}/predict")
    expect(page.get_by_text("No photo yet")).to_be_visible()
    photo = {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": encode_photo(draw_photo(0, 3))}
    page.locator("input[type=file]").set_input_files([photo])
    expect(page.get_by_role("heading", name=re.compile("I don.t know"))).to_be_visible()
    expect(page.get_by_text("Details")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
