"""The learning curves of a run: loss and accuracy side by side, train against validation.

Raw points, never smoothed. The best epoch (lowest validation loss) is marked, because it is the one
that is kept. The epochs are those of the run's events, in order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.theme import Palette, choose_palette, figure_layout

_PANELS = (("loss", "Loss", 1, "%{y:.3f}"), ("accuracy", "Accuracy", 100, "%{y:.1f} %"))
_TICK_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FEW_EPOCHS = 25
_SPLITS = (("train", "", "circle"), ("validation", "val_", "diamond"))


def draw_curves(
    epochs: Sequence[Mapping[str, Any]],
    total_epochs: int,
    best_epoch: int | None = None,
    dark: bool = False,
) -> go.Figure:
    """Returns loss and accuracy per epoch, for train and validation photos.

    Args:
        epochs: Mappings with epoch (from 1), loss, accuracy, val_loss and val_accuracy, in order;
            the last two are None in a run without validation photos.
        total_epochs: How many the recipe asks for: the width of the chart while it fills.
        best_epoch: The one that is kept; None draws no mark.
        dark: Whether the page is dark.
    """
    colours = choose_palette(dark)
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.11)
    for column, (name, title, factor, hover) in enumerate(_PANELS, start=1):
        for split, prefix, symbol in _SPLITS:
            values = [_scale(epoch.get(prefix + name), factor) for epoch in epochs]
            if split == "train" or any(value is not None for value in values):
                figure.add_trace(
                    _line(epochs, values, split, symbol, hover, colours, legend=column == 1),
                    row=1,
                    col=column,
                )
        _draw_axes(figure, column, title, total_epochs, colours)
    size = 7 if total_epochs <= _FEW_EPOCHS else 4
    figure.update_traces(marker_size=size, cliponaxis=False)
    best = next((epoch for epoch in epochs if epoch["epoch"] == best_epoch), None)
    if best is not None:
        _mark_best(figure, best, colours)
    layout = figure_layout(dark)
    layout["title"]["text"] = _describe(epochs, total_epochs, best)
    figure.update_layout(
        **layout,
        height=340,
        margin={"l": 40, "r": 12, "t": 92, "b": 44},
        legend={
            "orientation": "h",
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 0.91,
            "yref": "container",
            "yanchor": "top",
        },
        uirevision="curves",  # a reader's zoom survives the next epoch
    )
    return figure


def _line(
    epochs: Sequence[Mapping[str, Any]],
    values: list[float | None],
    split: str,
    symbol: str,
    hover: str,
    colours: Palette,
    *,
    legend: bool,
) -> go.Scatter:
    return go.Scatter(
        x=[epoch["epoch"] for epoch in epochs],
        y=values,
        name=split,
        legendgroup=split,
        showlegend=legend,
        mode="lines+markers",
        line={"color": colours.splits[split], "width": 2},
        marker={"symbol": symbol},
        hovertemplate=hover,
    )


def _draw_axes(
    figure: go.Figure, column: int, title: str, total_epochs: int, colours: Palette
) -> None:
    figure.update_xaxes(
        title={"text": "epoch", "standoff": 6, "font": {"size": 12}},
        range=[0.5, total_epochs + 0.5],
        dtick=next((step for step in _TICK_STEPS if total_epochs <= 10 * step), _TICK_STEPS[-1]),
        tick0=0,
        showgrid=False,
        zeroline=False,
        linecolor=colours.line,
        hoverformat="d",
        unifiedhovertitle={"text": "epoch %{x}"},
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
    figure.add_annotation(
        text=title,
        x=0,
        y=1,
        yshift=22,
        xref="x domain",
        yref="y domain",
        xanchor="left",
        showarrow=False,
        font={"color": colours.ink, "size": 13, "weight": 600},
        row=1,
        col=column,
    )


def _mark_best(figure: go.Figure, best: Mapping[str, Any], colours: Palette) -> None:
    for column, (name, _, factor, _) in enumerate(_PANELS, start=1):
        judged = "validation" if best.get(f"val_{name}") is not None else "train"
        value = best[name if judged == "train" else f"val_{name}"]
        figure.add_vline(
            x=best["epoch"],
            line={"color": colours.quiet, "width": 1, "dash": "dot"},
            layer="below",
            row=1,
            col=column,
        )
        figure.add_trace(
            go.Scatter(
                x=[best["epoch"]],
                y=[_scale(value, factor)],
                name="best epoch",
                showlegend=column == 1,
                mode="markers",
                hoverinfo="skip",
                marker={
                    "symbol": "circle-open",
                    "size": 15,
                    "line": {"width": 2, "color": colours.ink},
                    "color": colours.ink,
                },
            ),
            row=1,
            col=column,
        )


def _scale(value: float | None, factor: int) -> float | None:
    return None if value is None else factor * value


def _describe(
    epochs: Sequence[Mapping[str, Any]], total_epochs: int, best: Mapping[str, Any] | None
) -> str:
    if not epochs:
        return "The curves begin with the first epoch"
    reached = f"Epoch {epochs[-1]['epoch']} of {total_epochs}"
    if best is None:
        return reached
    kind = "training loss" if best.get("val_loss") is None else "validation loss"
    value = best["loss"] if best.get("val_loss") is None else best["val_loss"]
    return f"{reached}: lowest {kind} {value:.3f} at epoch {best['epoch']}"
