"""What watches the API is told: figures by version, and what a start needs."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fastapi import FastAPI
from uvicorn.importer import ImportFromStringError, import_from_string

from core.cli import main
from core.errors import SettingRefused
from core.monitoring.readings import check_rules
from core.registry.store import find_version
from core.serving import api
from core.serving.api import run_server
from core.workspace import PROJECT_ROOT, Workspace
from tests.api.conftest import JPEG, PHOTO, TestClient, classify, open_client
from tests.asking import ask
from tests.bench.clients import send_load
from tests.builders import draw_photo, encode_photo
from tests.serving_process import ServingProcess, find_port, run_serving


def test_figures_are_told_by_version(client: TestClient) -> None:
    classify(client)
    client.post("/v1/predict", content=b"hello", headers=JPEG)
    client.get("/no/such/place/" + "x" * 50)
    text = client.get("/metrics").text
    for line in (
        'petalscope_requests_total{method="POST",route="/v1/predict",status="200"}',
        'petalscope_requests_total{method="GET",route="none",status="404"}',
        'petalscope_answers_total{kind="answer",version="v1"}',
        'petalscope_top_score_count{version="v1"}',
        'petalscope_problems_total{code="photo_unreadable"}',
        'petalscope_stage_seconds_count{stage="model"}',
        "petalscope_batch_photos_count",
        "petalscope_degraded 0.0",
        "petalscope_photos_waiting 0.0",
    ):
        assert line in text, line
    assert 'petalscope_serving{digest="' in text
    assert "xxxxx" not in text  # what clients write makes no labels


def test_an_active_alarm_is_a_gauge_at_1(registered: Workspace) -> None:
    ask(registered, find_version(registered, "champion"), 30, latency_ms=5000.0)
    check_rules(registered)
    with open_client() as client:
        text = client.get("/metrics").text
    assert 'petalscope_alarm{rule="latency"} 1.0' in text
    assert 'petalscope_alarm{rule="mix"} 0.0' in text


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("0.0.0.0", 404)])
@pytest.mark.usefixtures("registered")
def test_the_loopback_address_has_a_page_to_try_it(
    monkeypatch: pytest.MonkeyPatch, host: str, status: int
) -> None:
    monkeypatch.setenv("PETALSCOPE_API_KEY", "k" * 32)
    apps = list[FastAPI]()
    monkeypatch.setattr(api, "make_server", lambda app: apps.append(app))
    monkeypatch.setattr(api, "serve", lambda *_: asyncio.sleep(0))
    run_server(host, 0)
    with TestClient(apps[0], base_url="http://127.0.0.1") as client:
        page = client.get("/docs")
        assert page.status_code == status
        for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
            assert address.startswith("/") and client.get(address).status_code == 200


@pytest.mark.usefixtures("workspace")
def test_uvicorn_finds_the_application_by_its_name() -> None:
    assert isinstance(import_from_string("core.serving.api:app"), FastAPI)
    with pytest.raises(ImportFromStringError):
        import_from_string("core.serving.api:other")


def test_monitors_may_ask_for_the_head_only(serving: ServingProcess) -> None:
    for path in ("/health/live", "/health/ready", "/v1/models/champion"):
        assert serving.ask("HEAD", path) == (200, b"")
    assert serving.ask("HEAD", "/v1/predict") == (405, b"")
    assert serving.ask("HEAD", "/nothing") == (404, b"")


def test_50_clients_are_all_answered(serving: ServingProcess) -> None:
    photos = [encode_photo(draw_photo(number % 3, number)) for number in range(20)]
    load = send_load(serving.port, photos, clients=50, duration_s=2.0)
    assert set(load.statuses) == {200}
    assert set(load.versions) == {"v1"}
    assert len(load.seconds) >= 50


@pytest.mark.slow
def test_a_full_queue_turns_away_at_once_and_says_when_to_come_again(
    served_workspace: Workspace,
) -> None:
    with run_serving(served_workspace, PETALSCOPE_API_QUEUE="2") as serving:
        load = send_load(serving.port, [PHOTO], clients=40, duration_s=1.0)
        assert set(load.statuses) == {200, 503}
        assert load.statuses[200] >= 2
        ready = json.loads(serving.ask("GET", "/health/ready")[1])
        assert (ready["photos_waiting"], ready["queue"]) == (0, 2)


@pytest.mark.usefixtures("workspace")
def test_it_does_not_start_where_others_could_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingRefused, match="no key is set"):
        run_server("0.0.0.0", 0)
    monkeypatch.setenv("PETALSCOPE_API_KEY", "short")
    with pytest.raises(SettingRefused, match="can be guessed") as refused:
        run_server("127.0.0.1", 0)
    assert "short" not in str(refused.value)


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
@pytest.mark.usefixtures("workspace")
def test_plain_http_that_others_can_reach_gets_a_warning(
    host: str, warned: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api, "run_server", lambda *given: given[-1]())
    assert main(["serve", "--host", host]) == 0
    assert ("plain HTTP" in capsys.readouterr().err) == warned


@pytest.mark.usefixtures("workspace")
def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingRefused, match=f"port {port}"):
            run_server("127.0.0.1", port)


def test_the_command_serves_until_it_is_asked_to_end(workspace: Workspace, tmp_path: Path) -> None:
    port = find_port()
    command = [sys.executable, "-m", "core", "serve", "--port", str(port), "--json"]
    process = subprocess.Popen(
        command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    log = tmp_path / "unused.log"
    serving = ServingProcess(port=port, pid=process.pid, workspace=workspace, log=log)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            assert serving.ask("GET", "/health/live")[0] == 200
            break
        except OSError:
            time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["state"] == "ended"
    for line in err.splitlines()[1:]:
        json.loads(line)  # one document a line
