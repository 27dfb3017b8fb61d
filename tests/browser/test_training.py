"""The page Training in a browser: strategies, a run that is paused and resumed.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from core.runs.queue.queue import submit_run
from core.runs.store import list_runs, read_run
from tests.browser.conftest import PageServer
from tests.training import change_recipe

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("forked_workers", "compared_server"),
]

MINUTES = 60_000


def test_a_duplicate_changed_is_another_run_that_can_be_paused(
    page: Page, server: PageServer
) -> None:
    workspace = server.workspace
    # One photo a step: long enough to be paused on any machine.
    slow, _ = submit_run(workspace, change_recipe(workspace, epochs=999, batch_size=1))
    page.goto(f"{server.address}/training?like={list_runs(workspace)[-1].id}&run={slow.id}")
    expect(page.get_by_text("Settings of Run 1")).to_be_visible()
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("5")
    expect(page.get_by_text(re.compile(r"Epoch \d+ of 999, "))).to_be_visible(timeout=4 * MINUTES)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused after")).to_be_visible(timeout=2 * MINUTES)
    paused = read_run(workspace, slow.id)
    assert 0 < paused.epochs_done < 999
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Stop after this epoch").click(timeout=4 * MINUTES)
    # A stopped run can be continued.
    expect(page.get_by_role("button", name="Continue")).to_be_visible(timeout=2 * MINUTES)
    stopped = read_run(workspace, slow.id)
    assert paused.epochs_done <= stopped.epochs_done < 999


def test_runs_are_laid_over_another_by_a_link(page: Page, server: PageServer) -> None:
    newest, *_, first = list_runs(server.workspace)
    page.goto(f"{server.address}/training?run={newest.id}&over={first.id}")
    expect(page.locator(".legendtext", has_text="Run 1").first).to_be_visible()
