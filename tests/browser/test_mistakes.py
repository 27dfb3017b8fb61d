"""The mistakes page in a real browser: review by keyboard.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.datasets.edits.tray import list_edits
from core.runs.result import RunResult, read_result
from core.runs.store import list_runs
from tests.browser.conftest import PageServer, close_panel, wait_for_keys, wait_for_url
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("trained_server")]


@pytest.fixture(scope="module")
def result(trained_server: PageServer) -> RunResult:
    workspace = trained_server.workspace
    return read_result(workspace, list_runs(workspace)[0].id)


EXCLUDE = re.compile("^Exclude .*X$")
"""The button while its key is heard."""


@pytest.fixture
def link(trained_server: PageServer) -> str:
    run = list_runs(trained_server.workspace)[0].id
    return f"{trained_server.address}/mistakes?run={run}&split=train&tab=least-sure"


def list_expected(result: RunResult) -> list[int]:
    """Return the train photos, least sure first, by the plain definition."""
    photos = result.photo_numbers("train").tolist()
    return sorted(photos, key=lambda photo: (result.scores[photo].max(), result.paths[photo]))


def read_tray(server: PageServer, result: RunResult) -> list[tuple[str, str, str]]:
    edits = list_edits(server.workspace, result.dataset_id)
    return [(edit.path, edit.action, edit.value) for edit in edits]


def expect_place(page: Page, place: int, total: int) -> None:
    expect(page.get_by_text(re.compile(rf"^{place} of {total}, "))).to_be_visible()


def test_photos_are_reviewed_by_keyboard(
    page: Page, server: PageServer, result: RunResult, link: str
) -> None:
    order = list_expected(result)
    n = len(order)
    page.goto(link)
    page.get_by_role("button", name="One by one").click()
    expect_place(page, 1, n)
    wait_for_keys(page)
    page.keyboard.press("ArrowRight")
    expect_place(page, 2, n)
    page.keyboard.press("ArrowRight")
    expect_place(page, 3, n)
    page.keyboard.press("ArrowLeft")
    expect_place(page, 2, n)
    wait_for_url(page, f"review={order[1]}")

    page.keyboard.press("x")
    expect_place(page, 3, n)
    excluded = (str(result.paths[order[1]]), "exclude", "")
    assert read_tray(server, result) == [excluded]

    best = np.argsort(-result.scores[order[2]], kind="stable").tolist()
    digit = next(place for place, number in enumerate(best, 1) if number != result.labels[order[2]])
    page.keyboard.press(str(digit))
    expect_place(page, 4, n)
    relabelled = (str(result.paths[order[2]]), "relabel", result.classes[best[digit - 1]])
    assert read_tray(server, result) == [excluded, relabelled]
    expect(page.get_by_text("2 in the tray")).to_be_visible()

    page.keyboard.press("u")
    expect_place(page, 3, n)
    assert read_tray(server, result) == [excluded]
    wait_for_url(page, f"review={order[2]}")
    page.reload()
    expect_place(page, 3, n)
    expect(page.get_by_role("button", name=EXCLUDE)).to_be_visible()
    wait_for_keys(page)
    page.keyboard.press("g")
    expect(page.get_by_role("listbox")).to_be_visible()
    expect(page).not_to_have_url(re.compile("review="))


def test_keys_pressed_faster_than_the_page_answers_are_all_done(
    page: Page, server: PageServer, result: RunResult, link: str
) -> None:
    before, order = read_tray(server, result), list_expected(result)
    page.goto(f"{link}&review={order[5]}")
    wait_for_keys(page)
    for key in ("x", "x", "x", "ArrowRight", "x", "u", "ArrowLeft", "x"):
        page.keyboard.press(key)
        page.wait_for_timeout(100)
    done = [(str(result.paths[order[place]]), "exclude", "") for place in (5, 6, 7, 8)]
    wait_until(lambda: read_tray(server, result) == before + done, "all keys are done")
    expect_place(page, 10, len(order))


def test_what_the_model_looked_at_and_learnt_from_is_shown(
    page: Page, server: PageServer, result: RunResult, link: str
) -> None:
    photo = list_expected(result)[4]
    before = read_tray(server, result)
    page.goto(f"{link}&review={photo}")
    expect(page.get_by_text("What the model sees")).to_be_visible()
    expect(page.get_by_text("Nearest training photos of").first).to_be_visible()
    # While the panel of a photo is open the keys do nothing to the one under review.
    page.locator(".petal-photo").first.click()
    expect(page.get_by_role("dialog").get_by_role("heading").first).to_be_visible()
    wait_for_url(page, "photo=")
    expect(page.get_by_role("button", name=EXCLUDE)).to_have_count(0)
    page.keyboard.press("x")
    page.keyboard.press("1")
    close_panel(page)
    expect(page).not_to_have_url(re.compile("photo="))
    expect_place(page, 5, len(list_expected(result)))
    assert read_tray(server, result) == before
