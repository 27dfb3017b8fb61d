"""The learning curves: the raw points, the best epoch, and what the title claims."""

import plotly.graph_objects as go
import pytest

from core.charts.theme import DARK, LIGHT
from core.ui.training.charts import Curves, Overlay, draw_curves


def make_epochs(losses: list[float], *, validation: bool = True) -> list[dict[str, object]]:
    return [
        {
            "epoch": number,
            "loss": loss,
            "accuracy": 0.3 + 0.1 * number,
            "train_loss": loss,
            "train_accuracy": 0.5 + 0.1 * number,
            "val_loss": loss + 0.1 if validation else None,
            "val_accuracy": 0.4 + 0.1 * number if validation else None,
        }
        for number, loss in enumerate(losses, start=1)
    ]


def lines(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


def test_points_are_the_epochs() -> None:
    figure = draw_curves(Curves(make_epochs([0.9, 0.4, 0.6]), 10, 2))
    loss, accuracy = lines(figure, "training")
    assert list(loss.x) == [1, 2, 3]
    assert list(loss.y) == [0.9, 0.4, 0.6]
    assert list(accuracy.y) == pytest.approx([60, 70, 80])
    loss, accuracy = lines(figure, "validation")
    assert list(loss.y) == pytest.approx([1.0, 0.5, 0.7])
    assert list(accuracy.y) == pytest.approx([50, 60, 70])


def test_the_running_mean_is_a_faint_line_with_its_name() -> None:
    figure = draw_curves(Curves(make_epochs([0.9, 0.4, 0.6]), 10, 2))
    _, accuracy = lines(figure, "training, running mean")
    assert list(accuracy.y) == pytest.approx([40, 50, 60])
    assert accuracy.opacity < 1
    before = [epoch | {"train_loss": None} for epoch in make_epochs([0.9, 0.4])]
    assert len(lines(draw_curves(Curves(before, 2)), "training")) == 1  # no loss was measured


def test_the_best_epoch_is_marked_on_the_validation_curves() -> None:
    figure = draw_curves(Curves(make_epochs([0.9, 0.4, 0.6]), 10, 2))
    loss, accuracy = lines(figure, "best epoch")
    assert (loss.x, loss.y) == ((2,), (0.5,))
    assert accuracy.x == (2,)
    assert accuracy.y == pytest.approx((60,))
    title = figure.layout.title
    assert title.text == "Epoch 3 of 10"
    assert title.subtitle.text == "lowest validation loss 0.500 at epoch 2"
    # Nothing is cut or overlaps 390 pixels wide: the legend grows downwards, below the axes.
    assert figure.layout.legend.y < 0 and figure.layout.legend.yanchor == "top"


def test_without_validation_photos_the_training_curves_are_judged() -> None:
    figure = draw_curves(Curves(make_epochs([0.9, 0.4], validation=False), 5, 2))
    assert lines(figure, "validation") == []
    assert lines(figure, "best epoch")[0].y == (0.4,)
    assert "lowest training loss 0.400" in figure.layout.title.subtitle.text


def test_a_loss_that_is_not_a_number_leaves_a_gap() -> None:
    epochs = make_epochs([0.9, 0.4, 0.3])
    epochs[1] |= {"loss": None, "val_loss": None}
    loss, _ = lines(draw_curves(Curves(epochs, 3)), "validation")
    assert loss.y == (pytest.approx(1.0), None, pytest.approx(0.4))


@pytest.mark.parametrize("epochs", [[], make_epochs([0.5])])
def test_the_axis_is_as_wide_as_the_recipe_from_the_start(epochs: list) -> None:
    figure = draw_curves(Curves(epochs, 20))
    assert tuple(figure.layout.xaxis.range) == (0.5, 20.5)
    assert tuple(figure.layout.xaxis2.range) == (0.5, 20.5)
    assert lines(figure, "best epoch") == []


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_splits_keep_their_colours(dark: bool, colours: object) -> None:
    figure = draw_curves(Curves(make_epochs([0.9, 0.4]), 2, 2), dark=dark)
    for split, name in (("train", "training"), ("validation", "validation")):
        assert {line.line.color for line in lines(figure, name)} == {colours.splits[split]}
    assert figure.layout.font.color == colours.quiet


def test_other_runs_have_their_own_colours() -> None:
    others = (
        Overlay("Run 1", make_epochs([0.8, 0.7, 0.6, 0.5])),
        Overlay("Run 2", make_epochs([0.5], validation=False)),
    )
    figure = draw_curves(Curves(make_epochs([0.9, 0.4]), 2, others=others))
    first, _ = lines(figure, "Run 1")
    assert list(first.y) == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert lines(figure, "Run 2, training, running mean")[0].y == (0.5,)
    colours = [line.line.color for line in figure.data if line.line.color]
    assert len({first.line.color, *LIGHT.splits.values()}) == 4
    assert len(set(colours)) == 4
    assert tuple(figure.layout.xaxis.range) == (0.5, 4.5)
