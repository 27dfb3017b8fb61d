"""Sweeps in pictures: every trial is there, failures do not take the colours, axes read well."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.ui.sweeps.charts import draw_history, draw_importance, draw_parallel

HIDDEN = ("none", "128", "512 → 128")
ACCURACY = [0.85, 0.2, 0.9, 0.88]


def make_table() -> pd.DataFrame:
    best = list(np.maximum.accumulate(ACCURACY))
    pruned = [False, True, False, False]
    return pd.DataFrame(
        {"trial": [1, 2, 3, 4], "accuracy": ACCURACY, "pruned": pruned, "best": best}
    )


def draw(dark: bool = False, **changes: Any) -> Any:
    settings = pd.DataFrame(
        {
            "learning rate": [1e-5, 0.03, 1e-3, 2e-3],
            "hidden layers": ["none", "512 → 128", "none", "128"],
            "dropout": [0.0, 0.5, 0.8, 0.3],
        }
    )
    arguments = {"logarithmic": ["learning rate"], "choices": {"hidden layers": HIDDEN}, **changes}
    return draw_parallel(settings, ACCURACY, dark=dark, **arguments)


@pytest.mark.parametrize("dark", [False, True])
def test_history_shows_every_trial_and_the_best_so_far(dark: bool) -> None:
    content = draw_history(make_table(), dark).to_dict()
    assert content["title"]["text"] == "Best of 4 trials: 90 %"
    (rows,) = content["datasets"].values()
    assert [row["accuracy"] for row in rows] == ACCURACY
    assert [row["best"] for row in rows] == [0.85, 0.85, 0.9, 0.9]
    assert [row["ended"] for row in rows] == ["all epochs", "pruned", "all epochs", "all epochs"]


def test_importance_is_sorted_and_names_the_first() -> None:
    content = draw_importance({"dropout": 0.1, "learning rate": 0.9}, 40).to_dict()
    assert content["title"]["text"] == "Learning rate matters most here"
    (rows,) = content["datasets"].values()
    assert [(row["setting"], row["text"]) for row in rows] == [
        ("learning rate", "90 %"),
        ("dropout", "10 %"),
    ]


def test_axes_of_the_settings_read_as_people_do() -> None:
    (lines,) = draw().data
    rate, hidden, dropout, accuracy = lines.dimensions
    assert list(rate.ticktext) == ["1e-05", "0.0001", "0.001", "0.01", "0.1"]
    assert list(hidden.ticktext) == list(HIDDEN)
    assert dropout.label == "dropout" and dropout.ticktext is None
    assert list(accuracy.values) == [20, 85, 88, 90]  # the best is drawn last
    assert list(hidden.values) == [2, 0, 1, 0]


def test_one_failure_does_not_take_the_colours() -> None:
    (lines,) = draw(dark=True).data
    assert lines.line.cmin > 40
    assert lines.line.cmax == pytest.approx(90)


def test_a_single_rate_has_an_axis() -> None:
    settings = pd.DataFrame({"learning rate": [1e-3, 1e-3]})
    figure = draw_parallel(settings, [0.5, 0.5], logarithmic=["learning rate"], choices={})
    low, high = figure.data[0].dimensions[0].range
    assert low < high


def test_a_setting_of_none_lies_below_the_others_on_a_logarithmic_axis() -> None:
    settings = pd.DataFrame({"weight decay": [0.0, 1e-3, 0.01, 2e-3]})
    figure = draw_parallel(settings, ACCURACY, logarithmic=["weight decay"], choices={})
    decay = figure.data[0].dimensions[0]
    assert sorted(decay["values"])[0] == -4
    assert decay["ticktext"][0] == "0" and decay["ticktext"][1] == "0.001"
