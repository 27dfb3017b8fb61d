"""Malformed uploads and odd requests: no crash, no 500, one shape, no traceback in the log.

All 1,000 of each: `python -m core bench fuzz`.
"""

import json
from collections import Counter

import psutil

from core.bench.fuzz import send_odd_request
from core.bench.malformed import draw_malformed
from core.bench.odd_requests import OddRequest, draw_requests
from core.bench.serving_process import ServingProcess
from tests.api.conftest import PHOTO

UPLOADS = 200
REQUESTS = 300


def test_malformed_uploads_are_refused_and_nothing_breaks(serving: ServingProcess) -> None:
    seen = Counter[tuple[str, int]]()
    for number, upload in enumerate(draw_malformed(UPLOADS, seed=6)):
        status, body = serving.ask(
            "POST", "/v1/predict", upload.body, {"Content-Type": upload.content_type}
        )
        where = f"upload {number} ({upload.kind}): {status} {body[:300]!r}"
        assert status in (200, 400, 413, 415, 422), where
        if status != 200:
            document = json.loads(body)
            assert set(document["error"]) == {"code", "problem", "remedy", "request_id"}, where
            assert document["error"]["remedy"], where
        seen[upload.kind, status] += 1
    refused = {kind for kind, status in seen if status != 200}
    assert refused == {upload.kind for upload in draw_malformed(12)}  # every kind was met
    assert psutil.pid_exists(serving.pid)
    sound = serving.ask("POST", "/v1/predict", PHOTO, {"Content-Type": "image/jpeg"})
    assert sound[0] == 200


def test_odd_requests_are_refused_and_nothing_breaks(serving: ServingProcess) -> None:
    seen = Counter[int]()
    for number, request in enumerate(draw_requests(REQUESTS, 6, PHOTO), 1):
        status, fault = send_odd_request(serving, request)
        where = f"request {number} ({request.changes}): {request.write()[:500]!r}"
        assert not fault, f"{status} {fault}: {where}"
        seen[status] += 1
    assert {200, 400, 403, 404, 405, 413, 415, 422} <= set(seen)
    assert seen[0] < REQUESTS / 4
    sound = serving.ask("POST", "/v1/predict", PHOTO, {"Content-Type": "image/jpeg"})
    assert sound[0] == 200
    assert "Traceback" not in serving.log.read_text(encoding="utf-8")


def test_what_ceases_to_be_http_leaves_no_traceback(serving: ServingProcess) -> None:
    """The application has answered by then, or is about to; or its answer may have no body."""
    for method in (b"GET", b"POST", b"HEAD"):
        for target in (b"/v1/predict", b"/health/live", b"/nothing"):
            large = b"X-Large: " + b"z" * 70_000  # so that the rest comes in apart from it
            for fields in ([b"Host: 127.0.0.1"], [b"Host: 127.0.0.1", large]):
                for framing in ("no chunk", "huge chunk"):
                    request = OddRequest(method, target, fields, framing=framing)
                    assert send_odd_request(serving, request)[1] == ""
    assert serving.ask("GET", "/health/live")[0] == 200
    first, *lines = serving.log.read_text(encoding="utf-8").splitlines()
    assert first.startswith("Serving the champion")
    assert not [line for line in lines if "exception" in json.loads(line)]  # each is a document


def test_the_same_seed_draws_the_same() -> None:
    first, again, other = (list(draw_malformed(30, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    drawn = [[one.write() for one in draw_requests(30, seed, PHOTO)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
