"""The strategy without epochs: a whole run by a real worker, what serves of it, what is refused."""

import numpy as np
import pytest

from core.errors import RecipeRefused
from core.exact.formula import RIDGE_FILE, read_ridge, solve_head
from core.exact.head import fit_head
from core.prediction.explaining import open_explainer
from core.runs.queue.control import extend_run, pause_run, resume_run
from core.runs.queue.queue import request_stop, submit_run
from core.runs.recipe.checking import validate
from core.runs.recipe.plans import SweepPlan
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.words import list_settings, write_command
from core.runs.result import read_result, read_run_features, read_run_head
from core.runs.store import RunRecord
from core.workspace import Workspace
from data.policy import PRESETS
from tests.training import change_recipe, train


def submit(workspace: Workspace) -> RunRecord:
    return submit_run(workspace, change_recipe(workspace, strategy="exact"))[0]


def test_settings_of_steps_make_no_other_run() -> None:
    plain = Recipe(dataset="0123456789abcdef", weights_digest="x", strategy="exact")
    other = Recipe(
        dataset="0123456789abcdef",
        weights_digest="x",
        strategy="exact",
        epochs=30,
        seed=4,
        learning_rate=0.5,
        hidden=(64,),
        standardise=False,
    )
    assert other.run_id == plain.run_id and other.epochs == 1
    assert "optimiser" not in list_settings(other)
    assert write_command(other).endswith("train 0123456789abcdef --strategy exact")
    with pytest.raises(RecipeRefused, match="augmentation"):
        validate(Recipe(**vars(plain) | {"augmentation": PRESETS["gentle"]}))


def test_the_head_answers_like_the_engine_and_keeps_its_curve() -> None:
    rng = np.random.default_rng(3)
    labels = np.arange(90) % 3
    features = rng.normal(size=(90, 200)) + 0.4 * rng.normal(size=(3, 200))[labels]
    features[:, 7] = 1.5  # constant
    features = features.astype(np.float32)
    head, choice = solve_head(features, labels, np.arange(60), 3)
    engine = fit_head(features, labels, np.arange(60), 3)
    np.testing.assert_allclose(choice.ridge, engine.ridge, rtol=1e-4)
    expected = engine.to_scores(engine.outputs)
    np.testing.assert_allclose(head.scores(features), expected, atol=1e-4)
    right = engine.left_out.argmax(axis=1) == labels[:60]
    assert choice.accuracy == pytest.approx(right.mean())
    assert choice.errors[choice.ridges.index(choice.ridge)] == min(choice.errors)


def test_a_whole_run_by_a_worker(trained_copy: Workspace) -> None:
    run = train(trained_copy, submit(trained_copy))
    assert (run.state, run.epochs_done, run.problem) == ("done", 1, None)
    result, head = read_result(trained_copy, run.id), read_run_head(trained_copy, run.id)
    features = read_run_features(trained_copy, result)
    np.testing.assert_array_equal(result.scores, head.scores(features))
    choice = read_ridge(trained_copy.run_folder(run.id))
    assert choice is not None and choice.photos == len(result.photo_numbers("train"))
    photos = result.photo_numbers("validation")
    right = (result.scores[photos].argmax(axis=1) == result.labels[photos]).mean()
    assert run.best_val_accuracy == pytest.approx(right)
    explained = open_explainer(trained_copy, run.id).measure(0, [0, 1, 2])
    assert explained.shape[0] == 3 and np.isfinite(explained).all()
    with pytest.raises(RecipeRefused, match="closed form"):
        extend_run(trained_copy, run.id, 5)
    with pytest.raises(RecipeRefused, match="closed form"):
        submit_run(trained_copy, run.recipe, plan=SweepPlan(trials=2))
    (trained_copy.run_folder(run.id) / RIDGE_FILE).write_text("[]")
    assert read_ridge(trained_copy.run_folder(run.id)) is None


def test_stopped_or_paused_before_its_step_it_can_be_started_again(trained_copy: Workspace) -> None:
    run = submit(trained_copy)
    assert pause_run(trained_copy, run.id).state == "paused"
    assert resume_run(trained_copy, run.id).state == "queued"
    request_stop(trained_copy, run.id)
    run = submit(trained_copy)
    assert run.state == "queued" and train(trained_copy, run).state == "done"
