"""How long each page takes until it can be used, from the real server.

"Open" is a new tab on the page's address, "rerun" is what every click costs. Without Playwright the
scripts alone are timed, by Streamlit's AppTest in this process, and the report says so.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import psutil

from core.bench.browser import start_browser, time_open, time_reruns
from core.bench.measuring import MEGABYTE, Figure, Report, describe_machine, percentile_ms
from core.errors import BenchmarkFailed
from core.runs.locks import is_locked
from core.workspace import PROJECT_ROOT, Workspace

OnPage = Callable[[int, int], None]

_OPENS = 3
_START_TIMEOUT_S = 60


def measure_pages(
    workspace: Workspace, pages: Sequence[str] = (), *, repeats: int, on_page: OnPage
) -> Report:
    """Returns the milliseconds that each page takes to open and to run again.

    Args:
        workspace: What the pages show.
        pages: Their names; none: all.
        repeats: Of each rerun.
        on_page: Told how many pages are done, of how many.

    Raises:
        BenchmarkFailed: There is no such page, the server did not start, or there is no Chromium.
    """
    machine, pages = describe_machine(), _choose_pages(pages)
    in_browser = find_spec("playwright") is not None
    measure = _measure_in_browser if in_browser else _measure_scripts
    way = "headless Chromium" if in_browser else "AppTest: scripts only (pip install playwright)"
    return Report(
        title="Pages: time until they can be used",
        figures=measure(workspace, pages, repeats, on_page),
        circumstances={
            **machine,
            "driven by": way,
            "reruns of each page": repeats,
            "workspace": workspace.root,
        },
    )


def _choose_pages(wanted: Sequence[str]) -> list[str]:
    there = sorted(path.stem for path in (PROJECT_ROOT / "pages").glob("*.py"))
    if unknown := set(wanted) - set(there):
        raise BenchmarkFailed(
            f"There is no page {', '.join(sorted(unknown))}.", f"There are: {', '.join(there)}."
        )
    return list(wanted) or there


def _measure_in_browser(
    workspace: Workspace, pages: list[str], repeats: int, on_page: OnPage
) -> list[Figure]:
    figures = []
    with serve_pages(workspace) as (address, server), start_browser() as browser:
        for number, name in enumerate(pages):
            on_page(number, len(pages))
            first, *later = [time_open(browser, f"{address}/{name}") for _ in range(_OPENS + 1)]
            reruns = time_reruns(browser, f"{address}/{name}", repeats)
            figures += [
                Figure(name=f"{name}: first open", value=first * 1000, unit="ms"),
                Figure(name=f"{name}: open p50", value=percentile_ms(later, 50), unit="ms"),
                *_rerun_figures(name, reruns),
            ]
        on_page(len(pages), len(pages))
        memory = server.memory_info().rss / MEGABYTE
    return [*figures, Figure(name="memory of the page server", value=memory, unit="MB")]


def _measure_scripts(
    _workspace: Workspace, pages: list[str], repeats: int, on_page: OnPage
) -> list[Figure]:
    from streamlit.testing.v1 import AppTest

    figures = []
    for number, name in enumerate(pages):
        on_page(number, len(pages))
        page = AppTest.from_file(str(PROJECT_ROOT / "pages" / f"{name}.py"), default_timeout=60)
        seconds = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            page.run()
            seconds.append(time.perf_counter() - start)
        figures += _rerun_figures(name, seconds[1:])
    on_page(len(pages), len(pages))
    memory = psutil.Process().memory_info().rss / MEGABYTE
    return [*figures, Figure(name="memory of this process", value=memory, unit="MB")]


def _rerun_figures(name: str, seconds: list[float]) -> list[Figure]:
    return [
        Figure(name=f"{name}: rerun p{percent}", value=percentile_ms(seconds, percent), unit="ms")
        for percent in (50, 95)
    ]


@contextmanager
def serve_pages(workspace: Workspace) -> Iterator[tuple[str, psutil.Process]]:
    """Yields the address and the process of a page server on a free port; ends it afterwards."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    had_scheduler = is_locked(workspace.scheduler_lock)
    options = ["--server.port", str(port), "--server.headless", "true"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *options],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PETALSCOPE_WORKSPACE": str(workspace.root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_healthy(f"http://localhost:{port}/_stcore/health", process)
        yield f"http://localhost:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)
        if not had_scheduler:
            _end_scheduler(workspace)


def _end_scheduler(workspace: Workspace) -> None:
    """Ends the scheduler that the pages started; a run that is going is not touched by that."""
    with suppress(FileNotFoundError, ProcessLookupError):
        facts = json.loads(workspace.scheduler_pid.read_text(encoding="utf-8"))
        os.kill(facts["pid"], signal.SIGTERM)


def _wait_until_healthy(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    raise BenchmarkFailed(
        "The page server did not start.", "See why: streamlit run streamlit_app.py"
    )
