"""The page Training: the form, what it submits, the actions on a run, and links to deleted runs."""

import dataclasses
import re
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.policies import list_policies, save_policy
from core.runs.queue.control import note_run, pause_run, tag_run
from core.runs.queue.queue import delete_run, submit_run
from core.runs.store import list_runs, read_run
from core.runs.training.executing import execute_run
from core.workspace import Workspace
from data.policy import PRESETS
from tests.conftest import open_copy
from tests.training import change_recipe
from tests.ui import driver
from tests.ui.driver import captions, labels, press

STRATEGIES = [
    "Head on frozen features",
    "Last stage",
    "Full fine-tuning",
    "Two phases",
    "Exact head",
]


@pytest.fixture(scope="module")
def shared(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A copy of the trained workspace for the tests of this file, without a scheduler."""
    root = tmp_path_factory.mktemp("training-page") / "workspace"
    with (
        pytest.MonkeyPatch.context() as patch,
        open_copy(trained_workspace, root, patch) as workspace,
    ):
        for module in ("recipes.form", "parts.live_state"):
            patch.setattr(f"core.ui.{module}.ensure_scheduler", lambda _: None)
        patch.setattr("core.runs.queue.scheduled.start_missing_scheduler", lambda _: None)
        yield workspace


def open_page(workspace: Workspace, *, hidden: str | None = None, **query: str) -> AppTest:
    """Return the page as a link opens it, with random weights chosen.

    Args:
        workspace: The settings point to it.
        hidden: The hidden layers as somebody typed them.
    """
    assert workspace.root.exists()
    typed = {} if hidden is None else {"training.hidden": hidden}
    return driver.open_page("training", {"training.weights": "random", **typed}, **query)


def value(app: AppTest, setting: str) -> object:
    return app.session_state[f"training.{setting}"]


def say_strategies(app: AppTest) -> list[str]:
    """Return the sentence of each strategy from its help."""
    lines = app.selectbox(key="training.strategy").help.splitlines()
    return [line.partition(": ")[2] for line in lines]


def test_every_strategy_has_a_sentence_and_known_ones_an_estimate(shared: Workspace) -> None:
    app = open_page(shared)
    strategy = app.selectbox(key="training.strategy")
    assert strategy.options == STRATEGIES
    sentences = say_strategies(app)
    assert len(sentences) == len(STRATEGIES)
    assert all(len(sentence) > 60 for sentence in sentences)
    assert sentences[0] in [caption.value for caption in app.caption]
    app.number_input(key="training.epochs").set_value(50).run()
    assert re.search(r": about \d+ s of training\.", captions(app))
    app.selectbox(key="training.strategy").set_value("full").run()
    assert "of training." not in captions(app)
    app.selectbox(key="training.strategy").set_value("head").run()


def test_a_change_of_strategy_keeps_chosen_settings(shared: Workspace) -> None:
    app = open_page(shared)
    app.selectbox(key="training.strategy").set_value("last_stage").run()
    assert value(app, "learning_rate") == 1e-4
    assert "Precision" in [box.label for box in app.selectbox]
    app.number_input(key="training.learning_rate").set_value(0.02).run()
    app.selectbox(key="training.strategy").set_value("two_phases").run()
    assert not app.exception
    assert value(app, "learning_rate") == 0.02
    assert "Epochs of the head alone" in [number.label for number in app.number_input]
    app.selectbox(key="training.strategy").set_value("head").run()
    assert "Epochs of the head alone" not in [number.label for number in app.number_input]


def test_a_recipe_that_cannot_be_trained_is_refused_in_the_form(shared: Workspace) -> None:
    app = open_page(shared)
    app.selectbox(key="training.strategy").set_value("two_phases").run()
    app.number_input(key="training.epochs").set_value(4).run()
    assert any("head epochs" in error.value for error in app.error)
    assert next(button for button in app.button if button.label == "Train").disabled


def test_train_submits_every_repeat(shared: Workspace) -> None:
    before = {run.id for run in list_runs(shared)}
    app = open_page(shared)
    app.number_input(key="training.epochs").set_value(77).run()
    app.number_input(key="training.repeats").set_value(3).run()
    press(app, "Train 3 times")
    new = [run for run in list_runs(shared) if run.id not in before]
    assert sorted(run.recipe.seed for run in new) == [0, 1, 2]
    assert {run.recipe.epochs for run in new} == {77}
    assert {run.name for run in new} == {"epochs 77", "seed 1", "seed 2"}
    assert app.query_params["run"] == next(run.id for run in new if run.recipe.seed == 0)
    assert any("1st in the queue" in one.proto.text for one in app.get("progress"))


def test_a_link_fills_the_form_with_the_settings_of_a_run(shared: Workspace) -> None:
    policy = dataclasses.replace(PRESETS["gentle"], cutout=PRESETS["strong"].cutout)
    recipe = change_recipe(
        shared,
        strategy="two_phases",
        epochs=9,
        head_epochs=2,
        unfrozen=3,
        hidden=(48, 24),
        optimizer="sgd",
        momentum=0.7,
        patience=6,
        split_seed=11,
        augmentation=policy,
        views=5,
        seed=4,
    )
    run, _ = submit_run(shared, recipe, "model")
    app = open_page(shared, like=run.id)
    assert value(app, "strategy") == "two_phases"
    assert value(app, "hidden") == "48 → 24"
    assert list_policies(shared)[str(value(app, "policy"))] == policy
    assert "Settings of" in captions(app)
    press(app, f"In progress: watch run {run.number}")  # unchanged it is the same run
    assert app.query_params["run"] == run.id
    assert "like" not in app.query_params


def test_a_trained_recipe_is_opened_instead_of_trained_again(shared: Workspace) -> None:
    trained = list_runs(shared)[-1]
    app = open_page(shared, like=trained.id)
    assert trained.state == "done"
    assert f"Already trained: open run {trained.number}" in labels(app)
    assert say_strategies(app)[0].startswith(f"**run {trained.number}** · ")
    count = len(list_runs(shared))
    app = press(app, "Already trained")
    assert app.query_params["run"] == trained.id and len(list_runs(shared)) == count
    app.number_input(key="training.seed").set_value(5).run()
    assert "Train" in labels(app)
    app.number_input(key="training.seed").set_value(0).run()
    app.number_input(key="training.repeats").set_value(2).run()
    assert "Train 2 times" in labels(app)
    assert "1 of these 2 runs exist already" in captions(app)


def test_a_link_to_a_run_that_is_gone_leaves_the_form_usable(shared: Workspace) -> None:
    app = open_page(shared, like="0000000000000000")
    assert any("There is no run" in warning.value for warning in app.warning)
    assert "Train" not in labels(app)
    assert "Train" in labels(press(app, "Show the page without it"))


def test_a_link_brings_a_policy(shared: Workspace) -> None:
    save_policy(shared, "of the lesson", PRESETS["strong"])
    app = open_page(shared, policy="of the lesson")
    assert value(app, "policy") == "of the lesson"
    assert "Views per photo" in [number.label for number in app.number_input]


def test_a_queued_run_can_be_paused_and_resumed(shared: Workspace) -> None:
    run, _ = submit_run(shared, change_recipe(shared, epochs=88))
    app = open_page(shared, run=run.id)
    assert {"Stop", "Pause", "Duplicate"} <= set(labels(app))
    assert "Stop after this epoch" not in labels(app)
    press(app, "Pause")
    assert read_run(shared, run.id).state == "paused"
    assert "Paused after 0 epochs" in captions(app)
    press(app, "Resume")
    assert read_run(shared, run.id).state == "queued"
    press(app, "Stop")
    assert read_run(shared, run.id).stopped
    assert "Try again" in labels(app)


def test_duplicate_fills_the_form_every_time(shared: Workspace) -> None:
    run, _ = submit_run(shared, change_recipe(shared, epochs=21))
    pause_run(shared, run.id)
    app = open_page(shared, run=run.id)
    for _ in range(2):
        app.number_input(key="training.epochs").set_value(5).run()
        press(app, "Duplicate")
        assert value(app, "epochs") == 21


def test_more_epochs_are_a_run_of_their_own(shared: Workspace) -> None:
    run = list_runs(shared)[-1]
    app = press(open_page(shared, run=run.id), "Train on")
    longer = list_runs(shared)[0]
    assert longer.recipe == dataclasses.replace(run.recipe, epochs=run.recipe.epochs + 10)
    assert app.query_params["run"] == longer.id
    assert read_run(shared, run.id) == run


def test_notes_and_tags_are_shown(shared: Workspace) -> None:
    run = list_runs(shared)[-1]
    note_run(shared, run.id, "the *first* one")
    tag_run(shared, run.id, ["course", "baseline"])
    app = open_page(shared, run=run.id)
    assert r"the \*first\* one" in captions(app)
    assert "Train on" in labels(app)


def test_a_sentence_explains_the_curves(shared: Workspace) -> None:
    run = list_runs(shared)[-1]
    app = open_page(shared, run=run.id)
    said = "\n".join(text.value for text in app.markdown)
    assert "At the best epoch, training accuracy is" in said


def test_log_and_table_are_sent_once_they_are_opened(shared: Workspace) -> None:
    app = open_page(shared, run=list_runs(shared)[-1].id)
    assert not app.code and not app.dataframe
    app.session_state["folded.Log"] = app.session_state["folded.As a table"] = True
    app.run()
    assert "training" in app.code[0].value
    assert list(app.dataframe[0].value["epoch"])[:2] == [1, 2]


def test_the_exact_head_has_no_settings_of_epochs(shared: Workspace) -> None:
    app = open_page(shared)
    app.selectbox(key="training.strategy").set_value("exact").run()
    assert not app.exception
    fields = {one.label for one in (*app.number_input, *app.selectbox, *app.toggle)}
    assert not fields & {"Epochs", "Learning rate", "Hidden layers", "Repeats", "Optimiser"}
    app.selectbox(key="training.policy").set_value("gentle").run()
    assert "cannot use augmentation" in app.error[0].value
    assert app.button(key="training.start").disabled
    app.selectbox(key="training.policy").set_value("none").run()
    press(app, "Train")
    run = list_runs(shared)[0]
    assert (run.recipe.strategy, run.recipe.epochs) == ("exact", 1)


def test_an_exact_head_shows_how_lambda_was_chosen(trained_copy: Workspace) -> None:
    run, _ = submit_run(trained_copy, change_recipe(trained_copy, strategy="exact"))
    execute_run(trained_copy, run.id)
    app = open_page(trained_copy, run=run.id)
    said = " ".join(one.value for one in app.markdown)
    assert "in closed form" in said
    assert "Best epoch" not in {metric.label for metric in app.metric}


def test_a_run_whose_settings_are_in_the_form_can_be_deleted_elsewhere(shared: Workspace) -> None:
    run, _ = submit_run(shared, change_recipe(shared, epochs=45))
    pause_run(shared, run.id)
    app = open_page(shared, like=run.id)
    delete_run(shared, run.id)
    app.run()
    assert not app.error
    assert "the settings of a deleted run" in captions(app)
    assert "like" not in app.query_params
    assert "Train" in labels(app)
    assert "deleted run" not in captions(app.run())


@pytest.mark.parametrize("typed", ["abc", "-40", "300; 100", "12.5"])
def test_hidden_layers_that_cannot_be_read_are_not_trained(shared: Workspace, typed: str) -> None:
    app = open_page(shared, hidden=typed)
    assert any("idden layers cannot be read" in error.value for error in app.error)
    assert next(button for button in app.button if button.label == "Train").disabled
    app.selectbox(key="training.hidden").set_value("128").run()
    assert not app.error
    assert not next(button for button in app.button if button.label == "Train").disabled
