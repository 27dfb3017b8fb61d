"""The way a new user goes: sample → train → live curve → matrix cell → its photos → predict.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from core.runs.store import list_runs
from data.manifest import list_datasets, read_dataset
from tests.browser.conftest import PageServer, do_until, wait_for_url, wait_while_computing

pytestmark = pytest.mark.browser

MINUTES = 60_000
PAGES = ("", "dataset", "predict")
"""Of each kind one; tests/ui/test_pages.py opens them all, without a browser."""
FIRST = ("Overview", "Lesson", "Dataset", "Training", "Predict")
"""The menu until the first run is finished."""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path or "root")
def test_a_cold_deep_link_shows_the_frame(page: Page, server: PageServer, path: str) -> None:
    page.goto(f"{server.address}/{path}")
    expect(page.locator("h1")).to_be_visible()
    menu = page.get_by_test_id("stSidebarNavLink")
    expect(menu).to_have_text([re.compile(f"{name}$") for name in FIRST])
    for words in ("exception", "Page not found"):
        expect(page.get_by_text(words, exact=False)).to_have_count(0)
    # The first visitor of a server, too, whom Streamlit shows a sidebar of its own at first.
    sidebar = page.get_by_test_id("stSidebar").bounding_box()
    assert sidebar is not None and sidebar["width"] == 220


def test_an_old_address_leads_to_its_page_with_its_parameters(
    page: Page, server: PageServer
) -> None:
    page.goto(f"{server.address}/forecast?dataset=0123456789abcdef")
    wait_for_url(page, "/metrics?dataset=0123456789abcdef")
    expect(page.get_by_role("heading", name="Metrics")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)


@pytest.mark.slow
def test_the_sample_is_added_from_the_page(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/dataset")
    page.get_by_role("button", name="Add the sample").click()
    expect(page.get_by_text("1 file skipped")).to_be_visible(timeout=3 * MINUTES)
    assert len(list_datasets(server.workspace)) == 1


@pytest.mark.slow
def test_the_quick_start_trains_while_the_curve_grows(page: Page, server: PageServer) -> None:
    page.goto(server.address)
    quick = page.get_by_role("button", name="Train with the built-in weights")
    # The page is drawn again when it knows whether there is a network: then there are two.
    do_until(quick.click, page.get_by_role("heading", name=re.compile("Run 1")))
    # Reloading the browser loses nothing: the run is found again, and goes on.
    page.reload()
    expect(page.get_by_role("heading", name=re.compile("Run 1"))).to_be_visible()
    wait_while_computing(page.locator(".js-plotly-plot").first)
    expect(page.get_by_text("Validation accuracy").first).to_be_visible(timeout=2 * MINUTES)
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(15)
    run = list_runs(server.workspace)[0]
    assert run.state == "done"
    assert run.best_val_accuracy is not None and run.best_val_accuracy > 0.4


@pytest.mark.slow
def test_a_killed_page_server_loses_nothing(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/training")
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_count(
        1
    )  # while it is redrawn there are two
    second = page.get_by_role("heading", name=re.compile("Run 2"))

    def train_for_sixty_epochs() -> None:  # what is typed while the form is redrawn is lost
        page.get_by_role("spinbutton", name="Epochs").fill("60")
        page.get_by_role("spinbutton", name="Epochs").press("Enter")
        page.get_by_role("button", name="Train", exact=True).click()

    do_until(train_for_sixty_epochs, second)
    server.kill()
    server.start()
    page.goto(f"{server.address}/training")
    expect(second).to_be_visible()
    expect(page.get_by_text("Classify a photo")).to_be_visible(timeout=3 * MINUTES)
    assert [run.state for run in list_runs(server.workspace)] == ["done", "done"]


@pytest.mark.slow
def test_the_pairs_list_opens_photos_too(page: Page, server: PageServer) -> None:
    run = list_runs(server.workspace)[-1]
    page.goto(f"{server.address}/confusion?run={run.id}")
    table = page.get_by_role("region", name=re.compile("Pairs of classes"))
    expect(table).to_be_visible()
    opened = page.get_by_role("heading", name=re.compile("mistaken for"))
    tick = {"x": 17, "y": 55}  # of the first row
    do_until(lambda: table.click(position=tick), opened)
    wait_for_url(page, "true=")


@pytest.mark.slow
def test_the_first_visitor_of_a_fresh_server_gets_an_answer(page: Page, server: PageServer) -> None:
    server.kill()
    server.start()
    workspace = server.workspace
    dataset = read_dataset(workspace, list_datasets(workspace)[0].id)
    photo = dataset.thumbnail(0)
    page.goto(f"{server.address}/predict")
    expect(page.get_by_text("No photo yet")).to_be_visible()
    files = [{"name": "mine.webp", "mimeType": "image/webp", "buffer": photo}]
    page.locator("input[type=file]").set_input_files(files)
    expect(page.get_by_text("What the model sees")).to_be_visible()
    expect(page.get_by_text("Most similar training photos")).to_be_visible()
