"""The page Monitoring in a real browser: from darker photos to the alarm."""

import pytest
from playwright.sync_api import Page, expect

from tests.asking import ask
from tests.browser.conftest import PageServer, choose, wait_for_url
from tests.retraining import let_first_run_answer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("trained_server")]


@pytest.fixture(scope="module", autouse=True)
def _champion(trained_server: PageServer) -> None:
    """The server's workspace has a champion that was asked about dark photos."""
    workspace = trained_server.workspace
    ask(workspace, let_first_run_answer(workspace), 60, darker=0.1)


def test_drift_is_said_shown_and_alarmed(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/monitoring")
    expect(page.get_by_text("Drift of the photos of v1:")).to_be_visible()
    expect(page.get_by_text("The photos are darker: median brightness")).to_be_visible()
    expect(page.get_by_text("Photos behind the change")).to_be_visible()
    expect(page.get_by_text("darker (brightness").first).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    page.get_by_text("Details").click()
    details = page.get_by_test_id("stExpander").filter(has_text="Details")
    expect(details.get_by_test_id("stDataFrame").first).to_be_visible()


def test_version_and_time_live_in_the_link(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/monitoring?watch=all&period=7")
    expect(page.get_by_role("combobox", name="Answers of")).to_have_value("All models")
    choose(page, "90 days")
    wait_for_url(page, "period=90", "watch=all")
    page.reload()
    expect(page.get_by_role("radio", name="90 days")).to_be_checked()
