"""Added predictions become a finished run without a model."""

import numpy as np
import pytest

from core.errors import FeaturesMissing, RecipeRefused
from core.exporting.making import open_subject
from core.exporting.notebook import write_notebook
from core.registry.registering import register_run
from core.runs.adding import add_predictions
from core.runs.queue.queue import delete_run, retry_run, submit_run
from core.runs.repairing import repair_index
from core.runs.result import read_result, read_run_features, read_run_head
from core.runs.store import list_runs, list_trained, read_run
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.added import understand


def test_predictions_are_a_run_with_the_figures_of_its_photos(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[0].id)
    judged = dataset.photo_numbers("validation")
    missing, wrong = judged[0], judged[1]
    given = understand(dataset, wrong=[wrong], missing=[missing])
    run, new = add_predictions(trained_copy, dataset, given, "colab")
    assert (new, run.state, run.name, run.recipe.is_added) == (True, "done", "colab", True)
    n = len(judged) - 1
    assert (run.val_photos, run.best_val_accuracy) == (n, pytest.approx((n - 1) / n))
    result = read_result(trained_copy, run.id)
    assert missing not in result.photo_numbers("validation")
    assert np.array_equal(result.scores, given.scores)
    assert add_predictions(trained_copy, dataset, given, "again") == (run, False)
    assert list_runs(trained_copy)[0].id == run.id
    assert run.id not in [one.id for one in list_trained(trained_copy)]


def test_what_needs_a_model_says_that_there_is_none(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[0].id)
    run, _ = add_predictions(trained_copy, dataset, understand(dataset, scored="none"))
    result = read_result(trained_copy, run.id)
    assert (run.best_val_loss, result.scored) == (None, "none")
    for ask in (
        lambda: read_run_head(trained_copy, run.id),
        lambda: read_run_features(trained_copy, result),
        lambda: register_run(trained_copy, run.id),
        lambda: write_notebook(trained_copy, run),
        lambda: open_subject(trained_copy, run.id).__enter__(),
    ):
        with pytest.raises(FeaturesMissing, match="predictions, but no model"):
            ask()
    with pytest.raises(RecipeRefused, match="cannot be trained"):
        submit_run(trained_copy, run.recipe)
    assert retry_run(trained_copy, run.id).state == "done"


def test_they_survive_a_lost_index_and_can_be_deleted(trained_copy: Workspace) -> None:
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[0].id)
    run, _ = add_predictions(trained_copy, dataset, understand(dataset))
    trained_copy.database_file.unlink()
    assert run.id in repair_index(trained_copy).runs_read
    again = read_run(trained_copy, run.id)
    assert (again.state, again.best_val_accuracy) == ("done", run.best_val_accuracy)
    delete_run(trained_copy, run.id)
    assert not trained_copy.run_folder(run.id).exists()
