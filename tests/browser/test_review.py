"""The tab Review in a real browser: by keyboard, several at once, and into a new version.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from core.monitoring.feedback import Feedback, count_feedback, list_feedback
from core.runs.store import list_runs
from data.manifest import list_datasets
from tests.browser.conftest import PageServer, do_until, wait_for_keys, wait_for_url
from tests.builders import draw_photo, encode_photo
from tests.predictions import ask_and_tell
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("trained_server")]

SAID = ("rose", "tulip", "rose", "daisy", "aster")


@pytest.fixture(scope="module")
def inbox(trained_server: PageServer) -> list[Feedback]:
    """Five answers of the trained run, each “daisy”, and what people said of them."""
    workspace = trained_server.workspace
    run = list_runs(workspace)[-1].id
    photos = [draw_photo(n % 3, 400 + n, (300, 240)).rotate(20 + 9 * n) for n in range(len(SAID))]
    return [
        ask_and_tell(workspace, number, encode_photo(photo), name, run_id=run)
        for number, (photo, name) in enumerate(zip(photos, SAID, strict=True))
    ]


def expect_place(page: Page, place: int, total: int) -> None:
    expect(page.get_by_text(f"{place} of {total}", exact=True)).to_be_visible()
    expect(
        page.get_by_role("button", name=re.compile("^Accept A|^Accept Shortcut"))
    ).to_be_visible()


def test_answers_are_reviewed_by_keyboard(
    page: Page, server: PageServer, inbox: list[Feedback]
) -> None:
    workspace = server.workspace
    page.goto(f"{server.address}/monitoring?tab=review")
    expect_place(page, 1, 5)
    wait_for_keys(page)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("The feedback says tulip")).to_be_visible()
    wait_for_url(page, f"item={inbox[1].number}")
    page.keyboard.press("d")
    expect(page.get_by_text("1 photo discarded")).to_be_visible()
    expect_place(page, 2, 4)
    page.keyboard.press("u")
    expect(page.get_by_text("1 review undone")).to_be_visible()
    expect(page.get_by_text("The feedback says tulip")).to_be_visible()
    assert count_feedback(workspace)["waiting"] == 5
    page.keyboard.press("a")
    expect(page.get_by_text("1 photo accepted")).to_be_visible()
    [accepted] = list_feedback(workspace, state="accepted")
    assert (accepted.number, accepted.final_class) == (inbox[1].number, "tulip")


def test_an_answer_is_relabelled_to_a_class_that_was_typed(
    page: Page, server: PageServer, inbox: list[Feedback]
) -> None:
    page.goto(f"{server.address}/monitoring?tab=review&item={inbox[3].number}")
    expect(page.get_by_text("The feedback says daisy")).to_be_visible()
    page.get_by_role("button", name="Other class").click()
    field = page.get_by_role("combobox", name="It is", exact=True)
    field.fill("marguerite")
    field.press("Enter")
    expect(page.get_by_text("The model does not know this class")).to_be_visible()
    page.get_by_role("button", name="Relabel", exact=True).click()
    expect(page.get_by_text("1 photo relabelled to marguerite")).to_be_visible()
    [relabelled] = list_feedback(server.workspace, state="relabelled")
    assert (relabelled.number, relabelled.final_class) == (inbox[3].number, "marguerite")


@pytest.mark.usefixtures("inbox")  # makes the workspace
def test_several_are_accepted_at_once_and_become_a_version(page: Page, server: PageServer) -> None:
    workspace = server.workspace
    page.goto(f"{server.address}/monitoring?tab=review")
    expect_place(page, 1, 3)
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas").first).to_be_visible()
    every_row = {"x": 17, "y": 17}
    do_until(
        lambda: table.click(position=every_row),  # type: ignore[arg-type]
        page.get_by_text("3 answers selected"),
    )
    page.get_by_role("button", name="Accept 3").click()
    expect(page.get_by_text("Everything is reviewed")).to_be_visible()
    [original] = list_datasets(workspace)
    page.get_by_role("button", name="Make a new version with 5 reviewed photos").click()
    expect(page.get_by_text("is ready: 41 photos")).to_be_visible()
    wait_until(lambda: count_feedback(workspace)["used"] == 5, "all are in the dataset")
    changes = page.get_by_role("link", name="See the changes").get_attribute("href")
    assert changes is not None and changes.endswith(f"with={original.id}")
    page.goto(f"{server.address}/{changes}")
    expect(page.get_by_text("5 added since version 1")).to_be_visible()
