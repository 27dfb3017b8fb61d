"""Malformed uploads and odd requests: no crash, no 500, one shape, no traceback in the log."""

import json
import re
from collections import Counter

import psutil
import pytest
from hypothesis import HealthCheck, given, settings

from tests.api.conftest import PHOTO
from tests.api.malformed import KINDS, draw_uploads
from tests.api.odd_requests import OddRequest, draw_requests
from tests.serving_process import ServingProcess

pytestmark = pytest.mark.slow

EXAMPLES = 1000
PATIENCE_S = 3.0
SILENT = 0
"""No answer: to a request that is cut short, or to a client hung up on while it still sent."""

drawn = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", [*KINDS, "broken form"])
def test_malformed_uploads_are_refused_and_nothing_breaks(
    serving: ServingProcess, kind: str
) -> None:
    seen = Counter[int]()

    @settings(drawn, max_examples=EXAMPLES // 6)
    @given(upload=draw_uploads(kind))
    def send(upload: tuple[str, bytes]) -> None:
        content_type, body = upload
        headers = {"Content-Type": content_type}
        status, answer = serving.ask("POST", "/v1/predict", body, headers)
        seen[status] += 1
        assert status in (200, 400, 413, 415, 422), answer[:300]
        if status != 200:
            document = json.loads(answer)
            assert set(document["error"]) == {"code", "problem", "remedy", "request_id"}
            assert document["error"]["remedy"]

    send()
    assert set(seen) - {200}, "some were refused"
    assert_sound(serving)


def test_odd_requests_are_refused_and_nothing_breaks(serving: ServingProcess) -> None:
    seen = Counter[int]()

    @drawn
    @given(request=draw_requests(PHOTO))
    def send(request: OddRequest) -> None:
        status, fault = send_odd_request(serving, request)
        seen[status] += 1
        assert not fault, f"{status} {fault}: {request.write()[:500]!r}"

    send()
    assert {200, 400, 403, 404, 405, 413, 415, 422} <= set(seen)
    assert seen[SILENT] < EXAMPLES / 4
    assert_sound(serving)
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


def send_odd_request(serving: ServingProcess, request: OddRequest) -> tuple[int, str]:
    """Return the status of the answer, and what is wrong with it ("": nothing)."""
    answer = serving.send(request.write(), 0.0 if request.is_cut_short else PATIENCE_S)
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
    final = [status for status in statuses if status >= 200]
    if not final:
        return SILENT, ""
    refused = final[0] >= 400 and request.method != b"HEAD"
    if max(final) >= 500 and final[0] != 503:
        return final[0], "is a fault of the API"
    if final[0] == 400 and b"Invalid HTTP request received." in answer:
        return 400, ""  # by the server, before the application
    if refused and not (b'"error":{"code":' in answer and b'"remedy":' in answer):
        return final[0], "does not say what is wrong"
    return final[0], ""


def assert_sound(serving: ServingProcess) -> None:
    """See that the API lives and answers a sound photo."""
    assert psutil.pid_exists(serving.pid)
    sound = serving.ask("POST", "/v1/predict", PHOTO, {"Content-Type": "image/jpeg"})
    assert sound[0] == 200
