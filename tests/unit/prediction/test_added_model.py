"""A model that was trained elsewhere answers, explains, is registered and reported like our own."""

from collections.abc import Iterator

import numpy as np
import pytest

from core.errors import ExportRefused, FeaturesMissing, RetrainingRefused
from core.exact.store import find_run_source, prepare_head
from core.exact.why import ask_why
from core.exporting.notebook import write_notebook
from core.exporting.store import identify_export
from core.monitoring.log import read_features, read_predictions
from core.monitoring.retraining import read_recipe
from core.prediction.explaining import find_cached_maps, open_explainer
from core.prediction.gradcam import occlude_photo
from core.prediction.nearest import find_nearest_learnt, find_nearest_training
from core.prediction.predictor import open_predictor
from core.registry.loading import open_version
from core.registry.promoting import promote
from core.registry.registering import register_run
from core.reporting.contents import collect_report
from core.reporting.writing import write_html
from core.runs.result import read_result
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.manifest import read_dataset
from tests.added_model import KINDS, WIDTH, open_added, run_added_model
from tests.api.conftest import PHOTO, classify, open_client


@pytest.fixture(scope="module")
def workspace(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    with open_added(trained_workspace, tmp_path_factory) as opened:
        yield opened


@pytest.fixture(scope="module")
def runs(workspace: Workspace) -> dict[str, RunRecord]:
    """A run of each kind of model: with a map, with rows alone, with scores alone."""
    return {name: run_added_model(workspace, **kind) for name, kind in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_and_explains(
    workspace: Workspace, runs: dict[str, RunRecord], kind: str
) -> None:
    run = runs[kind]
    result, dataset = read_result(workspace, run.id), read_dataset(workspace, run.recipe.dataset)
    predictor = open_predictor(workspace, run.id)
    prediction = predictor.predict(dataset.original(5))
    np.testing.assert_allclose(prediction.scores, result.scores[5], atol=1e-5)
    found = predictor.explain(prediction, [2, 0])
    assert found.shape == ((2, 8, 8) if kind == "map" else (2, 9, 9))
    explainer = open_explainer(workspace, run.id)
    for _ in ("computed", "cached"):
        measured = explainer.explain(5, [2, 0])
        np.testing.assert_allclose(measured, found, atol=0.05)
    cached = find_cached_maps(workspace, dataset.id, predictor.backbone_facts).read(5)
    assert cached is not None and cached.shape[-1] == prediction.features.size
    if kind != "map":
        _, covered = predictor.answer_packed(occlude_photo(prediction.photo))
        drops = np.maximum(np.log(prediction.scores[0]) - np.log(covered[:, 0]), 0)
        np.testing.assert_allclose(found[1].ravel(), drops / drops.max(), atol=1e-4)


def test_a_square_covers_each_place_once_or_with_its_neighbours() -> None:
    photo = np.zeros((224, 224, 3), np.uint8)
    covered = occlude_photo(photo) == 128
    assert covered.shape == (81, 224, 224, 3) and not photo.any()
    assert covered.any(axis=0).all()
    rows, columns = (covered[40, ..., 0].any(axis=axis).nonzero()[0] for axis in (1, 0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (87, 136, 87, 136)  # around the middle


@pytest.mark.parametrize("kind", KINDS)
def test_features_find_neighbours_and_reasons_where_it_has_any(
    workspace: Workspace, runs: dict[str, RunRecord], kind: str
) -> None:
    run = runs[kind]
    result, dataset = read_result(workspace, run.id), read_dataset(workspace, run.recipe.dataset)
    if kind == "scores":
        for ask in (
            lambda: find_nearest_training(workspace, result, 0, [0]),
            lambda: find_run_source(workspace, dataset, run.id, result),
        ):
            with pytest.raises(FeaturesMissing, match=r"its last layer is not a dense layer\."):
                ask()
        return
    near = find_nearest_learnt(workspace, result, np.ones(WIDTH, np.float32))
    assert len(near.photos) == 6
    head = prepare_head(workspace, find_run_source(workspace, dataset, run.id, result))
    assert ask_why(head, dataset, result, 0) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_registered_and_reported_but_not_exported(
    workspace: Workspace, runs: dict[str, RunRecord], kind: str
) -> None:
    run = runs[kind]
    version = register_run(workspace, run.id)
    dataset = read_dataset(workspace, run.recipe.dataset)
    own, copy = open_predictor(workspace, run.id), open_version(workspace, version.number)
    answers = [model.predict(dataset.original(3)).scores for model in (own, copy)]
    np.testing.assert_array_equal(*answers)
    for model in (run.id, version.label):
        with pytest.raises(ExportRefused, match="You have the model as a file already"):
            identify_export(workspace, model, ["onnx"])
    with pytest.raises(ExportRefused):
        write_notebook(workspace, run)
    written = write_html(collect_report(workspace, run, "validation", 2))
    assert "add-model FILE" in written and "model.keras" in written
    assert ("then Grad-CAM for" if kind == "map" else "then occlusion for") in written


def test_the_api_answers_by_it_and_logs_its_features(
    workspace: Workspace, runs: dict[str, RunRecord]
) -> None:
    version = register_run(workspace, runs["rows"].id)
    promote(workspace, version.number, reason="the first")
    expected = open_version(workspace, version.number).predict(PHOTO)
    with open_client() as client:
        document = classify(client).json()
    assert document["model"]["version"] == version.label
    scores = {one["class_name"]: one["score"] for one in document["top"]}
    assert scores == pytest.approx(dict(expected.decision.top), abs=1e-3)
    (row,) = read_predictions(workspace)["id"].tolist()
    assert read_features(workspace, [row]).shape == (1, WIDTH)
    with pytest.raises(RetrainingRefused, match="another program trained it"):
        read_recipe(version)
