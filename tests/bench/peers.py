"""Seconds and memory that a person waits for, each beside a peer's in the same run.

The photos of ../shared, or the built-in sample, are imported into a workspace that is thrown away.
A part that fails is a line of the report and ends nothing else. LightlyStudio is installed into an
environment of its own, below the folder of temporary files, which the next run uses again.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from playwright.sync_api import Browser, ViewportSize

from core.runs.database import close_databases
from core.runs.queue.starting import ensure_scheduler, python_environment, touch_wake
from core.runs.run_files import list_run_folders, read_events
from core.workspace import PROJECT_ROOT, Workspace
from data.sources.published import SAMPLE_FILE
from models.weights import WeightsKind
from tests.bench import extract, page, train
from tests.bench.browser import browse, wait_until_healthy
from tests.bench.measuring import (
    MEGABYTE,
    BenchmarkFailed,
    Figure,
    Report,
    attempt,
    compare,
    say,
    time_call,
)
from tests.processes import end_processes, find_processes
from tests.serving_process import find_port

_SHARED = PROJECT_ROOT.parent / "shared/data/flower_photos.tgz"
_STUDIO = "LightlyStudio"
_ENVIRONMENT = Path(tempfile.gettempdir()) / "peers-lightly-studio"
_STUDIO_SCRIPT = """
import sys
import lightly_studio as studio
folder, database, port = sys.argv[1:]
studio.db_manager.connect(db_file=database)
studio.ImageDataset.create().add_images_from_path(path=folder, embed=False)
print("imported", flush=True)
studio.start_gui(host="127.0.0.1", port=int(port), open_browser=False)
"""
# The logo of LightlyStudio counts as one of its twelve.
_TWELVE_VISIBLE = """() => [...document.images].filter((image) => {
  const place = image.getBoundingClientRect();
  const isInside = place.top < innerHeight && place.bottom > 0 && place.width > 40;
  return isInside && image.complete && image.naturalWidth > 0;
}).length >= 12"""
_WINDOW = ViewportSize(width=1280, height=1600)
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class _Studio:
    """A running LightlyStudio."""

    address: str
    seconds: float
    """From the start of its process until the photos were imported, without embeddings."""
    process: psutil.Process

    def weigh(self) -> float:
        """Return the resident megabytes of the server and its children."""
        family = [self.process, *self.process.children(recursive=True)]
        return float(sum(one.memory_info().rss for one in family) / MEGABYTE)


@dataclass
class _Bench:
    """What the parts share: each thing is made by the first part that needs it."""

    photos: Path
    """Folders of classes."""
    scratch: Workspace
    weights: WeightsKind
    rounds: int
    reruns: int
    memory: Figure | None = None
    """Of the page server, after all pages."""

    def call_program(self, *arguments: str) -> float:
        """Return the seconds of a command, from the start of its process to its end."""
        start = time.perf_counter()
        done = _call(sys.executable, "-m", "core", *arguments, env=python_environment(self.scratch))
        seconds = time.perf_counter() - start
        if done.returncode:
            raise BenchmarkFailed(f"{' '.join(arguments)}: {done.stderr[-300:]}", "Run it alone.")
        return seconds

    def train(self, seed: int) -> float:
        """Return the seconds of the command that trains a head."""
        return self.call_program("train", "latest", "--weights", self.weights, f"--seed={seed}")

    @cached_property
    def import_s(self) -> float:
        """Seconds of the import that the workspace has."""
        return self.call_program("import", str(self.photos))

    @cached_property
    def first_run(self) -> tuple[float, float]:
        """Seconds of the first run, and of the extraction in it."""
        _ = self.import_s
        seconds = self.train(0)
        (folder,) = list_run_folders(self.scratch)
        events = [event for event in read_events(folder)[0] if event["event"] in ("phase", "end")]
        extraction = sum(
            after["time"] - event["time"]
            for event, after in pairwise(events)
            if event.get("phase") == "extracting"
        )
        return seconds, extraction

    @cached_property
    def trained(self) -> Workspace:
        """The workspace with a dataset and a run."""
        _ = self.first_run
        return self.scratch

    @cached_property
    def why_no_studio(self) -> str:
        """Why LightlyStudio cannot be installed; "": it is."""
        if (_ENVIRONMENT / "done").exists():
            return ""
        say(f"Installing {_STUDIO}, once: some minutes")
        python = str(_ENVIRONMENT / "bin/python")
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT)],
            [python, "-m", "pip", "install", "--quiet", "--retries", "1", "lightly-studio"],
        ):
            done = _call(*command)
            if done.returncode:
                return f"cannot be installed: {(done.stderr or done.stdout)[-200:]}"
        (_ENVIRONMENT / "done").touch()
        return ""

    @contextmanager
    def open_studio(self) -> Iterator[_Studio]:
        """Let LightlyStudio import the photos and serve its page until the block ends."""
        if self.why_no_studio:
            raise BenchmarkFailed(self.why_no_studio, "The package index must be reachable.")
        with tempfile.TemporaryDirectory() as folder:
            port, start = find_port(), time.perf_counter()
            given = [str(self.photos), f"{folder}/studio.db", str(port)]
            process = subprocess.Popen(
                [str(_ENVIRONMENT / "bin/python"), "-c", _STUDIO_SCRIPT, *given],
                cwd=folder,
                env=os.environ | {"LIGHTLY_STUDIO_ANALYTICS_ENABLED": "false"},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    if line == b"imported\n":
                        break
                seconds, address = time.perf_counter() - start, f"http://127.0.0.1:{port}"
                wait_until_healthy(address, process)
                yield _Studio(address, seconds, psutil.Process(process.pid))
            finally:
                process.kill()
                process.communicate()

    def time_studio(self) -> float:
        """Return the seconds in which LightlyStudio starts and imports the photos."""
        with self.open_studio() as studio:
            return studio.seconds


def _call(*command: str, **given: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, **given)


def measure(
    workspace: Workspace,
    photos: str = "",
    *,
    only: str = "",
    rounds: int = 3,
    reruns: int = 10,
    weights: WeightsKind = "random",
) -> Report:
    """Measure the parts; nothing of it is kept.

    Args:
        workspace: Below it the other one is made.
        photos: An archive with folders of classes; "": flower_photos of ../shared, or the sample.
        only: Names of parts, with commas; "": all of them.
        rounds: Of tabs and heads; where two are compared, in turns.
        reruns: Of each page.
        weights: Of the backbone; random ones are as fast.

    Raises:
        BenchmarkFailed: There is no such part.
    """
    archive = Path(photos) if photos else _SHARED if _SHARED.exists() else SAMPLE_FILE
    chosen = only.split(",") if only else list(_PARTS)
    if unknown := sorted(set(chosen) - set(_PARTS)):
        raise BenchmarkFailed(
            f"There is no part {', '.join(unknown)}.", f"There are: {', '.join(_PARTS)}."
        )
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(dir=workspace.temporary) as folder:
        scratch, unpacked = Workspace(Path(folder) / "workspace"), Path(folder) / "photos"
        shutil.unpack_archive(archive, unpacked)
        bench = _Bench(unpacked, scratch, weights, rounds, reruns)
        try:
            for name in chosen:
                figures += attempt(name, partial(_PARTS[name], bench))
        finally:
            end_processes(scratch)
            close_databases()
    facts = {"photos": archive.name, "rounds": rounds, "reruns of each page": reruns}
    return Report("Seconds and memory beside peers", figures, facts)


def _measure_import(bench: _Bench) -> list[Figure]:
    """Time both imports, the peer's before and after ours, each with the start of its process."""
    name = "import of all photos"
    try:
        before, ours, after = bench.time_studio(), bench.import_s, bench.time_studio()
    except BenchmarkFailed as error:
        return [Figure(name, bench.import_s, "s", note=f"{_STUDIO}: {error.problem}")]
    whose = f"{_STUDIO}, which neither hashes nor packs"
    return [compare(name, ours, (before + after) / 2, whose, "s")]


def _measure_first_run(bench: _Bench) -> list[Figure]:
    seconds, extraction = bench.first_run
    note = f"whole: {seconds:.1f} s, extraction: {extraction:.1f} s"
    return [Figure("train: first run beyond its extraction", seconds - extraction, "s", note=note)]


def _measure_another_head(bench: _Bench) -> list[Figure]:
    """Time the command without a scheduler, then with one whose worker is warm."""
    workspace, n = bench.trained, bench.rounds
    end_processes(workspace)
    cold = [bench.train(seed) for seed in range(1, n + 1)]
    ensure_scheduler(workspace)
    warm = []
    for seed in range(n + 1, 2 * n + 1):
        touch_wake(workspace)
        _wait_until_warm(workspace)
        warm.append(bench.train(seed))
    end_processes(workspace)
    note = f"features cached; median of {n}"
    return [
        Figure("train: another head, cold", median(cold), "s", note=note),
        Figure("train: another head, warm worker", median(warm), "s", note=note),
    ]


def _wait_until_warm(workspace: Workspace) -> None:
    """Return when the only worker has imported Keras: it computes no longer."""
    deadline, spent = time.monotonic() + _PATIENCE_S, 0.0
    while time.monotonic() < deadline:
        workers = find_processes(workspace, "core.runs.worker")
        now = sum(worker.cpu_times().user for worker in workers)
        if len(workers) == 1 and now == spent > 1:
            return
        spent = now
        time.sleep(1)
    raise BenchmarkFailed("No worker became warm.", "Read scheduler.log of the workspace.")


def _measure_pages(bench: _Bench) -> list[Figure]:
    figures = page.measure(bench.trained, repeats=bench.reruns).figures
    bench.memory = figures[-1]
    return figures


def _measure_wall(bench: _Bench) -> list[Figure]:
    """Time new tabs in turns until twelve photos are visible, then weigh both servers."""
    name = f"twelve photos in a new tab, median of {bench.rounds}"
    _ = bench.import_s
    with browse(bench.scratch) as (browser, address, weigh):
        time_ours = partial(_time_tab, browser, f"{address}/dataset")
        time_ours()
        try:
            with bench.open_studio() as studio:
                time_peer = partial(_time_tab, browser, studio.address)
                time_peer()
                pairs = [(time_ours(), time_peer()) for _ in range(bench.rounds)]
                memory = studio.weigh()
        except BenchmarkFailed as error:
            seconds = median(time_ours() for _ in range(bench.rounds))
            return [Figure(name, seconds, "s", note=f"{_STUDIO}: {error.problem}")]
        ours, peers = (median(times) for times in zip(*pairs, strict=True))
        server = bench.memory or weigh()
    when = "all pages" if bench.memory else "that"
    return [
        compare(name, ours, peers, _STUDIO, "s"),
        compare(f"memory of the page server after {when}", server.value, memory, _STUDIO, "MB"),
    ]


def _time_tab(browser: Browser, address: str) -> float:
    tab = browser.new_page(viewport=_WINDOW)

    def act() -> None:
        tab.goto(address)
        tab.wait_for_function(_TWELVE_VISIBLE, timeout=1000 * _PATIENCE_S)

    seconds = time_call(act)
    tab.close()
    return seconds


def _measure_beside(measure: Callable[..., Report], photos: int, bench: _Bench) -> list[Figure]:
    return measure(bench.trained, weights=bench.weights, photos=photos).figures


_PARTS: dict[str, Callable[[_Bench], list[Figure]]] = {
    "import": _measure_import,
    "first-run": _measure_first_run,
    "another-head": _measure_another_head,
    "pages": _measure_pages,
    "wall": _measure_wall,
    "extraction": partial(_measure_beside, extract.measure, 400),
    "training": partial(_measure_beside, train.measure, 200),
}
