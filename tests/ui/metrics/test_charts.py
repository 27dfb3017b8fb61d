"""Ranking curves: chosen classes stand out, names are text; the run beside its baselines."""

import numpy as np
import pandas as pd
import pytest

from core.charts.theme import DARK, LIGHT
from core.ui.metrics.charts import MOST_CLASSES, draw_baselines, draw_ranking

CURVES = {f"class {number}": np.array([[0.0, 0.2, 1.0], [0.0, 0.8, 1.0]]) for number in range(9)}
MICRO = np.array([[0.0, 1.0], [0.0, 1.0]])
ROWS = pd.DataFrame(
    {
        "name": ["Run 1", "5 nearest by colour", "Largest class of train"],
        "accuracy": [0.8, 0.5, 0.2],
        "low": [0.75, 0.45, 0.15],
        "high": [0.85, 0.55, 0.25],
        "own": [True, False, False],
    }
)


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_chosen_classes_stand_out(dark: bool, colours: object) -> None:
    areas = {"class 3": "91.0 %", "all pairs": "88.0 %"}
    figure = draw_ranking("roc", CURVES, ["class 3", "class 5"], MICRO, areas, dark)
    names = [trace.name for trace in figure.data]
    assert names == ["7 other classes", "chance", "class 3 91.0 %", "class 5", "all pairs 88.0 %"]
    assert figure.data[2].line.color == colours.groups[0]
    assert figure.data[2].line.dash != figure.data[3].line.dash  # not by colour alone
    others = np.array(figure.data[0].x, float)
    assert np.isnan(others).sum() == 7  # one gap after each: no line from class to class
    assert "9 classes" in figure.layout.title.text


def test_thousands_of_classes_are_counted_as_everywhere() -> None:
    curves = {f"class {number}": CURVES["class 1"] for number in range(1002)}
    figure = draw_ranking("roc", curves, ["class 1"], MICRO, {})
    assert "1,002 classes" in figure.layout.title.text
    assert figure.data[0].name == "1,001 other classes"


def test_no_more_stand_out_than_can_be_told_apart() -> None:
    figure = draw_ranking("precision_recall", CURVES, [*CURVES, "not here"], MICRO, {})
    assert len(figure.data) == MOST_CLASSES + 2
    assert figure.data[1].line.shape == "vh"  # what average precision sums up


def test_all_may_stand_out_and_none_may_be_left() -> None:
    one = {"rose": CURVES["class 1"]}
    figure = draw_ranking("roc", one, ["rose"], np.empty((2, 0)), {})
    assert not figure.data[0].showlegend
    assert [trace.name for trace in figure.data[1:]] == ["chance", "rose"]


def test_names_of_classes_are_text() -> None:
    name = "<a href='x'>ro\"se</a>"
    figure = draw_ranking("roc", {name: CURVES["class 1"]}, [name], MICRO, {})
    assert "<a" not in figure.data[2].name
    assert "<a" not in figure.data[2].hovertemplate
    assert '"' in figure.data[2].name and "&quot;" not in str(figure.data[2])


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_the_run_stands_out(dark: bool, colours: object) -> None:
    chart = draw_baselines(ROWS, 120, dark).to_dict()
    (data,) = chart["datasets"].values()
    assert [row["name"] for row in data] == ROWS["name"].tolist()
    assert data[0]["interval"] == "75 % to 85 %"
    # Without a named order the browser would keep that of the run drawn before.
    assert chart["layer"][0]["encoding"]["y"]["scale"]["domain"] == ROWS["name"].tolist()
    colour = chart["layer"][0]["encoding"]["color"]
    assert colour["condition"] == {"test": "datum.own", "value": colours.accent}
    assert colour["value"] == colours.faint


def test_the_title_says_both_accuracies_and_judges_nothing() -> None:
    title = draw_baselines(ROWS, 120).to_dict()["title"]["text"]
    own, *others = [f"{100 * share:.0f} %" for share in ROWS["accuracy"]]
    assert title in [
        f"The run is right on {own}, the strongest baseline on {one}" for one in others
    ]
