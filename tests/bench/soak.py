"""Memory and open files of the page server over many visits: whether they settle.

A visit does what a browser does: the page's files, a WebSocket session, the page run, its pictures
fetched, the page run again as a click would, and gone without a word.
"""

import re
import time
import urllib.request
from itertools import cycle, islice

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from core.workspace import PROJECT_ROOT, Workspace
from tests.bench.browser import serve_pages
from tests.bench.measuring import MEGABYTE, BenchmarkFailed, Figure, Report, say

_FILES = ("", "_stcore/health", "_stcore/host-config")
_PATIENCE_S = 60
_LET_GO_S = 130
"""After so long Streamlit lets a session go that its browser left, at the next visit."""


def measure(workspace: Workspace, *pages: str, visits: int = 1000, every: int = 50) -> Report:
    """Visit pages in turn, and weigh the page server every so many visits and some time after.

    Raises:
        BenchmarkFailed: A page ends with an error, or the server did not start.
    """
    known = sorted(path.stem for path in (PROJECT_ROOT / "pages").glob("*.py"))
    figures: list[Figure] = []
    with serve_pages(workspace) as (address, server):
        for number, page in enumerate(islice(cycle(pages or known), visits), 1):
            _visit(address, page)
            if number % every == 0:
                figures.append(_weigh(f"after {number} visits", server))
        say("Sessions end")
        time.sleep(_LET_GO_S)
        _visit(address, (pages or known)[0])
        figures.append(_weigh("when their sessions have ended", server))
    return Report("The page server over many visits", figures, {"workspace": workspace.root})


def _weigh(name: str, server: psutil.Process) -> Figure:
    files, threads = server.num_fds(), server.num_threads()
    figure = Figure(
        name,
        server.memory_info().rss / MEGABYTE,
        "MB",
        note=f"{files} open files, {threads} threads",
    )
    say(f"{name}: {figure.value:.0f} MB, {figure.note}")
    return figure


def _visit(address: str, page: str) -> None:
    for path in _FILES:
        _fetch(f"{address}/{path}")
    line = connect(
        f"{address.replace('http', 'ws', 1)}/_stcore/stream",
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
    )
    with line:
        for picture in sorted(_run(line, address, page)):
            _fetch(f"{address}{picture}")
        _run(line, address, page)


def _run(line: ClientConnection, address: str, page: str) -> set[str]:
    """Run the page and return the addresses of its pictures."""
    asked = BackMsg()
    asked.rerun_script.page_name = page
    asked.rerun_script.context_info.url = f"{address}/{page}"
    line.send(asked.SerializeToString())
    pictures: set[str] = set()
    while True:
        content = line.recv(timeout=_PATIENCE_S, decode=False)
        pictures |= {found.decode() for found in re.findall(rb"/media/\w+\.\w+", content)}
        message = ForwardMsg.FromString(content)
        if message.delta.new_element.WhichOneof("type") == "exception":
            raise BenchmarkFailed(f"The page {page} ends with an error.", "Read the server's log.")
        ended = message.WhichOneof("type") == "script_finished"
        if ended and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            return pictures


def _fetch(address: str) -> None:
    with urllib.request.urlopen(address, timeout=_PATIENCE_S) as answer:
        answer.read()
