"""The learning curves of a run: loss and accuracy side by side, train against validation.

Raw points unless the reader smooths them. The best epoch (lowest validation loss) is marked,
because it is the one that is kept. The epochs are those of the run's events, in order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.theme import Palette, choose_palette, figure_layout
from core.ui.training.curves_lines import (
    Epochs,
    Look,
    Overlay,
    draw_line,
    draw_other,
    place_points,
    scale,
    step_epochs,
)

_PANELS = (("loss", "Loss", 1, "%{y:.3f}"), ("accuracy", "Accuracy", 100, "%{y:.1f} %"))
_FEW_EPOCHS = 25
_SPLITS = (("train", "", "circle"), ("validation", "val_", "diamond"))
_RAW = Look()


def draw_curves(
    epochs: Epochs,
    total_epochs: int,
    best_epoch: int | None = None,
    dark: bool = False,
    *,
    others: Sequence[Overlay] = (),
    look: Look = _RAW,
) -> go.Figure:
    """Returns loss and accuracy per epoch, for train and validation photos.

    Args:
        epochs: Mappings with epoch (from 1), loss, accuracy, val_loss and val_accuracy, in order;
            the last two are None in a run without validation photos. By time also seconds.
        total_epochs: How many the recipe asks for: the width of the chart while it fills.
        best_epoch: The one that is kept; None draws no mark.
        dark: Whether the page is dark.
        others: Runs to compare with; their validation is drawn behind, dashed.
        look: The axis, smoothing and size.
    """
    colours = choose_palette(dark)
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.11)
    for column in (1, 2):
        _draw_panel(figure, column, epochs, others, look, colours)
        _draw_axes(figure, column, look, colours)
    if not look.by_time:
        furthest = max([total_epochs, *(len(other.epochs) for other in others)])
        _number_epochs(figure, furthest)
    size = (7 if total_epochs <= _FEW_EPOCHS else 4) * (2 if look.large else 1)
    figure.update_traces(marker_size=size, cliponaxis=False)
    best = next((epoch for epoch in epochs if epoch["epoch"] == best_epoch), None)
    if best is not None:
        _mark_best(figure, best, epochs, look, colours)
    _lay_out(figure, look, dark, _describe(epochs, total_epochs, best))
    return figure


def _draw_panel(
    figure: go.Figure,
    column: int,
    epochs: Epochs,
    others: Sequence[Overlay],
    look: Look,
    colours: Palette,
) -> None:
    name, title, factor, hover = _PANELS[column - 1]
    legend = column == 1
    for number, other in enumerate(others):
        line = draw_other(
            other, number, name, factor, hover=hover, look=look, colours=colours, legend=legend
        )
        figure.add_trace(line, row=1, col=column)
    x = place_points(epochs, look)
    for split, prefix, symbol in _SPLITS:
        values = [scale(epoch.get(prefix + name), factor) for epoch in epochs]
        if split == "train" or any(value is not None for value in values):
            lines = draw_line(
                x,
                values,
                name=split,
                colour=colours.splits[split],
                symbol=symbol,
                hover=hover,
                look=look,
                legend=legend,
            )
            for line in lines:
                figure.add_trace(line, row=1, col=column)
    figure.add_annotation(
        text=title,
        x=0,
        y=1,
        yshift=22,
        xref="x domain",
        yref="y domain",
        xanchor="left",
        showarrow=False,
        font={"color": colours.ink, "size": 22 if look.large else 13, "weight": 600},
        row=1,
        col=column,
    )


def _draw_axes(figure: go.Figure, column: int, look: Look, colours: Palette) -> None:
    type_size = 20 if look.large else 12
    figure.update_xaxes(
        title={
            "text": "time in epochs (s)" if look.by_time else "epoch",
            "standoff": 14 if look.large else 6,
            "font": {"size": type_size},
        },
        rangemode="tozero",
        showgrid=False,
        zeroline=False,
        linecolor=colours.line,
        hoverformat=".1f" if look.by_time else "d",
        unifiedhovertitle={"text": "after %{x} s" if look.by_time else "epoch %{x}"},
        row=1,
        col=column,
    )
    figure.update_yaxes(
        gridcolor=colours.line,
        zeroline=False,
        rangemode="tozero" if column == 1 else "normal",
        ticksuffix="" if column == 1 else " %",
        ticklabelstandoff=4,
        row=1,
        col=column,
    )


def _number_epochs(figure: go.Figure, furthest: int) -> None:
    """Makes the axes as wide as the longest recipe, from the start."""
    figure.update_xaxes(
        range=[0.5, furthest + 0.5],
        dtick=step_epochs(furthest, 10),
        tick0=0,
    )


def _lay_out(figure: go.Figure, look: Look, dark: bool, title: str) -> None:
    layout = figure_layout(dark)
    layout["title"]["text"] = "" if look.large else title  # a room reads the numbers above
    if look.large:
        layout["font"]["size"] = 20
    figure.update_layout(
        **layout,
        height=480 if look.large else 340,
        margin={"l": 40, "r": 12, "t": 92, "b": 70 if look.large else 44},
        legend={
            "orientation": "h",
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1 if look.large else 0.91,
            "yref": "container",
            "yanchor": "top",
        },
        uirevision="curves",  # a reader's zoom survives the next epoch
    )


def _mark_best(
    figure: go.Figure, best: Mapping[str, Any], epochs: Epochs, look: Look, colours: Palette
) -> None:
    x = place_points(epochs, look)[[epoch["epoch"] for epoch in epochs].index(best["epoch"])]
    for column, (name, _, factor, _) in enumerate(_PANELS, start=1):
        judged = "validation" if best.get(f"val_{name}") is not None else "train"
        value = best[name if judged == "train" else f"val_{name}"]
        figure.add_vline(
            x=x,
            line={"color": colours.quiet, "width": 1, "dash": "dot"},
            layer="below",
            row=1,
            col=column,
        )
        figure.add_trace(
            go.Scatter(
                x=[x],
                y=[scale(value, factor)],
                name="best epoch",
                showlegend=column == 1,
                mode="markers",
                hoverinfo="skip",
                marker={
                    "symbol": "circle-open",
                    "size": 26 if look.large else 15,
                    "line": {"width": 2, "color": colours.ink},
                    "color": colours.ink,
                },
            ),
            row=1,
            col=column,
        )


def _describe(epochs: Epochs, total_epochs: int, best: Mapping[str, Any] | None) -> str:
    if not epochs:
        return "The curves begin with the first epoch"
    reached = f"Epoch {epochs[-1]['epoch']} of {total_epochs}"
    if best is None:
        return reached
    kind = "training loss" if best.get("val_loss") is None else "validation loss"
    value = best["loss"] if best.get("val_loss") is None else best["val_loss"]
    return f"{reached}: lowest {kind} {value:.3f} at epoch {best['epoch']}"
