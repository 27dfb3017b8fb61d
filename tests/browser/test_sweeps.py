"""Sweeps in a browser: start, watch, make a run of the best.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from core.runs.store import list_runs, list_studies
from core.runs.training.study import read_trials
from tests.browser.conftest import PageServer, wait_for_url
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("forked_workers", "trained_server")]

MINUTES = 60_000


def open_training(page: Page, server: PageServer) -> None:
    """Open the page with the settings of the finished run, whose weights are random."""
    run = list_runs(server.workspace)[-1]
    page.goto(f"{server.address}/training?like={run.id}")
    page.get_by_text("More: sweeps").click()
    start = page.get_by_role("button", name="Start the sweep")
    expect(start).to_be_enabled(timeout=4 * MINUTES)


@pytest.mark.slow
def test_a_sweep_shows_its_trials_and_survives_a_reload(page: Page, server: PageServer) -> None:
    workspace = server.workspace
    open_training(page, server)
    page.get_by_label("Trials", exact=True).fill("6")
    page.get_by_label("Trials", exact=True).press("Enter")
    expect(page.get_by_text("The first trial is the recipe above")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()
    expect(page.get_by_text("Best validation accuracy")).to_be_visible(timeout=4 * MINUTES)
    wait_for_url(page, "sweep=")
    page.reload()
    expect(page.get_by_text("Best validation accuracy")).to_be_visible(timeout=4 * MINUTES)
    train = page.get_by_role("button", name=re.compile("^Train the best trial"))
    expect(train).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Best trial: 95 %"))).to_be_visible()
    (sweep,) = list_studies(workspace)
    wait_until(lambda: len(read_trials(workspace.run_folder(sweep.id))) == 6, "six trials are made")
    expect(page.get_by_text("Settings of each trial").first).to_be_visible()
