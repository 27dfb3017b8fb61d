"""Keys in a real browser whose server stops for moments.

A wrong label that nobody gave is the worst fault of a review: the tray holds each press once.
"""

import os
import random
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from core.datasets.edits.tray import list_edits
from core.runs.result import read_result
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.browser.conftest import PageServer, wait_for_keys
from tests.processes import wait_until
from tests.training import copy_workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BURSTS, PRESSES = 4, 7


def read_place(page: Page) -> int:
    """Return the place on screen, from 1, once the page has answered all keys."""
    wait_for_keys(page)
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    page.wait_for_timeout(1_500)
    text = page.get_by_text(re.compile(r"^\d+ of \d+, ")).inner_text()
    return int(text.split()[0])


def read_edits(workspace: Workspace, dataset_id: str) -> list[tuple[str, str]]:
    return [(edit.path, edit.action) for edit in list_edits(workspace, dataset_id)]


def choose_key(draw: random.Random, place: int, photos: list[int], tray: list[int]) -> str:
    """Return a key whose effect is sure: x where the photo is not in the tray yet."""
    keys = ["ArrowLeft", "ArrowRight"]
    keys += ["x"] * 4 if photos[place] not in tray and place + 1 < len(photos) else []
    keys += ["u"] if tray else []
    return draw.choice(keys)


def test_each_press_acts_once_with_a_slow_server(
    page: Page, server: PageServer, trained_workspace: Workspace
) -> None:
    workspace = Workspace(server.workspace)
    copy_workspace(trained_workspace, workspace)
    run = list_runs(workspace)[0].id
    result = read_result(workspace, run)
    photos = sorted(
        result.photo_numbers("train").tolist(),
        key=lambda photo: (result.scores[photo].max(), result.paths[photo]),
    )
    page.goto(f"{server.address}/mistakes?run={run}&split=train&tab=least-sure&review={photos[0]}")
    wait_for_keys(page)
    draw, tray = random.Random(0), list[int]()
    assert server.process is not None
    for burst in range(BURSTS):
        place = read_place(page) - 1  # a person looks, then presses several keys
        for number in range(PRESSES):
            key = choose_key(draw, place, photos, tray)
            page.keyboard.press(key)
            if key == "x":
                tray.append(photos[place])
            place = {
                "x": place + 1,
                "u": photos.index(tray.pop()) if key == "u" else place,
                "ArrowLeft": max(place - 1, 0),
                "ArrowRight": min(place + 1, len(photos) - 1),
            }[key]
            if number == burst:
                os.kill(server.process.pid, signal.SIGSTOP)
                page.wait_for_timeout(draw.uniform(0, 700))
                os.kill(server.process.pid, signal.SIGCONT)
            page.wait_for_timeout(draw.uniform(0, 250))
        expected = [(str(result.paths[photo]), "exclude") for photo in tray]
        wait_until(
            lambda expected=expected: read_edits(workspace, result.dataset_id) == expected,
            f"the tray holds each press of burst {burst} once",
        )
