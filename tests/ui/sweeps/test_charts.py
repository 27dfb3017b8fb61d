"""Sweeps in pictures: every trial is there, failures do not take the colours, axes read well."""

from dataclasses import replace

import pytest

from core.runs.recipe.plans import first_settings
from core.runs.recipe.recipe import Recipe
from core.runs.training.study import Importance, TrialResult
from core.ui.sweeps.results import draw_history, draw_importance, draw_parallel

RECIPE = Recipe(dataset="0123456789abcdef", weights_digest="d", optimizer="adamw")
RATES = {1e-4: 0.85, 0.03: 0.2, 1e-3: 0.9, 2e-3: 0.88}


def make_trials() -> list[TrialResult]:
    vary = ("learning_rate", "hidden", "weight_decay")
    recipes = [replace(RECIPE, learning_rate=rate) for rate in RATES]
    return [
        TrialResult(
            number=number,
            settings=first_settings(recipe, vary),
            recipe=recipe,
            val_accuracy=(accuracy,),
            val_loss=(1.0,),
            best_epoch=1,
            pruned=number == 2,
            seconds=1.0,
        )
        for number, (recipe, accuracy) in enumerate(zip(recipes, RATES.values(), strict=True), 1)
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_history_shows_every_trial_and_the_best_so_far(dark: bool) -> None:
    figure = draw_history(make_trials(), dark)
    assert figure.layout.title.text == "Best of 4 trials: 90 % validation accuracy"
    trials, best = figure.data[:2]
    assert list(trials.x) == [1, 2, 3, 4] and list(trials.y) == list(RATES.values())
    assert list(best.y) == [0.85, 0.85, 0.9, 0.9]


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
