"""A model that was trained elsewhere: a run that scores all photos by it, of any width."""

import numpy as np
import pytest

from core.config import Framing
from core.errors import BackboneMissing, FeaturesMissing, RecipeRefused
from core.prediction.rules import find_default_rule
from core.runs.queue.queue import submit_run
from core.runs.result import read_result, read_run_features, read_run_head, read_run_rows
from core.runs.store import RunRecord, list_trained
from core.runs.training.executing import execute_run
from core.runs.training.preparing import find_recipe_weights
from core.workspace import Workspace, remove_folder
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from models.backbone import open_backbone
from models.dense import measure_scores
from tests.added_model import WIDTH, make_added_model, make_added_recipe


@pytest.fixture
def dataset(trained_copy: Workspace) -> Dataset:
    return read_dataset(trained_copy, list_datasets(trained_copy)[0].id)


@pytest.mark.parametrize(
    "kind",
    [{}, {"has_map": False}, {"rows_are_scores": True}, {"framing": Framing(how="squeeze")}],
    ids=["with a map", "without a map", "scores alone", "squeezed"],
)
def test_all_photos_are_scored_by_an_added_model(
    trained_copy: Workspace, dataset: Dataset, kind: dict[str, bool]
) -> None:
    model = make_added_model(trained_copy, 4, **kind)
    recipe = make_added_recipe(dataset, model, (2, -1, 0))
    run, new = submit_run(trained_copy, recipe, "from Colab")
    assert new
    run = execute_run(trained_copy, run.id)
    assert (run.state, run.epochs_done, run.val_photos) == ("done", 1, 6)
    result = read_result(trained_copy, run.id)
    framing = model.framing
    photos = np.stack([dataset.read_photo(one, framing) for one in range(len(dataset))])
    look = open_backbone(trained_copy, model.id, purpose="throughput").look(photos)
    head = read_run_head(trained_copy, run.id)
    np.testing.assert_allclose(result.scores, head.scores(look.features), atol=1e-6)
    assert not result.scores[:, 1].any() and result.scores[:, [0, 2]].min() > 0
    judged = result.photo_numbers("validation")
    _, accuracy = measure_scores(result.scores[judged], result.labels[judged])
    assert run.best_val_accuracy == pytest.approx(accuracy)
    assert run.id not in [one.id for one in list_trained(trained_copy)]
    rows = read_run_rows(trained_copy, result)
    rule = find_default_rule(trained_copy, run.id, result)
    assert rule is not None and rule.n == 6
    if model.rows_are == "scores":
        with pytest.raises(FeaturesMissing, match="not a dense layer"):
            read_run_features(trained_copy, result)
        assert rows.shape == (len(dataset), 4)
    else:
        assert read_run_features(trained_copy, result).shape == (len(dataset), WIDTH)


def test_outputs_that_do_not_match_and_a_lost_model_are_refused_with_the_remedy(
    trained_copy: Workspace, dataset: Dataset
) -> None:
    model = make_added_model(trained_copy, 3)

    def fail(outputs: tuple[int, ...]) -> RunRecord:
        run, _ = submit_run(trained_copy, make_added_recipe(dataset, model, outputs))
        return execute_run(trained_copy, run.id)

    for outputs in ((0, 1), (0, 1, 3)):
        run = fail(outputs)
        assert (run.state, run.error_code) == ("failed", RecipeRefused.code)
        assert run.remedy == "Add the model again (page Models, “Add a model”)."
    remove_folder(trained_copy, trained_copy.backbone_folder(model.id))
    with pytest.raises(BackboneMissing, match="Add the model again"):
        find_recipe_weights(trained_copy, make_added_recipe(dataset, model, (0, 1, 2)))
