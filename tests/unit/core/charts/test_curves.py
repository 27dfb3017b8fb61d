"""The learning curves: the raw points, the best epoch, and what the title claims."""

import plotly.graph_objects as go
import pytest

from core.charts.curves import draw_curves
from core.charts.theme import DARK, LIGHT


def make_epochs(losses: list[float], *, validation: bool = True) -> list[dict[str, object]]:
    return [
        {
            "epoch": number,
            "loss": loss,
            "accuracy": 0.5 + 0.1 * number,
            "val_loss": loss + 0.1 if validation else None,
            "val_accuracy": 0.4 + 0.1 * number if validation else None,
        }
        for number, loss in enumerate(losses, start=1)
    ]


def lines(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


def test_points_are_the_epochs_unsmoothed() -> None:
    figure = draw_curves(make_epochs([0.9, 0.4, 0.6]), 10, 2)
    loss, accuracy = lines(figure, "train")
    assert list(loss.x) == [1, 2, 3]
    assert list(loss.y) == [0.9, 0.4, 0.6]
    assert list(accuracy.y) == pytest.approx([60, 70, 80])
    loss, accuracy = lines(figure, "validation")
    assert list(loss.y) == pytest.approx([1.0, 0.5, 0.7])
    assert list(accuracy.y) == pytest.approx([50, 60, 70])


def test_best_epoch_is_marked_on_the_validation_curves() -> None:
    figure = draw_curves(make_epochs([0.9, 0.4, 0.6]), 10, 2)
    loss, accuracy = lines(figure, "best epoch")
    assert (loss.x, loss.y) == ((2,), (0.5,))
    assert accuracy.x == (2,)
    assert accuracy.y == pytest.approx((60,))
    title = figure.layout.title.text
    assert title == "Epoch 3 of 10: lowest validation loss 0.500 at epoch 2"


def test_without_validation_photos_the_training_curves_are_judged() -> None:
    figure = draw_curves(make_epochs([0.9, 0.4], validation=False), 5, 2)
    assert lines(figure, "validation") == []
    assert lines(figure, "best epoch")[0].y == (0.4,)
    assert "lowest training loss 0.400" in figure.layout.title.text


def test_a_loss_that_is_not_a_number_leaves_a_gap() -> None:
    epochs = make_epochs([0.9, 0.4, 0.3])
    epochs[1] |= {"loss": None, "val_loss": None}
    loss, _ = lines(draw_curves(epochs, 3, None), "validation")
    assert loss.y == (pytest.approx(1.0), None, pytest.approx(0.4))


@pytest.mark.parametrize("epochs", [[], make_epochs([0.5])])
def test_the_axis_is_as_wide_as_the_recipe_from_the_start(epochs: list) -> None:
    figure = draw_curves(epochs, 20, None)
    assert tuple(figure.layout.xaxis.range) == (0.5, 20.5)
    assert tuple(figure.layout.xaxis2.range) == (0.5, 20.5)
    assert lines(figure, "best epoch") == []


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_splits_keep_their_colours(dark: bool, colours: object) -> None:
    figure = draw_curves(make_epochs([0.9, 0.4]), 2, 2, dark)
    for split in ("train", "validation"):
        assert {line.line.color for line in lines(figure, split)} == {colours.splits[split]}
    assert figure.layout.font.color == colours.quiet
