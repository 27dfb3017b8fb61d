"""Malformed uploads against the real API: none may crash it or be answered with 500."""

import io
import time
from collections import Counter

import psutil
from PIL import Image

from core.bench.malformed import draw_malformed
from core.bench.measuring import Figure, OnStep, Report, describe_machine
from core.bench.serving_process import ServingProcess, run_serving
from core.errors import BenchmarkFailed
from core.workspace import Workspace


def measure_fuzz(workspace: Workspace, *, uploads: int, seed: int, on_step: OnStep) -> Report:
    """Returns what became of so many malformed uploads, and what the process took meanwhile.

    Raises:
        VersionMissing: There is no champion.
        BenchmarkFailed: One was answered with 500, or the API died.
    """
    machine = describe_machine()
    on_step("Starting the API")
    with run_serving(workspace) as serving:
        process = psutil.Process(serving.pid)
        before = process.memory_info().rss
        started = time.perf_counter()
        statuses, peak = _send_all(serving, process, uploads, seed, on_step)
        took = time.perf_counter() - started
        _check_alive(serving, process)
    figures = [
        Figure(name=f"answered with {status}", value=statuses[status], unit="uploads")
        for status in sorted(statuses)
    ]
    return Report(
        title=f"{uploads} malformed uploads, seed {seed}",
        figures=[
            *figures,
            Figure(name="answered with 500", value=0, unit="uploads"),
            Figure(name="crashes", value=0, unit=""),
            Figure(name="all of them", value=took, unit="s"),
            Figure(name="memory before", value=before / 1e6, unit="MB"),
            Figure(name="memory, highest seen", value=peak / 1e6, unit="MB"),
        ],
        circumstances=machine,
    )


def _send_all(
    serving: ServingProcess, process: psutil.Process, uploads: int, seed: int, on_step: OnStep
) -> tuple[Counter[int], int]:
    """Returns status → uploads answered with it, and the most bytes that the process was seen with.

    Raises:
        BenchmarkFailed: One was answered with 500, or with something that is no error of ours.
    """
    statuses: Counter[int] = Counter()
    peak = 0
    for number, upload in enumerate(draw_malformed(uploads, seed), 1):
        headers = {"Content-Type": upload.content_type}
        status, body = serving.ask("POST", "/v1/predict", upload.body, headers)
        statuses[status] += 1
        if status == 500 or (status != 200 and b'"error"' not in body):
            raise BenchmarkFailed(
                f"Upload {number} ({upload.kind}) was answered with {status}: {body[:200]!r}.",
                f"Draw it again: seed {seed}, number {number} of core/bench/malformed.py.",
            )
        if number % 50 == 0:
            on_step(f"{number} of {uploads} uploads")
            peak = max(peak, process.memory_info().rss)
    return statuses, peak


def _check_alive(serving: ServingProcess, process: psutil.Process) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), "tomato").save(stream, "JPEG")
    sound = serving.ask("POST", "/v1/predict", stream.getvalue(), {"Content-Type": "image/jpeg"})
    if not process.is_running() or sound[0] != 200:
        raise BenchmarkFailed(f"After all a sound photo is answered with {sound}.", "See its log.")
