"""The champion changes while photos are being answered; a damaged one never takes over."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import ServiceNotReady, VersionMissing
from core.registry.events import list_events
from core.registry.promoting import promote
from core.registry.store import aliases_table, read_version
from core.runs.database import write_database
from core.serving import switching
from core.serving.logbook import Figures
from core.serving.switching import Switcher
from core.workspace import Workspace
from tests.api.conftest import JPEG, TestClient, classify, open_client
from tests.builders import draw_photo, encode_photo
from tests.processes import wait_until
from tests.registered import change_byte, change_row, register_versions, version_file
from tests.serving_process import run_serving


@pytest.mark.slow
def test_200_requests_in_flight_survive_a_switch(registered: Workspace) -> None:
    with run_serving(registered, PETALSCOPE_API_QUEUE="256") as serving:
        photos = [encode_photo(draw_photo(number % 3, number)) for number in range(40)]

        def ask(number: int) -> tuple[int, str]:
            status, body = serving.ask("POST", "/v1/predict", photos[number % 40], JPEG)
            document = json.loads(body)
            return status, document["model"]["version"] if status == 200 else str(document)

        answers: list[tuple[int, str]] = []
        with ThreadPoolExecutor(200) as pool:
            first = [pool.submit(ask, number) for number in range(200)]
            promote(serving.workspace, 2, reason="under load", override=True)
            # The second wave goes on until the switch was seen: both versions have answered.
            answers += [asked.result() for asked in first]
            for _ in range(100):
                if "v2" in {version for _, version in answers}:
                    break
                more = [pool.submit(ask, number) for number in range(200)]
                answers += [asked.result() for asked in more]
        assert {status for status, _ in answers} == {200}, answers
        assert {version for _, version in answers} == {"v1", "v2"}
        assert json.loads(serving.ask("GET", "/health/ready")[1])["version"] == "v2"


def test_a_damaged_champion_is_refused_and_the_old_one_goes_on(registered: Workspace) -> None:
    with open_client() as client:
        change_byte(version_file(registered, read_version(registered, 2), "head"))
        with write_database(registered) as connection:  # no promotion would let it through
            connection.execute(aliases_table.update().values(version=2))
        ready = wait_until(lambda: _degraded(client), "the damage is noticed")
        assert ready["version"] == "v1"
        assert ready["champion"] == "v2"
        assert "v2 is refused" in ready["problem"]
        answer = classify(client)
        assert answer.json()["model"]["version"] == "v1"
        assert "petalscope_degraded 1.0" in client.get("/metrics").text
        refused = [event for event in list_events(registered) if event.kind == "refused"]
        assert [(event.version, event.former) for event in refused] == [(2, 1)]


def test_a_start_with_a_damaged_champion_takes_the_former_one(registered: Workspace) -> None:
    promote(registered, 2, reason="better", override=True)
    change_row(registered, read_version(registered, 2), "digest", "0" * 64)
    with open_client() as client:
        ready = client.get("/health/ready").json()
        assert (ready["status"], ready["version"], ready["champion"]) == ("degraded", "v1", "v2")
        assert classify(client).status_code == 200


@pytest.mark.slow
def test_a_workspace_that_is_gone_is_said_and_taken_up_again(registered: Workspace) -> None:
    away = registered.root.with_name("away")
    with open_client() as client:
        registered.root.rename(away)
        ready = wait_until(
            lambda: (told := client.get("/health/ready")).status_code == 503 and told.json(),
            "the loss is noticed",
        )
        assert (ready["status"], ready["version"]) == ("not_ready", None)
        assert str(registered.root) in ready["problem"]
        for answer in (
            client.get("/v1/models"),
            client.get("/v1/models/champion"),
            client.post("/v1/feedback", json={"prediction_id": "a", "class_name": "b"}),
            classify(client),
        ):
            assert answer.status_code == 503, answer.url
            assert str(registered.root) in answer.json()["error"]["problem"], answer.url
        assert not registered.root.exists()
        away.rename(registered.root)
        wait_until(lambda: client.get("/health/ready").status_code == 200, "it serves again")
        assert classify(client).status_code == 200


@pytest.mark.slow
def test_without_a_champion_it_lives_and_takes_up_the_first_one(trained_copy: Workspace) -> None:
    version = register_versions(trained_copy, 1)[0]
    with open_client(wait=False) as client:
        assert client.get("/health/live").json() == {"status": "alive"}
        ready = wait_until(lambda: client.get("/health/ready"), "an answer")
        assert ready.status_code == 503
        assert "promote" in ready.json()["remedy"]
        refused = classify(client)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "service_not_ready"
        assert int(refused.headers["retry-after"]) > 0
        promote(trained_copy, version.number, reason="the first one")
        wait_until(lambda: client.get("/health/ready").status_code == 200, "it serves")
        assert classify(client).status_code == 200


def test_while_a_champion_loads_it_says_so(
    registered: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[ServiceNotReady] = []
    one = Switcher(registered, Figures())

    def load(*_: object) -> None:
        said.append(one.state.refusal)
        raise VersionMissing("", "")

    monkeypatch.setattr(switching, "open_serving_model", load)
    one.look()
    assert said[0].problem == "The champion, v1, is being loaded."
    assert "register" not in said[0].remedy.lower()


def _degraded(client: TestClient) -> dict[str, str] | None:
    ready = client.get("/health/ready").json()
    return ready if ready["status"] == "degraded" and ready["problem"] else None
