"""The monitoring page in a real browser: from darker photos to the alarm, its end, and its rule."""

import pytest
from playwright.sync_api import Page, expect

from core.monitoring.alarms import list_alarms
from core.monitoring.rules import read_watch
from core.registry.store import ModelVersion
from core.workspace import Workspace
from tests.asking import ask
from tests.browser.conftest import PageServer, choose, wait_for_url
from tests.retraining import let_first_run_answer
from tests.training import copy_workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def champion(server: PageServer, trained_workspace: Workspace) -> ModelVersion:
    """The server's workspace has a champion that was asked about dark photos."""
    copy_workspace(trained_workspace, Workspace(server.workspace))
    workspace = Workspace(server.workspace)
    version = let_first_run_answer(workspace)
    ask(workspace, version, 60, darker=0.1)
    return version


def test_drift_is_said_shown_and_alarmed(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/monitoring")
    banner = page.get_by_text("Drift of the photos of v1, critical:")
    expect(banner).to_be_visible()
    expect(page.get_by_text("The photos are darker: brightness")).to_be_visible()
    expect(page.get_by_text("The photos that drive it")).to_be_visible()
    expect(page.get_by_text("darker (brightness").first).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    page.get_by_text("Where it shows").click()
    expect(page.get_by_text("Line: the reference.")).to_be_visible()


def test_version_and_time_live_in_the_link(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/monitoring?watch=all&period=7")
    expect(page.get_by_role("combobox", name="Answers of")).to_have_value("Answers of all models")
    choose(page, "1 day")
    wait_for_url(page, "period=1", "watch=all")
    page.reload()
    expect(page.get_by_role("radio", name="1 day")).to_be_checked()


def test_a_rule_is_changed_and_its_alarm_ends(page: Page, server: PageServer) -> None:
    workspace = Workspace(server.workspace)
    page.goto(f"{server.address}/monitoring")
    expect(page.get_by_text("Drift of the photos of v1, critical:")).to_be_visible()
    page.get_by_role("button", name="Change the rules").click()
    dialog = page.get_by_role("dialog")
    for level in ("warning", "critical"):
        field = dialog.get_by_role("spinbutton", name=f"Drift of the photos, {level} from")
        field.fill("")
        field.press("Tab")
    dialog.get_by_role("button", name="Keep the rules").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Drift of the photos of v1, critical:")).to_have_count(0)
    assert not read_watch(workspace).rule("properties").is_on
    assert read_watch(workspace).rule("features").is_on
    assert not list_alarms(workspace, standing=True)
