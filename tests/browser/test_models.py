"""The page of the models in a real browser: register, promote with a reason, compare, go back.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from core.prediction.deciding import DecisionRule, save_rule
from core.registry.events import list_events
from core.registry.store import read_aliases
from core.runs.store import list_runs
from tests.browser.conftest import PageServer, wait_for_url

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("trained_server")]


def test_a_run_is_registered_and_becomes_the_first_champion(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/models")
    expect(page.get_by_role("heading", name="No version yet")).to_be_visible()
    page.get_by_role("textbox", name="Name", exact=True).fill("the <b>first</b>")
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_text("Registered as v1.")).to_be_visible()
    wait_for_url(page, "version=v1")
    expect(page.get_by_role("heading", name="v1 · the <b>first</b>")).to_be_visible()
    page.get_by_role("button", name="Promote v1 …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Promote v1").click()
    expect(dialog.get_by_text("A promotion needs a reason.")).to_be_visible()
    dialog.get_by_role("textbox", name="Reason").fill("to begin with")
    dialog.get_by_role("button", name="Promote v1").click()
    expect(page.get_by_text("v1 is the champion.")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("“to begin with”").first).to_be_visible()
    assert read_aliases(server.workspace) == {"champion": 1}


def test_a_challenger_without_a_gain_needs_an_override(page: Page, server: PageServer) -> None:
    workspace = server.workspace
    run = list_runs(workspace)[-1].id
    save_rule(workspace, run, DecisionRule(threshold=0.6, n=6))
    page.goto(f"{server.address}/models")
    page.get_by_role("button", name=re.compile("Register a run")).click()
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_text("Registered as v2.")).to_be_visible()
    page.get_by_role("button", name="Make it the challenger").click()
    expect(page.get_by_text("Not compared with v1 yet.")).to_be_visible()
    page.get_by_role("button", name="Compare and promote …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Compare on the test photos").click()
    expect(dialog.get_by_text("There is no significant gain.")).to_be_visible()
    expect(dialog.get_by_text("Both are right on the same photos.")).to_be_visible()
    dialog.get_by_role("textbox", name="Reason").fill("it says when it is not sure")
    dialog.get_by_role("button", name="Promote v2").click()
    expect(dialog.get_by_text("Keep v1, or override this and say why.")).to_be_visible()
    dialog.get_by_text("Promote without a significant gain").click()
    dialog.get_by_role("button", name="Promote v2").click()
    expect(page.get_by_text("v2 is the champion.")).to_be_visible()
    assert read_aliases(workspace) == {"champion": 2}
    event = list_events(workspace)[0]
    assert (event.reason, event.facts["override"]) == ("it says when it is not sure", True)
    assert event.facts["evidence"]["gained"] == 0
