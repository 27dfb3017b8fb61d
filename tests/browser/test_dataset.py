"""The dataset page in a real browser: bars filter, areas of the map select, links reopen both."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from core.datasets.quality.store import read_map, request_analysis
from core.runs.jobs import read_job
from core.workspace import Workspace
from data.manifest import list_datasets
from tests.browser.conftest import PageServer, do_until, wait_for_url
from tests.processes import wait_until
from tests.training import copy_workspace

pytestmark = pytest.mark.browser

MINUTE = 60_000


@pytest.fixture(scope="module")
def server_workspace(server_workspace: Workspace, trained_workspace: Workspace) -> Workspace:
    """36 photos of 3 classes with a run and a quality analysis."""
    workspace = server_workspace
    copy_workspace(trained_workspace, workspace)
    (dataset,) = list_datasets(workspace)
    job = request_analysis(workspace, dataset.id, "random")
    wait_until(lambda: status_of(workspace, job) != "running", "the quality analysis is done")
    assert status_of(workspace, job) == "done"
    assert read_map(workspace, dataset.id, "pca") is not None
    return workspace


def status_of(workspace: Workspace, job: str) -> str:
    status = read_job(workspace.analysis_folder(job))
    assert status is not None
    return status.state


def click_bar(page: Page, chart: Locator, share_x: float, share_y: float) -> None:
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + share_x * box["width"], box["y"] + share_y * box["height"])


def drag_box(page: Page, plot: Locator) -> None:
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3, steps=5)
    page.mouse.up()


def point_at_photo(page: Page) -> None:
    """Move the pointer over the first point of the map."""
    page.locator(".js-plotly-plot").evaluate("plot => plot.scrollIntoView({ block: 'end' })")
    x, y = page.evaluate(
        """() => {
          const plot = document.querySelector(".js-plotly-plot");
          const { xaxis, yaxis } = plot._fullLayout;
          const { left, top } = plot.getBoundingClientRect();
          const { x, y } = plot._fullData[0];
          return [left + xaxis._offset + xaxis.d2p(x[0]), top + yaxis._offset + yaxis.d2p(y[0])];
        }"""
    )
    page.mouse.move(x - 40, y - 40)
    page.mouse.move(x, y, steps=4)


def chart(page: Page, number: int) -> Locator:
    canvas = page.locator(".vega-embed canvas, .vega-embed svg").nth(number)
    expect(canvas).to_be_visible()
    page.wait_for_timeout(2000)  # it is drawn on a canvas, which has nothing to wait for
    return canvas


def test_a_click_on_a_count_shows_those_photos(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/dataset")
    expect(page.get_by_text("36 photos", exact=True)).to_be_visible()
    bars = chart(page, 0)
    # The train part of the class in the middle.
    shown = page.get_by_text("8 photos", exact=True)
    do_until(lambda: click_bar(page, bars, 0.3, 0.6), shown)
    wait_for_url(page, "in=train", "class=rose")
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.get_by_text("36 photos", exact=True)).to_be_visible()
    expect(page).not_to_have_url(re.compile("class="))


def test_a_click_on_a_bar_filters_and_a_link_reopens_it(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/dataset")
    chip = page.get_by_role("button", name=re.compile("Brightness"))
    bars = chart(page, 3)
    do_until(lambda: click_bar(page, bars, 0.6, 0.5), chip)
    expect(page).to_have_url(re.compile(r"brightness=[\d.]*\.\.[\d.]*"))
    page.goto(page.url)
    expect(chip).to_be_visible()
    chip.click()
    expect(page.get_by_text("36 photos", exact=True)).to_be_visible()
    expect(chip).to_have_count(0)


@pytest.mark.slow
def test_class_text_and_sorting_are_typed(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/dataset")
    page.get_by_role("textbox", name="Query").fill("path contains TULIP_00")
    page.get_by_role("textbox", name="Query").press("Enter")
    expect(page.get_by_text("10 photos", exact=True)).to_be_visible()
    wait_for_url(page, "q=path+contains+TULIP_00")
    sorting = page.get_by_role("combobox", name="Sort")
    options = page.get_by_test_id("stSelectboxVirtualDropdown")  # photos are options too
    # A rerun that ends just now closes the list again.
    do_until(sorting.click, options.get_by_text("Brightest first"))
    options.get_by_text("Brightest first").click()
    wait_for_url(page, "sort=brightest")
    expect(page.get_by_text("10 photos", exact=True)).to_be_visible()


@pytest.mark.slow
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
    picture = page.locator(".petal-hover.petal-shown img")
    do_until(lambda: point_at_photo(page), picture)
    assert picture.evaluate("image => image.naturalWidth") > 0
    found = page.get_by_role("heading", name="36 photos in the area")
    do_until(lambda: drag_box(page, drag), found)
    wait_for_url(page, "area=")
    page.goto(page.url)
    expect(page.get_by_role("heading", name="36 photos in the area")).to_be_visible()
    page.get_by_role("button", name="Clear the area").click()
    expect(page.get_by_text("Draw a box or a lasso")).to_be_visible()
    assert not faults
