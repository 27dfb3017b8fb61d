"""Charts of slices and of a run's history: what is drawn is what was measured."""

import pandas as pd
import pytest

from core.charts.slices import SLICE, draw_bins
from core.charts.theme import DARK, LIGHT, draw_svg
from core.reporting.writing import draw_history

BINS = pd.DataFrame(
    {
        "value": ["light:..0.3", "light:0.3.."],
        "label": ["below 0.3", "0.3 or more"],
        "n": [40, 60],
        "wrong": [20, 3],
        "accuracy": [0.5, 0.95],
        "low": [0.35, 0.86],
        "high": [0.65, 0.98],
        "expected": [0.8, 0.8],
    }
)


def rows(chart: dict, column: str) -> pd.DataFrame:
    tables = [pd.DataFrame(data) for data in chart["datasets"].values()]
    return next(table for table in tables if column in table)


def test_bins_say_accuracy_interval_n_and_what_lies_below() -> None:
    drawn = rows(draw_bins(BINS, ("Brightness", ""), (0.77, 0.35)).to_dict(), "words")
    assert drawn["words"].tolist() == ["50.0 % (35.0 to 65.0 %)", "95.0 % (86.0 to 98.0 %)"]
    assert drawn["worse"].tolist() == [True, False]
    assert drawn["n"].tolist() == [40, 60]
    assert drawn["by_class"].tolist() == ["80 %", "80 %"]


def test_a_click_selects_the_rule_and_a_link_draws_it_selected() -> None:
    chart = draw_bins(BINS, ("Brightness", ""), (0.77, 0.35), chosen="light:0.3..").to_dict()
    (parameter,) = [one for one in chart["params"] if one["name"] == SLICE]
    assert parameter["select"]["fields"] == ["value"]
    assert parameter["value"] == [{"value": "light:0.3.."}]
    other = draw_bins(BINS, ("Brightness", ""), (0.77, 0.35), chosen="hue:red").to_dict()
    assert "value" not in next(one for one in other["params"] if one["name"] == SLICE)


@pytest.mark.parametrize("dark", [False, True])
def test_weak_bins_have_the_colour_of_wrong(dark: bool) -> None:
    chart = draw_bins(BINS, ("Light", ""), (0.77, 0.3), dark=dark)
    assert (DARK if dark else LIGHT).wrong in draw_svg(chart, dark)


def test_history_draws_both_splits_and_the_best_epoch() -> None:
    history = [
        {"epoch": n, "loss": 1 / n, "accuracy": 0.5, "val_loss": 2 / n, "val_accuracy": 0.4}
        | ({"train_loss": 0.5 / n, "train_accuracy": 0.6} if n == 2 else {})
        for n in (1, 2, 3)
    ]
    chart = draw_history(history, 2).to_dict()
    drawn = rows(chart, "measure").query("measure == 'loss'")
    assert drawn.groupby("split").size().to_dict() == {
        "train": 1,
        "train, running mean": 3,
        "validation": 3,
    }
    assert "Epoch 2 of 3" in draw_svg(draw_history(history, 2))


def test_a_run_without_validation_photos_has_a_history_too() -> None:
    history = [{"epoch": 1, "loss": 1.0, "accuracy": 0.5, "val_loss": None, "val_accuracy": None}]
    assert "Epoch 1 of 1" in draw_svg(draw_history(history, 1, dark=True), True)


def test_no_dot_lies_on_the_bars_of_n() -> None:
    low = BINS.assign(accuracy=0.0, low=0.0)
    layers = draw_bins(low, ("Brightness", ""), (0.08, 0.0)).to_dict()["layer"]
    (domain,) = {
        tuple(part["encoding"]["y"]["scale"]["domain"])
        for layer in layers
        for part in layer.get("layer", [])
        if part["encoding"]["y"].get("field") == "accuracy"
    }
    bars = 1 / 5  # of the height
    assert (0 - domain[0]) / (domain[1] - domain[0]) > bars
