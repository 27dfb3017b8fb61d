"""A class on the lesson: so many sessions move their control at once, over raw websockets.

A move is over when its script has ended; its first picture is the first chart that comes back. The
browsers' own work is not in it: thirty browsers would measure this machine, not the server.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from core.classroom import make_token, read_class, sign_in
from core.ui.visitor.visitor import COOKIE
from core.workspace import PROJECT_ROOT, Workspace
from tests.bench.browser import wait_until_healthy
from tests.bench.measuring import MEGABYTE, BenchmarkFailed, Figure, Report, list_percentiles, say
from tests.serving_process import find_port

SIZES = (1, 5, 15, 30)
_WITHIN_S = 1.0
"""A class that is asked to move does so within a second."""
_PATIENCE_S = 120
_ALL_UP_S = 5
"""The proxy looks every two seconds which servers are there."""
_ERROR = "The lesson ends with an error."


@dataclass
class Student:
    """A session: what is on its page, the page's control, how many seconds its moves took."""

    stream: ClientConnection
    query: str
    control: str = ""
    """Id of the widget."""
    fragment: str = ""
    script: str = ""
    options: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    async def open(self, page: str = "lesson") -> None:
        """Open a page, and see what is on it."""
        told = BackMsg()
        told.rerun_script.page_name = page
        await self._rerun(told)
        await self._listen(time.perf_counter())

    def check(self) -> None:
        """Refuse to measure a page without a control."""
        if not self.control:
            raise BenchmarkFailed(
                "The lesson shows no control: it is not prepared.",
                "Open the page Lesson on this dataset once, and wait until the step is drawn.",
            )

    async def move(self, option: str) -> None:
        """Move the control, and note how long the picture and the end took."""
        told = BackMsg()
        told.rerun_script.fragment_id = self.fragment
        state = told.rerun_script.widget_states.widgets.add()
        state.id, state.string_array_value.data[:] = self.control, [option]
        start = time.perf_counter()
        await self._rerun(told)
        picture, end = await self._listen(start)
        self.pictures.append(picture)
        self.ends.append(end)

    async def _rerun(self, told: BackMsg) -> None:
        told.rerun_script.query_string = self.query
        told.rerun_script.page_script_hash = self.script
        await self.stream.send(told.SerializeToString())

    async def _listen(self, start: float) -> tuple[float, float]:
        """Return when the first chart came and when the script ended, in seconds from the start."""
        picture = 0.0
        while True:
            async with asyncio.timeout(_PATIENCE_S):
                message = ForwardMsg.FromString(await self.stream.recv(decode=False))
            kind, now = message.WhichOneof("type"), time.perf_counter() - start
            if kind == "new_session":
                self.script = message.new_session.page_script_hash
            if kind == "delta":
                self._learn(message.delta)
                element = message.delta.new_element.WhichOneof("type")
                picture = picture or (now if element == "vega_lite_chart" else 0.0)
                if element == "exception":
                    raise BenchmarkFailed(_ERROR, "Open it in a browser.")
            early = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
            if kind == "script_finished" and not early:
                return picture or now, now

    def _learn(self, delta: Delta) -> None:
        element = delta.new_element
        if element.WhichOneof("type") == "heading":
            self.headings.append(element.heading.body)
        if element.WhichOneof("type") == "button":
            self.buttons.append(element.button.label)
        if element.WhichOneof("type") == "slider":
            slider = element.slider
            self.control, self.fragment = slider.id, delta.fragment_id
            self.options = list(slider.options)


def measure(workspace: Workspace, *, step: int = 4, moves: int = 6, servers: int = 1) -> Report:
    """Measure the milliseconds of a move with 1, 5, 15 and 30 sessions; each size has new servers.

    Args:
        step: Of the lesson; one whose control is a slider, on the newest dataset.
        moves: Of each session.
        servers: Page servers behind one address, as `class` opens them.

    Raises:
        BenchmarkFailed: The step is not prepared, or the page ends with an error.
    """
    figures: list[Figure] = []
    alone: list[float] = []
    for size in SIZES:
        say(f"{size} sessions")
        with open_class(workspace, servers) as (address, weigh):
            before = weigh()
            tokens = list_tokens(workspace, size)
            students = asyncio.run(_hold_class(address, tokens, step, moves))
            more = (weigh() - before) / size
        ends = [one for student in students for one in student.ends]
        alone = alone or ends
        pictures = [one for student in students for one in student.pictures]
        figures += list_percentiles(f"{size}: first picture", pictures)
        figures += list_percentiles(f"{size}: done", ends)
        times = np.percentile(ends, 95) / np.percentile(alone, 95)
        figures.append(Figure(f"{size}: done p95, against that of one", float(times), "×"))
        figures.append(Figure(f"{size}: memory for a session", more, "MB"))
    told = {"step": step, "moves of each": moves, "all move within": f"{_WITHIN_S:g} s"}
    return Report("A class on the lesson", figures, told | {"page servers": servers})


@contextmanager
def open_class(workspace: Workspace, servers: int) -> Iterator[tuple[str, Callable[[], float]]]:
    """Open a class on a free port: its address, and what tells the memory of its servers in MB."""
    port = find_port()
    options = ["--port", str(port), "--servers", str(servers)]
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "class", *options],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PETALSCOPE_WORKSPACE": str(workspace.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_healthy(f"http://localhost:{port}/_stcore/health", process)
        time.sleep(_ALL_UP_S if servers > 1 else 0)
        family = psutil.Process(process.pid).children()
        yield (
            f"http://localhost:{port}",
            lambda: sum(one.memory_info().rss for one in family) / MEGABYTE,
        )
    finally:
        process.terminate()
        process.wait(timeout=60)


def list_tokens(workspace: Workspace, size: int) -> list[str]:
    """Return what the browsers of so many students keep, who join the newest class."""
    newest = max(workspace.classes.iterdir(), key=lambda folder: folder.stat().st_mtime).name
    code = read_class(workspace, newest).code
    joined = [sign_in(workspace, newest, code, f"Student {number}") for number in range(size)]
    return [make_token(workspace, newest, student) for student in joined]


async def _hold_class(address: str, tokens: list[str], step: int, moves: int) -> list[Student]:
    stream, query = address.replace("http", "ws") + "/_stcore/stream", f"step={step}"
    cookies = [{"Cookie": f"{COOKIE}={token}"} for token in tokens]
    streams = [await connect(stream, max_size=None, additional_headers=one) for one in cookies]
    students = [Student(one, query) for one in streams]
    await students[0].open()  # what every page needs once is there
    await asyncio.gather(*(one.open() for one in students[1:]))
    for one in students:
        one.check()
    rng = random.Random(0)
    for _ in range(moves):
        await asyncio.gather(*(_move_soon(one, rng) for one in students))
    await asyncio.gather(*(one.close() for one in streams))
    return students


async def _move_soon(student: Student, rng: random.Random) -> None:
    wait, option = rng.uniform(0, _WITHIN_S), rng.choice(student.options)
    await asyncio.sleep(wait)
    await student.move(option)
