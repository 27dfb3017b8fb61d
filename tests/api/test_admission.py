"""Keys, addresses and rates, in the whole API."""

import pytest

from core.workspace import Workspace
from tests.api.conftest import JPEG, PHOTO, TestClient, check_problem, classify, open_client
from tests.serving_process import run_serving

KEY = "k" * 32


@pytest.mark.usefixtures("registered")
def test_with_a_key_only_requests_with_it_are_answered(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PETALSCOPE_API_KEY", KEY)
    with open_client() as client:
        for headers in ({}, {"x-api-key": KEY[:-1]}, {"authorization": f"Basic {KEY}"}):
            answer = classify(client, headers={**JPEG, **headers})
            check_problem(answer, 401, "key_refused")
            assert answer.headers["www-authenticate"] == "Bearer"
        for headers in ({"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}):
            answer = classify(client, headers={**JPEG, **headers})
            assert answer.status_code == 200
        assert client.get("/metrics").status_code == 401
        assert client.get("/health/ready").status_code == 200
    assert KEY not in "".join(capfd.readouterr())


def test_without_a_key_only_this_machine_is_answered(client: TestClient) -> None:
    rebound = client.get("/v1/models", headers={"host": "evil.example:8000"})
    check_problem(rebound, 403, "key_refused")
    elsewhere = TestClient(client.app, base_url="http://192.168.1.7:8000")
    check_problem(elsewhere.get("/v1/models"), 403, "key_refused")
    assert client.get("/v1/models", headers={"host": "localhost:8000"}).status_code == 200
    for name, value in (
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("via", "1.1 proxy.example"),
    ):
        refused = classify(client, headers={**JPEG, name: value})
        check_problem(refused, 403, "key_refused")
    near = {**JPEG, "origin": "http://localhost:8501"}
    assert client.post("/v1/predict", content=PHOTO, headers=near).status_code == 200


@pytest.mark.usefixtures("registered")
def test_too_many_photos_in_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_API_RATE_LIMIT", "5")
    with open_client() as client:
        files = [("photos", ("a.jpg", PHOTO))] * 6
        answer = client.post("/v1/predict/batch", files=files)
        error = check_problem(answer, 413, "request_too_large")
        assert "retry-after" not in answer.headers  # it would never pass
        assert "Send at most 5 at once" in error["remedy"]
        assert client.post("/v1/predict/batch", files=files[:3]).status_code == 200
        # Where a minute ends in between, some more are let in.
        posts = (classify(client) for _ in range(9))
        answer = next(one for one in posts if one.status_code != 200)
        check_problem(answer, 429, "too_many_requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 61
        assert client.get("/health/live").status_code == 200


def test_all_callers_with_the_key_are_counted_together(
    served_workspace: Workspace,
) -> None:
    with run_serving(
        served_workspace, PETALSCOPE_API_KEY=KEY, PETALSCOPE_API_RATE_LIMIT="5"
    ) as serving:

        def ask(place: str, key: str = KEY) -> int:
            headers = {"X-API-Key": key, "X-Forwarded-For": place}
            return serving.ask("GET", "/v1/models", headers=headers)[0]

        # Where a minute ends in between, one more is let in: hence some more are sent.
        guesses = [ask("203.0.113.1", "a guess") for _ in range(8)]
        assert guesses[:5] == [401] * 5 and guesses[-1] == 429
        same = [ask("203.0.113.1") for _ in range(3)]
        assert 429 in same, "also the right one, so that guessing learns nothing"
        begun = [ask(f"198.51.100.{number}") for number in range(8)]
        assert begun[:2] == [200] * 2 and begun[-1] == 429
        assert 429 in [ask("127.0.0.1") for _ in range(3)]
        near = [serving.ask("GET", "/v1/models", headers={"X-API-Key": KEY}) for _ in range(3)]
        assert 429 in [status for status, _ in near]


@pytest.mark.usefixtures("registered")
def test_web_pages_are_let_in_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_API_ORIGINS", "https://garden.example")
    with open_client() as client:
        for origin, allowed in (("https://garden.example", True), ("https://evil.example", False)):
            answer = client.get("/v1/models", headers={"origin": origin})
            assert (answer.headers.get("access-control-allow-origin") == origin) == allowed
