"""What a run looked at, in a real browser: in the panel of a photo, and beside an answer.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as TooSlow

from core.runs.result import read_result
from core.runs.store import list_runs
from tests.browser.conftest import PageServer, close_panel, do_until
from tests.builders import CLASSES, draw_photo, encode_photo
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("trained_server")]

PHOTO = 5
SWITCH = "Where a run looked"


def find_overlay(place: Page | Locator, name: str = "") -> Locator:
    return place.get_by_role("img", name=re.compile(f"bright where the evidence is for .*{name}"))


def pick(box: Locator, option: str, seen: Locator) -> None:
    """Pick an option until its effect is seen: while pictures come in, a click may miss the box.

    An option ends in its score; photos of a wall are options, too.
    """
    choice = box.page.get_by_role("option", name=re.compile(f"^{option} · ")).first

    def choose() -> None:
        for _ in range(8):
            box.click()
            with suppress(AssertionError):
                expect(choice).to_be_visible(timeout=2_000)
                break
        with suppress(TooSlow):
            choice.click(timeout=5_000)

    do_until(choose, seen)


def test_the_panel_shows_any_class(page: Page, server: PageServer) -> None:
    workspace = server.workspace
    run = list_runs(workspace)[0]
    result, dataset = read_result(workspace, run.id), run.recipe.dataset
    shown = {int(result.labels[PHOTO]), int(result.scores[PHOTO].argmax())}
    other = next(name for n, name in enumerate(result.classes) if n not in shown)
    page.goto(f"{server.address}/dataset?dataset={dataset}&view=photos&photo={PHOTO}")
    panel = page.get_by_role("dialog")
    overlays = find_overlay(panel)
    expect(panel.get_by_text(SWITCH)).to_be_visible()

    expect(overlays).to_have_count(0)
    switch = panel.get_by_role("switch", name=SWITCH)
    do_until(lambda: switch.is_checked() or panel.get_by_text(SWITCH).click(), overlays.first)
    drawn = find_overlay(panel, other).first
    pick(panel.get_by_role("combobox", name="Evidence for another class"), other, drawn)
    # The next photo is explained in the same way.
    close_panel(page)
    page.get_by_role("img", name=re.compile(r"\.jpg$")).first.click()
    expect(find_overlay(panel, other).first).to_be_visible()
    kept = workspace.maps_folder(dataset)
    wait_until(lambda: len(list(kept.rglob("*.map"))) >= 2, "the maps of both are kept")


def test_an_answer_is_compared_with_another_class(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/predict")
    photo = encode_photo(draw_photo(1, 99, (300, 260)))
    files = [{"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": photo}]
    page.locator("input[type=file]").set_input_files(files)
    expect(find_overlay(page)).to_have_count(1)
    box = page.get_by_role("combobox", name="Evidence for another class")
    said = find_overlay(page).get_attribute("alt") or ""
    other = next(name for name in CLASSES if name not in said)
    pick(box, other, find_overlay(page, other))
    expect(find_overlay(page)).to_have_count(2)
