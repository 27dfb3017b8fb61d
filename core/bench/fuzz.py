"""Malformed uploads and odd requests to the real API: none may crash it or be answered with 500."""

import io
import re
import time
from collections import Counter

import psutil
from PIL import Image

from core.bench.malformed import draw_malformed
from core.bench.measuring import Figure, OnStep, Report, describe_machine
from core.bench.odd_requests import OddRequest, draw_requests
from core.bench.serving_process import ServingProcess, run_serving
from core.errors import BenchmarkFailed
from core.workspace import Workspace

_SILENT = 0
"""Stands for no answer: to who is cut short, or has been hung up on while it still sent."""
_PATIENCE_S = 3.0
_NO_HTTP = b"Invalid HTTP request received."
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def measure_fuzz(workspace: Workspace, *, uploads: int, seed: int, on_step: OnStep) -> Report:
    """Returns what became of so many malformed uploads and as many odd requests.

    Raises:
        VersionMissing: There is no champion.
        BenchmarkFailed: One was answered with 500, the log has a traceback, or the API died.
    """
    machine = describe_machine()
    on_step("Starting the API")
    with run_serving(workspace) as serving:
        process = psutil.Process(serving.pid)
        before = process.memory_info().rss
        started = time.perf_counter()
        statuses, peak = _send_uploads(serving, process, uploads, seed, on_step)
        odd = _send_requests(serving, uploads, seed, on_step)
        took = time.perf_counter() - started
        _check_alive(serving, process)
    return Report(
        title=f"{uploads} malformed uploads and {uploads} odd requests, seed {seed}",
        figures=[
            *_list_statuses(statuses, "uploads"),
            *_list_statuses(odd, "requests"),
            Figure(name="answered with 500", value=0, unit=""),
            Figure(name="crashes", value=0, unit=""),
            Figure(name="all of them", value=took, unit="s"),
            Figure(name="memory before", value=before / 1e6, unit="MB"),
            Figure(name="memory, highest seen", value=peak / 1e6, unit="MB"),
        ],
        circumstances=machine,
    )


def send_odd_request(serving: ServingProcess, request: OddRequest) -> tuple[int, str]:
    """Returns the status of the answer (0: none came), and what is wrong with it ("": nothing)."""
    answer = serving.send(request.write(), 0.0 if request.is_cut_short else _PATIENCE_S)
    statuses = [int(status) for status in _STATUS.findall(answer)]
    final = [status for status in statuses if status >= 200]
    if not final:
        return _SILENT, ""
    refused = final[0] >= 400 and request.method != b"HEAD" and _NO_HTTP not in answer
    if max(final) >= 500 and final[0] != 503:
        return final[0], "is a fault of the API"
    if refused and not (b'"error":{"code":' in answer and b'"remedy":' in answer):
        return final[0], "does not say what is wrong"
    return final[0], ""


def _list_statuses(statuses: Counter[int], unit: str) -> list[Figure]:
    return [
        Figure(
            name=f"answered with {status}" if status else "not answered: cut short, or hung up on",
            value=statuses[status],
            unit=unit,
        )
        for status in sorted(statuses)
    ]


def _send_uploads(
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


def _send_requests(serving: ServingProcess, count: int, seed: int, on_step: OnStep) -> Counter[int]:
    """Returns status → odd requests answered with it.

    Raises:
        BenchmarkFailed: An answer is a fault of the API, or does not say what is wrong.
    """
    statuses: Counter[int] = Counter()
    for number, request in enumerate(draw_requests(count, seed, draw_photo()), 1):
        status, fault = send_odd_request(serving, request)
        statuses[status] += 1
        if fault:
            raise BenchmarkFailed(
                f"Request {number} ({', '.join(request.changes)}): the answer, {status}, {fault}.",
                f"Draw it again: seed {seed}, number {number} of core/bench/odd_requests.py.",
            )
        if number % 50 == 0:
            on_step(f"{number} of {count} odd requests")
    return statuses


def draw_photo() -> bytes:
    """Returns a small JPEG that is answered."""
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), "tomato").save(stream, "JPEG")
    return stream.getvalue()


def _check_alive(serving: ServingProcess, process: psutil.Process) -> None:
    sound = serving.ask("POST", "/v1/predict", draw_photo(), {"Content-Type": "image/jpeg"})
    if not process.is_running() or sound[0] != 200:
        raise BenchmarkFailed(f"After all a sound photo is answered with {sound}.", "See its log.")
    if faults := [line for line in serving.log.read_text().splitlines() if "Traceback" in line]:
        raise BenchmarkFailed(f"Its log has {len(faults)} tracebacks.", faults[0][-1500:])
