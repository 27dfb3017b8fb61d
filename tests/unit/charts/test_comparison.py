"""Charts of a comparison: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest

from core.charts.bars import CHANGE, draw_class_changes
from core.charts.theme import DARK, LIGHT
from core.evaluation.comparison import compare_predictions
from core.ui.comparing.reading import RunCurve
from core.ui.comparing.verdict import draw_overlaid_curves

EPOCHS = [
    {"epoch": 1, "val_loss": 0.9, "val_accuracy": 0.5, "seconds": 2.0},
    {"epoch": 2, "val_loss": 0.4, "val_accuracy": 0.8, "seconds": 1.0},
]


def per_class(labels: list[int], a: list[int], b: list[int]) -> pd.DataFrame:
    arrays = (np.array(labels), np.array(a), np.array(b))
    return compare_predictions(*arrays, [f"class {i}" for i in range(200)]).per_class


@pytest.mark.parametrize("dark", [False, True])
def test_bars_go_right_for_gained_and_left_for_lost(dark: bool) -> None:
    table = per_class([0, 0, 1, 1, 2], [1, 0, 1, 1, 2], [0, 0, 0, 1, 2])
    chart = draw_class_changes(table, dark).to_dict()
    (data,) = chart["datasets"].values()
    drawn = {(row["class"], row["change"]): row["drawn"] for row in data if row["photos"]}
    assert drawn == {("class 0", "gained"): 1, ("class 1", "lost"): -1}
    assert chart["title"]["text"] == "1 gained, 1 lost"
    assert chart["params"][0]["name"] == CHANGE
    colours = DARK if dark else LIGHT
    assert chart["encoding"]["color"]["scale"]["range"] == [colours.wrong, colours.right]


def test_many_classes_and_none_can_be_drawn() -> None:
    many = per_class(list(range(150)), [0] * 150, list(range(150)))
    chart = draw_class_changes(many).to_dict()
    assert len(chart["encoding"]["y"]["scale"]["domain"]) == 149
    assert draw_class_changes(per_class([0], [0], [0])).to_dict()["title"]["text"] == (
        "0 gained, 0 lost"
    )


def test_each_run_has_one_colour_in_both_panels_and_its_best_epoch_a_ring() -> None:
    curves = [RunCurve(name=f"Run {i}", epochs=EPOCHS, best_epoch=2) for i in range(3)]
    figure = draw_overlaid_curves(curves)
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert len(lines) == 6
    assert [trace.line.color for trace in lines[:3]] == list(LIGHT.groups[:3])
    assert [trace.line.color for trace in lines[3:]] == list(LIGHT.groups[:3])
    assert [trace.showlegend for trace in lines] == [True] * 3 + [False] * 3
    rings = [trace for trace in figure.data if trace.mode == "markers"]
    assert [(ring.x[0], ring.y[0]) for ring in rings[::3]] == [(2, 0.4), (2, 80.0)]
    assert figure.layout.title.text == "Lowest validation loss: 0.400, Run 0"


def test_time_adds_up_the_seconds_of_the_epochs() -> None:
    figure = draw_overlaid_curves(
        [RunCurve(name="a", epochs=EPOCHS, best_epoch=None)], along="seconds", dark=True
    )
    assert list(figure.data[0].x) == [2.0, 3.0]
    assert figure.data[0].line.color == DARK.groups[0]


def test_the_ninth_run_is_dashed_and_a_run_without_epochs_draws_nothing() -> None:
    curves = [RunCurve(name=str(i), epochs=EPOCHS, best_epoch=2) for i in range(9)]
    figure = draw_overlaid_curves([*curves, RunCurve(name="new", epochs=[], best_epoch=None)])
    lines = {trace.name: trace for trace in figure.data if trace.mode == "lines"}
    assert (lines["0"].line.dash, lines["8"].line.dash) == ("solid", "dash")
    assert list(lines["new"].x) == []
    empty = draw_overlaid_curves([RunCurve(name="new", epochs=[], best_epoch=None)])
    assert empty.layout.title.text == "No run has a validation loss"
