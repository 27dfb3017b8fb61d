"""The confusion page in a real browser: by mouse, by keys, on a phone, and as files.

The tests of this file share one server and one workspace, and change nothing in it.
"""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.charts.matrix_cells import Look, describe_matrix
from core.runs.store import list_runs
from core.ui.confusion.grid import SCRIPTS, pack_grid
from tests.browser.conftest import ROOT, PageServer, do_until, wait_for_url

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("compared_server")]

MATRIX = re.compile("Confusion matrix, rows true")


@pytest.fixture(scope="module")
def link(compared_server: PageServer) -> str:
    """The address of the page, with a run that hardly learnt: its train photos are confused."""
    run = list_runs(compared_server.workspace)[0]
    return f"{compared_server.address}/confusion?run={run.id}&split=train"


def find_grid(page: Page) -> Locator:
    grid = page.get_by_role("application", name=MATRIX)
    expect(grid).to_be_visible()
    expect(page.locator(".petal-grid-down .petal-grid-name")).to_have_count(3)
    return grid


def center(page: Page, row: int, column: int) -> tuple[float, float]:
    """Return the place on screen of a cell of the three classes."""
    box = page.locator(".petal-grid canvas").bounding_box()
    assert box is not None
    return box["x"] + (column + 0.5) * box["width"] / 3, box["y"] + (row + 0.5) * box["height"] / 3


def test_a_click_on_a_cell_a_row_or_a_column_opens_its_photos(page: Page, link: str) -> None:
    page.goto(link)
    find_grid(page)
    opened = page.get_by_role("heading", name="daisy recognised as daisy")
    page.locator(".petal-grid canvas").scroll_into_view_if_needed()
    do_until(lambda: page.mouse.click(*center(page, 0, 0)), opened)
    wait_for_url(page, "true=daisy", "predicted=daisy")
    name = page.get_by_role("button", name="true rose", exact=True)
    do_until(name.click, page.get_by_role("heading", name="All photos of rose"))
    expect(page).not_to_have_url(re.compile("predicted="))
    name = page.get_by_role("button", name="predicted tulip", exact=True)
    do_until(name.click, page.get_by_role("heading", name="All photos predicted as tulip"))
    expect(page).not_to_have_url(re.compile("true="))
    page.reload()
    expect(page.get_by_role("heading", name="All photos predicted as tulip")).to_be_visible()


def test_keys_walk_the_grid_and_open_photos(page: Page, link: str) -> None:
    page.goto(link)
    grid = find_grid(page)
    grid.focus()
    said = page.locator(".petal-grid-said")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(said).to_contain_text("true rose, predicted rose")
    page.keyboard.press("n")
    expect(said).to_contain_text(re.compile(r"true (\w+), predicted (?!\1)\w+: \d+ photo"))
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")  # one step before the first cell lies the name of the row
    expect(said).to_contain_text("All photos of")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("All photos of"))).to_be_visible()
    wait_for_url(page, "true=")
    expect(grid).to_be_focused()  # the page was drawn anew around it


def test_cells_that_are_drawn_over_are_shown_alone(page: Page, link: str) -> None:
    page.goto(link)
    find_grid(page)
    page.locator(".petal-grid canvas").scroll_into_view_if_needed()

    def draw_over() -> None:
        page.mouse.move(*center(page, 0, 0))
        page.mouse.down()
        page.mouse.move(*center(page, 1, 1), steps=4)
        page.mouse.up()

    do_until(draw_over, page.get_by_text("2 rows × 2 columns of 3 classes"))
    wait_for_url(page, "zoom=0-1_0-1")
    expect(page.locator(".petal-grid-down .petal-grid-name")).to_have_count(2)
    page.get_by_role("button", name="Zoom out").click()
    expect(page.locator(".petal-grid-down .petal-grid-name")).to_have_count(3)
    # The same by keys.
    page.get_by_role("application", name=MATRIX).focus()
    for key in ("Home", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("1 rows × 2 columns of 3 classes")).to_be_visible()


def test_files_hold_the_matrix(page: Page, link: str, tmp_path: Path) -> None:
    page.goto(link)
    find_grid(page)
    page.get_by_role("button", name="Export").click()
    saved = {}
    for label in ("Picture (PNG)", "Picture (SVG)", "Numbers (CSV)"):
        with page.expect_download(timeout=60_000) as download:
            page.get_by_role("button", name=label).click()
        saved[label] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[label])
    assert saved["Picture (PNG)"].read_bytes().startswith(b"\x89PNG")
    assert "tulip" in saved["Picture (SVG)"].read_text(encoding="utf-8")
    with saved["Numbers (CSV)"].open(encoding="utf-8", newline="") as file:
        square = list(csv.reader(file))
    assert [row[0] for row in square[1:]] == square[0][1:] == ["daisy", "rose", "tulip"]


def test_on_a_phone_the_list_comes_before_the_matrix(chromium: Browser, link: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(link, timeout=60_000)
    grid = find_grid(page)
    pairs = page.get_by_text("Most confused pairs")
    expect(pairs).to_be_visible()
    above, below = pairs.bounding_box(), grid.bounding_box()
    assert above is not None and below is not None
    assert above["y"] < below["y"]
    assert below["x"] + below["width"] <= 390
    context.close()


def test_a_matrix_of_102_classes_scrolls_to_its_last_row(page: Page) -> None:
    k, room = 102, ROOT / "core" / "ui" / "confusion"
    look = Look(rows=np.arange(k), columns=np.arange(k))
    names = [f"class {number} of many" for number in range(k)]
    data = json.dumps(pack_grid(describe_matrix(np.eye(k, dtype=np.int64), names, look)))
    drawn = "".join((room / name).read_text(encoding="utf-8") for name in SCRIPTS)
    drawn = drawn.replace("export default", "const show =")
    style = (room / "grid.css").read_text(encoding="utf-8")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.set_content(
        f"<style>* {{ scrollbar-width: thin; scrollbar-color: transparent transparent }} {style}"
        "</style><main style='width: 800px'></main><script type=module>"
        f"{drawn}; show({{parentElement: document.querySelector('main'), data: {data}}});</script>"
    )
    field, canvas = page.locator(".petal-grid-field"), page.locator(".petal-grid canvas")
    expect(canvas).to_be_visible()
    assert canvas.bounding_box()["width"] >= 10 * k
    # The bar has room of its own and a colour, whatever the page says of bars.
    assert field.evaluate("field => getComputedStyle(field).scrollbarColor") == "auto"
    field.evaluate("field => field.scrollTo(1e6, 1e6)")
    inside = "field => field.getBoundingClientRect().top + field.clientHeight"
    last = page.locator(".petal-grid-down .petal-grid-name").last.bounding_box()
    assert last["y"] + last["height"] <= field.evaluate(inside) + 1
