"""Ranking curves: chosen classes stand out, names are text."""

import numpy as np
import pytest

from core.charts.theme import DARK, LIGHT
from core.ui.metrics.charts import MOST_CLASSES, draw_ranking

CURVES = {f"class {number}": np.array([[0.0, 0.2, 1.0], [0.0, 0.8, 1.0]]) for number in range(9)}
MICRO = np.array([[0.0, 1.0], [0.0, 1.0]])


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
