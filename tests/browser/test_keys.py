"""Keys in a real browser whose server stops for moments and whose connection is cut.

A wrong label that nobody gave is the worst fault of a review: the tray holds each press once.
"""

import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Page

from core.datasets.edits.tray import list_edits
from core.runs.result import read_result
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.browser.conftest import PageServer, wait_for_keys
from tests.browser.test_mistakes import expect_place, list_expected
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("trained_server")]
BURSTS, PRESSES = 4, 7


class Line:
    """A line to the page server that loses its answers for a while, and then is cut."""

    def __init__(self, port: int) -> None:
        self.port, self.loses_answers, self._ends = port, False, list[socket.socket]()
        self._door = socket.create_server(("localhost", 0))
        self.address = f"http://localhost:{self._door.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        ends, self._ends, self.loses_answers = self._ends, [], False
        for end in ends:
            with suppress(OSError):  # it has ended by itself
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._door.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(("localhost", self.port))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with one, suppress(OSError):  # cut
            is_answer = one.getpeername()[1] == self.port
            while some := one.recv(65_536):
                if not (is_answer and self.loses_answers):
                    other.sendall(some)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def line(trained_server: PageServer) -> Iterator[Line]:
    opened = Line(trained_server.port)
    yield opened
    opened.close()


def read_edits(workspace: Workspace, dataset_id: str) -> list[tuple[str, str]]:
    return [(edit.path, edit.action) for edit in list_edits(workspace, dataset_id)]


def choose_key(draw: random.Random, place: int, photos: list[int], tray: list[int]) -> str:
    """Return a key whose effect is sure: x where the photo is not in the tray yet."""
    keys = ["ArrowLeft", "ArrowRight"]
    keys += ["x"] * 4 if photos[place] not in tray and place + 1 < len(photos) else []
    keys += ["u"] if tray else []
    return draw.choice(keys)


def test_each_press_acts_once(page: Page, server: PageServer, line: Line) -> None:
    workspace = server.workspace
    run = list_runs(workspace)[0].id
    result = read_result(workspace, run)
    photos = list_expected(result)
    page.goto(f"{line.address}/mistakes?run={run}&split=train&tab=least-sure&review={photos[0]}")
    wait_for_keys(page)
    draw, place, tray = random.Random(0), 0, list[int]()
    assert server.process is not None
    for burst in range(BURSTS):
        for number in range(PRESSES):
            key = choose_key(draw, place, photos, tray)
            line.loses_answers = number == PRESSES - 2 - burst % 5
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
            if line.loses_answers:
                page.wait_for_timeout(draw.uniform(0, 1_000))
                line.cut()
            page.wait_for_timeout(draw.uniform(0, 250))
        expected = [(str(result.paths[photo]), "exclude") for photo in tray]
        wait_until(
            lambda expected=expected: read_edits(workspace, result.dataset_id) == expected,
            f"the tray holds each press of burst {burst} once",
        )
        expect_place(page, place + 1, len(photos))
