"""The quality page in a real browser: look, decide, undo, analyse; nothing is lost by a reload.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.datasets.quality.store import read_quality
from data.importing import import_source
from data.manifest import list_datasets
from tests.browser.conftest import PageServer, wait_for_url, wait_while_computing
from tests.faults import write_faults
from tests.prepared import lend_sample

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MINUTES = 60_000


def choose(page: Page, title: str) -> None:
    """Clicks a finding in the row of findings and waits until it is shown."""
    page.get_by_role("radio", name=re.compile(f"^{title}")).click()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


def test_each_finding_is_one_click_away(page: Page, server: PageServer, tmp_path: Path) -> None:
    page.goto(f"{server.address}/quality")
    expect(page.get_by_text("No dataset yet")).to_be_visible()
    import_source(server.workspace, write_faults(tmp_path / "flowers"))
    page.reload()
    expect(page.get_by_role("heading", name="Exact duplicates")).to_be_visible(timeout=MINUTES)
    expect(page.get_by_role("button", name="Merge these copies")).to_have_count(1)
    choose(page, "Unreadable")
    expect(page.get_by_text("1 file skipped by the import")).to_be_visible()
    choose(page, "Dark")
    wait_for_url(page, "finding=dark")
    expect(page.get_by_text(re.compile("beyond the threshold")).first).to_be_visible()
    choose(page, "Class imbalance")
    expect(page.get_by_text(re.compile("times the photos|Each class has")).first).to_be_visible()


def test_the_name_of_a_photo_opens_its_panel(page: Page, server: PageServer) -> None:
    page.goto(f"{server.address}/quality?finding=exact")
    expect(page.get_by_role("button", name="Merge these copies")).to_have_count(1)
    page.get_by_role("button", name=re.compile(r"^(first|twin)\.jpg$")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    wait_for_url(page, "photo=")


def test_an_analysis_goes_on_while_the_page_is_reloaded(
    page: Page, server: PageServer, prepared: Path, tmp_path: Path
) -> None:
    workspace = server.workspace
    lend_sample(prepared, workspace, ["backbones"])
    page.goto(f"{server.address}/quality")
    expect(page.get_by_role("heading", name="Quality", level=1)).to_be_visible()
    if not list_datasets(workspace):  # the tests before are not slow, and are run apart
        import_source(workspace, write_faults(tmp_path / "flowers"))
    dataset = list_datasets(workspace)[0].id
    page.goto(f"{server.address}/quality?finding=suspect")
    page.get_by_role("button", name="Analyse with built-in weights").click()
    expect(page.get_by_text("Analysing").first).to_be_visible()
    page.reload()
    wait_while_computing(page.get_by_text("Analysed with the features"))
    expect(page.get_by_text("Built-in").first).to_be_visible()
    assert read_quality(workspace, dataset) is not None
