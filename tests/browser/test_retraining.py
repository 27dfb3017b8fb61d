"""From reviewed photos to a compared challenger in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core.registry.store import read_aliases
from core.workspace import Workspace
from tests.browser.conftest import PageServer, do_until
from tests.retraining import draw_new_photos, let_first_run_answer, review_photos
from tests.training import copy_workspace

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("forked_workers"),
]

_TRAINED_MS = 240_000


@pytest.fixture(scope="module")
def server_workspace(
    server_workspace: Workspace, trained_workspace: Workspace
) -> Iterator[Workspace]:
    """A workspace with a champion and 3 reviewed photos; the settings point to it."""
    copy_workspace(trained_workspace, server_workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(server_workspace.root))
        champion = let_first_run_answer(server_workspace)
        review_photos(server_workspace, champion, draw_new_photos(3))
        yield server_workspace


def test_one_click_trains_a_challenger_that_meets_the_champion(
    page: Page, server: PageServer, server_workspace: Workspace
) -> None:
    page.goto(f"{server.address}/monitoring?tab=review")
    retrain = page.get_by_role("button", name="Retrain now")
    expect(retrain).to_be_enabled()
    # On a busy machine the run may be over before the page is drawn again.
    ended = page.get_by_text("v2 challenges v1")
    do_until(retrain.click, page.get_by_text("Watch the training").or_(ended).first)
    expect(ended).to_be_visible(timeout=_TRAINED_MS)
    expect(page.get_by_text(re.compile(r"95 % interval .* lost, p"))).to_be_visible()
    expect(page.get_by_text("Watch the training")).to_have_count(0)
    assert read_aliases(server_workspace) == {"champion": 1, "challenger": 2}
