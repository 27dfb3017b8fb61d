"""Photos in, answers out: the same ones as everywhere, one by one and in batches."""

import hashlib
import io
from base64 import b64encode

import numpy as np
import pytest
from PIL import Image

from core.monitoring.feedback import list_feedback
from core.monitoring.kept_photos import read_kept_photo
from core.monitoring.log import read_features, read_predictions, read_scores
from core.registry.loading import open_version
from core.workspace import Workspace
from data.images import FORMATS
from tests.api.conftest import PHOTO, TestClient, check_problem, classify, open_client
from tests.builders import CLASSES, draw_photo, encode_photo

OTHER_PHOTO = encode_photo(draw_photo(0, 4))


def test_a_photo_is_answered_as_by_the_page(
    client: TestClient, served_workspace: Workspace
) -> None:
    expected = open_version(served_workspace, 1).predict(PHOTO)
    for answer in (
        classify(client),
        client.post("/v1/predict", files={"photo": ("a.png", PHOTO, "text/html")}),
    ):
        assert answer.status_code == 200, answer.text
        document = answer.json()
        scores = {one["class_name"]: one["score"] for one in document["top"]}
        assert set(scores) == set(CLASSES)
        for name, score in expected.top:
            assert scores[name] == pytest.approx(score, abs=1e-2)  # bf16, whatever batch it is in
        assert document["top"][0]["class_name"] == expected.top[0][0]
        assert document["kind"] == "answer"
        assert document["unknown"] is False
        assert document["text"].startswith(("Most likely", "Probably", "Perhaps"))
        assert document["model"]["version"] == "v1"
        assert document["photo"]["sha256"] == hashlib.sha256(PHOTO).hexdigest()
        assert (document["photo"]["width"], document["photo"]["height"]) == (96, 80)
        assert document["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("format", [*FORMATS, "AVIF", "HEIF"])
def test_the_formats_of_the_page_are_taken_under_any_name(client: TestClient, format: str) -> None:
    content = encode_photo(draw_photo(1, 4), format)
    answer = client.post("/v1/predict", files={"photo": ("x.txt", content, "image/jpeg")})
    assert answer.json()["photo"]["format"] == format.replace("HEIF", "HEIC")


def test_a_batch_answers_each_photo_and_names_the_bad_ones(client: TestClient) -> None:
    photos = [encode_photo(draw_photo(number % 3, number)) for number in range(20)]
    files = [("photos", (f"{number}.jpg", photo)) for number, photo in enumerate(photos)]
    files[3] = ("photos", ("cut.jpg", photos[3][:400]))
    files[7] = ("photos", ("notes.txt", b"no photo at all"))
    answer = client.post("/v1/predict/batch?top=2", files=files)
    times = [one["answer"]["latency"] for one in answer.json()["items"] if one["answer"]]
    assert times and all(one["waiting_ms"] == 0 for one in times)  # not that of the others
    assert all(one["total_ms"] <= one["decoding_ms"] + one["model_ms"] + 0.1 for one in times)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert {len(item["answer"]["top"]) for item in document["items"] if item["answer"]} == {2}
    assert (document["answered"], document["refused"]) == (18, 2)
    assert [item["name"] for item in document["items"]] == [file[1][0] for file in files]
    for number, item in enumerate(document["items"]):
        assert (item["answer"] is None) == (number in (3, 7))
        assert (item["error"] is None) == (number not in (3, 7))
        if item["answer"]:
            digest = hashlib.sha256(files[number][1][1]).hexdigest()
            assert item["answer"]["photo"]["sha256"] == digest
    assert document["items"][7]["error"]["code"] == "photo_unreadable"
    assert document["items"][7]["error"]["request_id"] == document["request_id"]


@pytest.mark.parametrize("count", [0, 65])
def test_a_batch_has_1_to_64_photos(client: TestClient, count: int) -> None:
    files = [("photos", ("a.jpg", PHOTO))] * count or [("other", ("a.jpg", PHOTO))]
    answer = client.post("/v1/predict/batch", files=files)
    check_problem(answer, 422, "request_refused")


def test_every_answer_stands_in_the_log(client: TestClient, served_workspace: Workspace) -> None:
    photo = encode_photo(draw_photo(2, 77))
    answer = classify(client, photo).json()
    assert client.app.state.service.logbook.flush(60)
    rows = read_predictions(served_workspace)
    row = rows[rows["id"] == answer["prediction_id"]].iloc[0]
    assert row["version"] == 1
    assert row["source"] == "api"
    assert row["photo"] == answer["photo"]["sha256"]
    assert row["top"] == answer["top"][0]["class_name"]
    assert row["latency_ms"] == pytest.approx(answer["latency"]["total_ms"], abs=0.1)
    expected = open_version(served_workspace, 1).predict(photo)
    scores = read_scores(served_workspace, [answer["prediction_id"]])[0]
    np.testing.assert_allclose(scores, expected.scores, atol=1e-2)
    assert read_features(served_workspace, [answer["prediction_id"]]).shape == (1, 2048)


def test_feedback_goes_to_the_inbox_at_once(
    client: TestClient, served_workspace: Workspace
) -> None:
    photo = encode_photo(draw_photo(2, 78))
    answer = classify(client, photo).json()
    told = {
        "prediction_id": answer["prediction_id"],
        "class_name": "rose",
        "note": "in front",
        "photo_base64": b64encode(photo).decode(),
    }
    kept = client.post("/v1/feedback", json=told)  # its line may not be written yet
    assert kept.status_code == 201, kept.text
    assert kept.json()["state"] == "waiting"
    assert kept.json()["was_right"] == (answer["top"][0]["class_name"] == "rose")
    newest = list_feedback(served_workspace)[0]
    assert (newest.class_name, newest.note) == ("rose", "in front")
    assert read_kept_photo(served_workspace, answer["photo"]["sha256"]) == photo


@pytest.mark.usefixtures("registered")
def test_feedback_takes_photos_as_large_as_answers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_API_PHOTO_LIMIT_MB", "20")
    stream = io.BytesIO()
    Image.new("RGB", (2100, 2000), "tomato").save(stream, "BMP")
    photo = stream.getvalue()
    assert len(photo) > 12_000_000
    with open_client() as client:
        answer = classify(client, photo).json()
        told = {"prediction_id": answer["prediction_id"], "class_name": "rose"}
        kept = client.post("/v1/feedback", json=told | {"photo_base64": b64encode(photo).decode()})
    assert kept.status_code == 201, kept.text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"prediction_id": "0" * 32}, "feedback_refused"),
        ({"prediction_id": "../x"}, "request_refused"),
        ({"class_name": "  "}, "request_refused"),
        ({"class_name": "roze"}, "feedback_refused"),  # a program must not add a class
        ({"photo_base64": "not base64!"}, "request_refused"),
        ({"photo_base64": b64encode(OTHER_PHOTO).decode()}, "feedback_refused"),
        ({"surprise": 1}, "request_refused"),
    ],
)
def test_feedback_that_cannot_be_taken(
    client: TestClient, changes: dict[str, object], code: str
) -> None:
    answer = classify(client).json()
    told = {"prediction_id": answer["prediction_id"], "class_name": "rose", **changes}
    assert check_problem(client.post("/v1/feedback", json=told), 422, code)["remedy"]


def test_models_are_listed_and_named_by_alias(client: TestClient) -> None:
    models = client.get("/v1/models").json()["models"]
    assert [model["version"] for model in models] == ["v2", "v1"]
    assert [model["serving"] for model in models] == [False, True]
    champion = client.get("/v1/models/champion").json()
    assert champion == models[1]
    assert champion["aliases"] == ["champion"]
    assert champion["classes"] == list(CLASSES)
    check_problem(client.get("/v1/models/challenger"), 404, "version_missing")
