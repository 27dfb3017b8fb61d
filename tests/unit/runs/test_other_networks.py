"""Runs on ResNet-50 v1.5 and on BiT go the whole way: trained, explained, registered, exported."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.evaluation.confusion import count_confusions
from core.exporting.making import write_zip
from core.exporting.store import FORMATS, make_request
from core.monitoring.retraining import finish_retraining, start_retraining
from core.prediction.explaining import open_explainer
from core.prediction.predictor import open_predictor
from core.registry.promoting import promote
from core.registry.registering import register_run
from core.registry.store import ModelVersion
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.result import read_result
from core.runs.store import list_runs, read_run
from core.workspace import Workspace
from data.manifest import read_dataset
from models.backbone import read_backbone_facts
from models.catalogue import read_catalogue
from models.weights import describe_weights, find_weights
from tests.api.conftest import PHOTO, open_client
from tests.exporting import check_scores, unpack
from tests.reference_networks import keep_drawn_weights
from tests.retraining import draw_new_photos, review_photos
from tests.training import train

SETTINGS: dict[str, dict[str, Any]] = {
    "exact": {},
    "head": {"epochs": 3},
    "last_stage": {"epochs": 1, "learning_rate": 1e-5},  # drawn weights bear no larger steps
}
JPEG = {"content-type": "image/jpeg"}


def train_by(workspace: Workspace, name: str, strategy: str) -> str:
    """Return the id of a finished run on the weights of this name."""
    dataset = list_runs(workspace)[0].recipe.dataset
    recipe = Recipe(
        dataset=dataset,
        weights=name,
        weights_digest=find_weights(workspace, name).digest,
        strategy=strategy,  # type: ignore[arg-type]
        **SETTINGS[strategy],
    )
    run = train(workspace, submit_run(workspace, recipe)[0])
    assert run.state == "done", (workspace.run_folder(run.id) / "worker.log").read_text()
    return run.id


def check_result(workspace: Workspace, run_id: str, name: str) -> None:
    """Check scores, confusion and Grad-CAM of a run, and that a photo is answered as by it."""
    result, entry = read_result(workspace, run_id), read_catalogue()[name]
    facts = read_backbone_facts(workspace, result.backbone_id)
    assert (facts.graph, facts.inputs, facts.width) == (entry.graph, entry.inputs, entry.width)
    assert np.isfinite(result.scores).all() and np.ptp(result.scores, axis=0).max() > 0.01
    matrix = count_confusions(result.labels, result.scores.argmax(axis=1), len(result.classes))
    assert matrix.sum() == len(result.labels)
    seen = open_explainer(workspace, run_id).explain(0, [0, 1, 2])
    assert seen.shape == (3, 7, 7) and np.isfinite(seen).all() and seen.max() > 0
    photo = read_dataset(workspace, result.dataset_id).original(0)
    answer = open_predictor(workspace, run_id).predict(photo)
    np.testing.assert_allclose(answer.scores, result.scores[0], atol=1e-2)
    assert answer.features.shape == (entry.width,)


def export_all(workspace: Workspace, version: ModelVersion, folder: Path) -> str:
    """Return the model card of an export in all formats, each of which answers like the run."""
    wish = make_request(version.label, FORMATS)
    write_zip(workspace, wish, folder / "petals.zip", lambda *_: None)
    unpacked = unpack(folder / "petals.zip", folder / "all")
    check_scores(workspace, version.label, unpacked, FORMATS, [PHOTO])
    return (unpacked / "MODEL_CARD.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", ["vicreg", "bit-m"])
def test_a_run_goes_the_whole_way(trained_copy: Workspace, tmp_path: Path, name: str) -> None:
    workspace = trained_copy
    keep_drawn_weights(workspace, name)
    for strategy in SETTINGS:
        run_id = train_by(workspace, name, strategy)
        check_result(workspace, run_id, name)
    tuned = describe_weights(
        workspace.run_folder(run_id) / "weights.h5", "", "", read_catalogue()[name]
    )
    assert tuned.graph == read_catalogue()[name].graph
    version = register_run(workspace, run_id)
    promote(workspace, version.number, reason="the first")
    answer = open_predictor(workspace, run_id).predict(PHOTO)
    with open_client() as client:
        said = client.post("/v1/predict", content=PHOTO, headers=JPEG).json()
    assert said["top"][0]["class_name"] == answer.top[0][0]
    assert said["top"][0]["score"] == pytest.approx(answer.top[0][1], abs=1e-2)
    card = export_all(workspace, version, tmp_path)
    entry = read_catalogue()[name]
    assert f"{entry.title}, licence: {entry.licence}; photos as RGB / " in card.replace("\\", "")
    review_photos(workspace, version, draw_new_photos(6))
    challenger = train(workspace, start_retraining(workspace, who="tests"))
    assert challenger.state == "done"
    finish_retraining(workspace, challenger.id)
    assert read_run(workspace, challenger.id).recipe.weights == name
    check_result(workspace, challenger.id, name)
