"""Whoever is turned away hears why in the one shape, before anything is decoded."""

import socket
import zlib
from contextlib import suppress

import pytest

from tests.api.conftest import JPEG, PHOTO, TestClient, check_problem, classify
from tests.api.malformed import write_png
from tests.processes import wait_until
from tests.serving_process import ServingProcess

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/v1/predict", {}, 405),
        ("POST", "/v1/predict", {}, 415),
        ("POST", "/v1/predict", {"json": {}}, 415),
        ("POST", "/v1/predict?top=many", {"content": PHOTO, "headers": JPEG}, 422),
        ("POST", "/v1/predict", {"files": {"image": PHOTO}}, 422),
        ("POST", "/v1/predict", {"files": [("photo", PHOTO), ("photo", PHOTO)]}, 422),
        ("POST", "/v1/predict/batch", {"content": PHOTO, "headers": JPEG}, 415),
        (
            "POST",
            "/v1/predict",
            {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
            400,
        ),
        ("POST", "/v1/feedback", {"content": b"{"}, 415),
        (
            "POST",
            "/v1/feedback",
            {"content": b"{", "headers": {"content-type": "application/json"}},
            400,
        ),
        ("GET", "/docs", {}, 404),
    ],
)
def test_wrong_requests(
    client: TestClient, method: str, path: str, options: dict[str, object], status: int
) -> None:
    answer = client.request(method, path, **options)
    check_problem(answer, status, "request_refused")
    if status == 405:
        assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "photo_unreadable"),
        (b"hello", 415, "photo_unreadable"),
        (PHOTO[:300], 422, "photo_unreadable"),
        (b"\xff\xd8\xff" + bytes(10_000_000), 413, "photo_too_large"),
    ],
)
def test_photos_that_are_none(client: TestClient, content: bytes, status: int, code: str) -> None:
    answer = classify(client, content)
    assert check_problem(answer, status, code)["remedy"]


def test_pixels_are_counted_before_decoding(client: TestClient) -> None:
    png = write_png(8000, 5001, zlib.compress(b"far too little"))
    error = check_problem(classify(client, png), 413, "photo_too_large")
    assert "40 are allowed" in error["problem"]


@pytest.mark.parametrize("charset", ["undefined", "punycode", "unicode_escape", "utf-16", "é"])
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/predict/batch"])
def test_forms_in_strange_charsets_are_refused(client: TestClient, path: str, charset: str) -> None:
    field = "photos" if path.endswith("batch") else "photo"
    head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="\\ud800\xff.jpg"'
    body = head.encode("latin-1") + b"\r\n\r\n" + PHOTO + b"\r\n--x--\r\n"
    kind = f"multipart/form-data; boundary=x; charset={charset}".encode("latin-1")
    answer = client.post(path, content=body, headers={"content-type": kind})
    check_problem(answer, 415, "request_refused")
    sound = {"content-type": "multipart/form-data; boundary=x; charset=UTF-8"}
    assert client.post(path, content=body, headers=sound).status_code == 200


def test_a_client_that_goes_in_the_middle_is_no_fault_of_ours(serving: ServingProcess) -> None:
    line = socket.create_connection(("127.0.0.1", serving.port), timeout=60)
    line.sendall(HEAD + b"Content-Length: 100000\r\n\r\nabc")
    line.close()
    noted = b'route="/v1/predict",status="499"'
    wait_until(lambda: noted in serving.ask("GET", "/metrics")[1], "it is noted")
    assert b'status="500"' not in serving.ask("GET", "/metrics")[1]


def test_request_ids_are_kept_when_they_are_sound(client: TestClient) -> None:
    given = client.get("/health/live", headers={"x-request-id": "order-17.a_b"})
    assert given.headers["x-request-id"] == "order-17.a_b"
    for bad in ("a b", "x" * 65, "é".encode("latin-1"), "<script>"):
        drawn = client.get("/health/live", headers={"x-request-id": bad})
        assert len(drawn.headers["x-request-id"]) == 32


def test_a_body_is_cut_off_while_it_streams_in(serving: ServingProcess) -> None:
    """No length is announced, and it never ends: the API answers and hangs up."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=60) as line:
        line.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"%x\r\n" % 1_000_000 + bytes(1_000_000) + b"\r\n"
        sent = 0
        with suppress(OSError):  # hung up on, as it should be
            while sent < 100:
                line.sendall(piece)
                sent += 1
        assert sent < 60
        with suppress(OSError):
            answer = line.recv(65_536)
            assert answer == b"" or b"413" in answer.partition(b"\r\n")[0]
    assert serving.ask("GET", "/health/live")[0] == 200


def test_an_announced_length_is_refused_unread(serving: ServingProcess) -> None:
    answer = serving.send(HEAD + b"Content-Length: 10000000000\r\n\r\n", patience_s=60)
    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert b"request_too_large" in answer
