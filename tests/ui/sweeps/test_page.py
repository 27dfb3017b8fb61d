"""Sweeps on the training page: what is offered, what is shown of the trials, what is submitted."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.queue.queue import claim_next_run, submit_run
from core.runs.queue.run_lock import Attempt, begin_run, finish_run, record_epoch
from core.runs.recipe.plans import SweepPlan, base_recipe, change_recipe, first_settings
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_runs, list_studies
from core.runs.training.study import Importance, TrialResult, append_trial, write_importance
from core.ui.sweeps.results import draw_importance, draw_parallel
from core.workspace import Workspace
from tests.training import change_recipe as make_recipe
from tests.training import make_trial
from tests.ui.driver import open_page, press

ACCURACY = (0.5, 0.25, 0.75, 0.625, 0.6)


@pytest.fixture
def workspace(trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the trained workspace, without a scheduler: what waits keeps waiting."""
    for module in ("recipes.form", "parts.live_state"):
        monkeypatch.setattr(f"core.ui.{module}.ensure_scheduler", lambda _: None)
    return trained_copy


def open_training(**query: str) -> AppTest:
    """Return the page as a link opens it, with random weights chosen."""
    return open_page("training", {"training.weights": "random", "training.sweeps": True}, **query)


def make_sweep(workspace: Workspace, trials: int = len(ACCURACY)) -> RunRecord:
    """Return a finished sweep whose trials were made up."""
    plan = SweepPlan(trials=trials)
    base = base_recipe(make_recipe(workspace), plan.vary)
    submitted, _ = submit_run(workspace, base, "made up", plan=plan)
    run = claim_next_run(workspace, submitted.id)
    assert run is not None and begin_run(workspace, run)
    Attempt(workspace, run).begin_phase("training", val_photos=8)
    folder = workspace.run_folder(run.id)
    for number, accuracy in enumerate(ACCURACY[:trials], 1):
        settings = first_settings(base, plan.vary) | {"dropout": 0.1 * number}
        facts = {"val_accuracy": (accuracy / 2, accuracy), "val_loss": (1.0, 0.5), "best_epoch": 2}
        facts["pruned"] = number == 2
        append_trial(folder, make_trial(number, change_recipe(base, settings), settings, **facts))
    write_importance(folder, Importance(shares={"dropout": 0.8, "hidden": 0.2}, trials=trials))
    best = {"epoch": 3, "val_accuracy": 0.75, "val_loss": 0.5}
    record_epoch(workspace, run, trials, best)
    finish_run(workspace, run, stopped=False)
    return next(study for study in list_studies(workspace) if study.id == run.id)


def test_a_sweep_is_started_from_the_recipe_of_the_form(workspace: Workspace) -> None:
    app = open_training()
    assert "No sweep yet" in "".join(caption.value for caption in app.caption)
    app.number_input(key="training.trials").set_value(7)
    app.multiselect(key="training.vary").set_value(["dropout", "learning_rate"])
    app.run()
    press(app, "Start the sweep")
    (study,) = list_studies(workspace)
    assert study.plan == SweepPlan(trials=7, vary=("learning_rate", "dropout"))
    assert (study.state, study.recipe.strategy) == ("queued", "head")
    assert app.query_params["sweep"] in (study.id, [study.id])
    assert study.id not in {run.id for run in list_runs(workspace)}


def test_a_budget_in_minutes_takes_the_place_of_trials_and_the_recipe_stays(
    workspace: Workspace,
) -> None:
    app = open_training()
    app.selectbox(key="training.strategy").set_value("last_stage").run()
    app.segmented_control(key="training.sweep_ends").set_value("Minutes").run()
    app.number_input(key="training.minutes").set_value(7)
    app.multiselect(key="training.vary").set_value(["optimizer", "augmentation", "strategy"])
    app.run()
    said = "".join(caption.value for caption in app.caption)
    assert "a trial takes minutes" in said
    press(app, "Start the sweep")
    (study,) = list_studies(workspace)
    vary = ("strategy", "augmentation", "optimizer")
    assert study.plan == SweepPlan(trials=300, minutes=7, vary=vary)
    assert study.recipe.strategy == "last_stage" and study.trains_stages


def test_without_a_setting_to_vary_none_is_started(workspace: Workspace) -> None:
    assert list_studies(workspace) == []
    app = open_training()
    app.multiselect(key="training.vary").set_value([])
    app.run()
    assert next(one for one in app.button if one.label == "Start the sweep").disabled


def test_a_finished_sweep_is_shown_when_it_is_chosen(workspace: Workspace) -> None:
    sweep = make_sweep(workspace)
    app = open_training()
    assert "Best trial" not in [metric.label for metric in app.metric]
    app = open_training(sweep=sweep.id)
    shown = {metric.label: (metric.value, metric.delta) for metric in app.metric}
    assert shown["Best validation accuracy"] == ("75 %", "+25.0 points")
    assert shown["Best trial"] == ("3 of 5", "")
    assert shown["Stopped early"][0] == "1"
    tables = [one.value for one in app.dataframe if "trial" in one.value.columns]
    assert list(tables[0]["trial"]) == [3, 4, 5, 1, 2]
    assert any("36 % to 96 %" in caption.value for caption in app.caption)


def test_the_best_trial_is_submitted_as_a_run(workspace: Workspace) -> None:
    sweep = make_sweep(workspace)
    press(open_training(sweep=sweep.id), "Train the best trial (3)")
    newest = list_runs(workspace)[0]
    assert (newest.name, newest.state) == ("made up, trial 3", "queued")
    assert newest.recipe.dropout == pytest.approx(0.3)


def test_a_deleted_sweep_is_gone_from_the_page(workspace: Workspace) -> None:
    sweep = make_sweep(workspace)
    app = open_training(sweep=sweep.id)
    press(app, "Delete the sweep")
    assert list_studies(workspace) == []
    assert "Best trial" not in [metric.label for metric in app.metric]


RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d", optimizer="adamw")
RATES = {1e-4: 0.85, 0.03: 0.2, 1e-3: 0.9, 2e-3: 0.88}


def make_trials() -> list[TrialResult]:
    vary = ("learning_rate", "hidden", "weight_decay")
    recipes = [replace(RECIPE, learning_rate=rate) for rate in RATES]
    return [
        make_trial(
            number,
            recipe,
            first_settings(recipe, vary),
            val_accuracy=(accuracy,),
            pruned=number == 2,
        )
        for number, (recipe, accuracy) in enumerate(zip(recipes, RATES.values(), strict=True), 1)
    ]


def test_importance_names_the_first() -> None:
    known = Importance(shares={"learning_rate": 0.9, "dropout": 0.1}, trials=40)
    figure = draw_importance(known)
    assert figure.layout.title.text == "Learning rate matters most (40 trials)"
    assert list(figure.data[0].text) == ["90 %", "10 %"]


def test_the_best_line_is_the_greenest_and_a_failure_takes_no_colour() -> None:
    figure = draw_parallel(make_trials())
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    reached = [float(line.customdata[0][1]) for line in lines]
    assert reached == sorted(RATES.values())  # the best is drawn last
    assert len({line.line.color for line in lines}) == len(lines)
    assert set(figure.layout.xaxis.ticktext) >= {"accuracy", "learning rate", "hidden layers"}
