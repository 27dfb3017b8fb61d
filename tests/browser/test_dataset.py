"""The dataset page in a real browser: bars filter, areas of the map select, links reopen both."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from core.analysis.store import read_map, read_status, start_quality
from core.workspace import Workspace
from data.manifest import list_datasets
from tests.browser.conftest import PageServer
from tests.processes import end_processes, wait_until
from tests.training import copy_workspace

pytestmark = pytest.mark.browser

MINUTE = 60_000


@pytest.fixture(scope="module")
def server(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PageServer]:
    """A server over 36 photos of 3 classes with a run and a quality analysis."""
    workspace = Workspace(tmp_path_factory.mktemp("dataset") / "workspace")
    copy_workspace(trained_workspace, workspace)
    (dataset,) = list_datasets(workspace)
    job = start_quality(workspace, dataset.id, "random")
    wait_until(lambda: status_of(workspace, job) != "going", "the quality analysis is done")
    assert status_of(workspace, job) == "done"
    assert read_map(workspace, dataset.id, "pca") is not None
    started = PageServer(workspace.root)
    started.start()
    yield started
    started.kill()
    end_processes(workspace)


def status_of(workspace: Workspace, job: str) -> str:
    status = read_status(workspace, job)
    assert status is not None
    return status.state


def click_bar(page: Page, chart: Locator, share_x: float, share_y: float) -> None:
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + share_x * box["width"], box["y"] + share_y * box["height"])


def chart(page: Page, number: int) -> Locator:
    canvas = page.locator(".vega-embed canvas, .vega-embed svg").nth(number)
    expect(canvas).to_be_visible()
    page.wait_for_timeout(2000)  # it is drawn on a canvas, which has nothing to wait for
    return canvas


def test_a_click_on_a_count_shows_those_photos(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/dataset")
    expect(page.get_by_text("36 photos", exact=True)).to_be_visible()
    click_bar(page, chart(page, 0), 0.3, 0.6)  # the train part of the class in the middle
    expect(page.get_by_text("8 photos", exact=True)).to_be_visible()
    assert "in=train" in page.url and "class=rose" in page.url
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.get_by_text("36 photos", exact=True)).to_be_visible()
    assert "class=" not in page.url


def test_a_click_on_a_bar_filters_and_a_link_reopens_it(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/dataset")
    click_bar(page, chart(page, 3), 0.6, 0.5)
    chip = page.get_by_role("button", name=re.compile("Brightness"))
    expect(chip).to_be_visible()
    assert re.search(r"brightness=[\d.]*\.\.[\d.]*", page.url)
    page.goto(page.url)
    expect(chip).to_be_visible()
    chip.click()
    expect(page.get_by_text("36 photos", exact=True)).to_be_visible()
    expect(chip).to_have_count(0)


def test_class_text_and_sorting_are_typed(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/dataset")
    page.get_by_label("Name contains").fill("TULIP_00")
    page.get_by_label("Name contains").press("Enter")
    expect(page.get_by_text("10 photos", exact=True)).to_be_visible()
    assert "text=TULIP_00" in page.url
    sorting = page.get_by_role("combobox", name="Sort")
    options = page.get_by_test_id("stSelectboxVirtualDropdown")  # photos are options too
    for _ in range(4):  # a rerun that ends just now closes the list again
        page.wait_for_timeout(800)
        sorting.click()
        page.wait_for_timeout(800)
        if options.is_visible():
            break
    options.get_by_text("Brightest first").click()
    page.wait_for_url(re.compile("sort=brightest"))
    expect(page.get_by_text("10 photos", exact=True)).to_be_visible()


def test_a_box_on_the_map_selects_its_photos(page: Page, server: PageServer) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{server.address}/dataset?view=map")
    # The points are drawn by WebGL: without it Plotly says so in the plot.
    plot = page.locator(".js-plotly-plot .gl-canvas-focus, .js-plotly-plot canvas").first
    expect(plot).to_be_attached(timeout=MINUTE)
    expect(page.get_by_text("WebGL is not supported")).to_have_count(0)
    drag = page.locator(".js-plotly-plot .nsewdrag").first
    expect(drag).to_be_visible()
    page.wait_for_timeout(1000)
    box = drag.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3, steps=5)
    page.mouse.up()
    expect(page.get_by_role("heading", name="36 photos in the area")).to_be_visible()
    assert "area=" in page.url
    page.goto(page.url)
    expect(page.get_by_role("heading", name="36 photos in the area")).to_be_visible()
    page.get_by_role("button", name="Clear the area").click()
    expect(page.get_by_text("Draw a box or a lasso")).to_be_visible()
    assert not faults
