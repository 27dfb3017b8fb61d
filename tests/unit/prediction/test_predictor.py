"""The predictor of a real run: answers as the run scored, refuses what is no photo or damaged."""

import itertools
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import (
    BackboneMissing,
    NetworkUnsupported,
    PhotoUnreadable,
    ResultDamaged,
    RunUnfinished,
)
from core.prediction.answers import describe_answer
from core.prediction.explaining import open_explainer
from core.prediction.predictor import Predictor, open_predictor
from core.runs.result import RunResult, read_result
from core.runs.run_files import ARRAYS_FILE, HEAD_FILE
from core.runs.store import list_runs
from core.serving.schemas import Answer
from core.workspace import Workspace, write_json
from data.manifest import read_dataset
from models.backbone import FACTS_FILE
from tests.builders import CLASSES, draw_photo, encode_photo


@pytest.fixture(scope="module")
def result(trained_workspace: Workspace) -> RunResult:
    return read_result(trained_workspace, list_runs(trained_workspace)[-1].id)


@pytest.fixture(scope="module")
def predictor(trained_workspace: Workspace) -> Predictor:
    return open_predictor(trained_workspace, list_runs(trained_workspace)[-1].id)


@pytest.fixture(scope="module")
def contents(trained_workspace: Workspace, result: RunResult) -> list[bytes]:
    """The files of the dataset's photos, in its order."""
    dataset = read_dataset(trained_workspace, result.dataset_id)
    return [dataset.original(photo) for photo in range(len(result.paths))]


def test_answers_as_the_run_scored(
    predictor: Predictor, result: RunResult, contents: list[bytes]
) -> None:
    predictions = [predictor.predict(content) for content in contents]
    scores = np.array([prediction.scores for prediction in predictions])
    np.testing.assert_allclose(scores, result.scores, atol=1e-2)
    sure = np.ptp(np.sort(result.scores)[:, -2:], axis=1) > 2e-2
    agree = scores.argmax(axis=1) == result.scores.argmax(axis=1)
    assert agree[sure].all()


def test_says_all_about_one_photo(predictor: Predictor, contents: list[bytes]) -> None:
    prediction = predictor.predict(contents[0])
    assert prediction.run_id == predictor.run_id
    names, scores = zip(*prediction.top, strict=True)
    assert sorted(names) == sorted(CLASSES)
    assert list(scores) == sorted(prediction.scores.tolist(), reverse=True)
    assert predictor.classes[prediction.scores.argmax()] == names[0]
    assert prediction.photo.shape == (224, 224, 3)
    np.testing.assert_allclose(prediction.map.mean(axis=(0, 1)), prediction.features, rtol=1e-4)
    assert (prediction.facts.format, prediction.facts.width) == ("JPEG", 96)
    document = describe_answer(predictor, prediction, "abc", 2)
    assert set(document) == set(Answer.model_fields) - {"request_id", "prediction_id"}
    named = [(one["class_name"], one["score"]) for one in document["top"]]
    assert named == prediction.decision.top[:2]  # calibrated
    assert document["photo"]["sha256"] == "abc"
    assert document["model"]["run_id"] == predictor.run_id
    assert document["latency"]["total_ms"] == pytest.approx(prediction.spent_ms, abs=0.01)
    assert list(prediction.seconds) == ["decoding", "backbone", "head"]
    assert predictor.backbone_facts.weights_label == "random"


def test_waiting_for_other_photos_is_no_time_of_this_one(
    trained_workspace: Workspace, contents: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = open_predictor(trained_workspace, list_runs(trained_workspace)[-1].id)
    moments = itertools.count()  # a clock that goes on by a second whenever it is read

    class LongTurn:
        def __enter__(self) -> None:
            for _ in range(1000):
                next(moments)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(predictor, "_turn", LongTurn())
    clock = SimpleNamespace(perf_counter=lambda: float(next(moments)))
    monkeypatch.setattr("core.prediction.predictor.time", clock)
    prediction = predictor.predict(contents[0])
    assert prediction.seconds == {"decoding": 1.0, "backbone": 1.0, "head": 1.0}
    assert prediction.spent_ms == 3000


def test_evidence_is_that_of_the_explainer(predictor: Predictor, trained_copy: Workspace) -> None:
    explainer = open_explainer(trained_copy, predictor.run_id)
    photo = 3
    prediction = predictor.predict(explainer.dataset.original(photo))
    found = predictor.explain(prediction, [2, 0])
    np.testing.assert_allclose(found, explainer.explain(photo, [2, 0]), rtol=2e-2, atol=2e-2)
    assert found.shape == (2, 7, 7)


def test_many_at_once_get_the_answers_of_one_by_one(
    predictor: Predictor, contents: list[bytes]
) -> None:
    chosen = contents[::3]
    alone = [predictor.predict(content).scores for content in chosen]
    with ThreadPoolExecutor(4) as threads:
        together = [p.scores for p in threads.map(predictor.predict, chosen)]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("spoilt", [b"", b"no photo", encode_photo(draw_photo(0, 0))[:400]])
def test_what_is_no_photo_is_refused(predictor: Predictor, spoilt: bytes) -> None:
    with pytest.raises(PhotoUnreadable):
        predictor.predict(spoilt)
    with pytest.raises(PhotoUnreadable):
        predictor.predict(spoilt)


def test_a_run_without_result_is_refused(workspace: Workspace) -> None:
    with pytest.raises(RunUnfinished):
        open_predictor(workspace, "0123456789abcdef")


@pytest.mark.parametrize("name", [ARRAYS_FILE, HEAD_FILE])
def test_a_file_cut_short_is_noticed(trained_copy: Workspace, name: str) -> None:
    run_id = list_runs(trained_copy)[-1].id
    file: Path = trained_copy.run_folder(run_id) / name
    content = file.read_bytes()
    file.unlink()  # it may be a link to the original
    file.write_bytes(content[:-10])
    with pytest.raises(ResultDamaged):
        open_predictor(trained_copy, run_id)


@pytest.mark.parametrize(
    "facts", [{"rounded_from": "0123456789abcdef"}, {"weights_kind": "dino", "graph": "v15"}]
)
def test_a_network_of_an_earlier_version_is_refused_with_words(
    trained_copy: Workspace, facts: dict[str, str]
) -> None:
    run_id = list_runs(trained_copy)[-1].id
    backbone = read_result(trained_copy, run_id).backbone_id
    file = trained_copy.backbone_folder(backbone) / FACTS_FILE
    write_json(file, json.loads(file.read_text()) | facts)
    with pytest.raises(NetworkUnsupported, match="not supported") as refused:
        open_predictor(trained_copy, run_id)
    assert "Its scores stay" in refused.value.remedy


@pytest.mark.slow
def test_a_missing_backbone_is_named_and_its_remedy_works(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1]
    run_id = run.id
    folder = trained_copy.backbone_folder(read_result(trained_copy, run_id).backbone_id)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(BackboneMissing) as missing:
        open_predictor(trained_copy, run_id)
    command = f"python -m core features {run.recipe.dataset} --weights random"
    assert f"“{command}”" in missing.value.remedy
    subprocess.run([sys.executable, *command.split()[1:]], check=True)  # features are kept
    assert open_predictor(trained_copy, run_id).backbone_facts.weights_label == "random"
