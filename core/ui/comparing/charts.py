"""The validation curves of several runs in one chart; colours follow the order of the runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.theme import (
    Palette,
    choose_palette,
    figure_layout,
    place_epochs,
    scale,
    title_panel,
)

Axis = Literal["epoch", "seconds"]

_Panel = tuple[str, str, int, str]
"""Field of an epoch, title, factor and hover."""
_PANELS: tuple[_Panel, ...] = (
    ("val_loss", "Validation loss", 1, "%{y:.3f}"),
    ("val_accuracy", "Validation accuracy", 100, "%{y:.1f} %"),
)
_DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True, kw_only=True)
class RunCurve:
    """The epochs of a run, as in its events."""

    name: str
    epochs: Sequence[Mapping[str, Any]]
    best_epoch: int | None


def draw_overlaid_curves(
    curves: Sequence[RunCurve], along: Axis = "epoch", dark: bool = False
) -> go.Figure:
    """Return validation loss and accuracy of several runs; rings mark the best epochs.

    Args:
        along: Unit of the axis.
    """
    colours = choose_palette(dark)
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.11)
    for column, panel in enumerate(_PANELS, start=1):
        for number, curve in enumerate(curves):
            traces = _draw_run(curve, number, panel, along, colours)
            figure.add_traces(traces, rows=1, cols=column)
        _draw_axes(figure, column, panel[1], along, colours)
    layout = figure_layout(dark)
    layout["title"]["text"] = _describe_curves(curves)
    figure.update_layout(
        **layout,
        height=330 + 22 * (len(curves) // 3),
        margin={"l": 40, "r": 12, "t": 70, "b": 44},
        legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"},
        uirevision=f"comparison.{along}",
    )
    return figure


def _draw_run(
    curve: RunCurve, number: int, panel: _Panel, along: Axis, colours: Palette
) -> list[go.Scatter]:
    name, _, factor, hover = panel
    colour = colours.groups[number % len(colours.groups)]
    dash = _DASHES[number // len(colours.groups) % len(_DASHES)]
    places = place_epochs(curve.epochs, along == "seconds")
    values = [scale(epoch.get(name), factor) for epoch in curve.epochs]
    line = go.Scatter(
        x=places,
        y=values,
        name=curve.name,
        legendgroup=str(number),
        showlegend=panel is _PANELS[0],
        mode="lines+markers" if len(values) == 1 else "lines",
        line={"color": colour, "width": 2, "dash": dash},
        hovertemplate=hover,
        cliponaxis=False,
    )
    best = [i for i, epoch in enumerate(curve.epochs) if epoch["epoch"] == curve.best_epoch]
    ring = go.Scatter(
        x=[places[i] for i in best],
        y=[values[i] for i in best],
        legendgroup=str(number),
        showlegend=False,
        mode="markers",
        hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 11, "line": {"width": 2}, "color": colour},
        cliponaxis=False,
    )
    return [line, ring]


def _draw_axes(figure: go.Figure, column: int, title: str, along: Axis, colours: Palette) -> None:
    where = {"row": 1, "col": column}
    figure.update_xaxes(
        title={
            "text": "epoch" if along == "epoch" else "seconds",
            "standoff": 4,
            "font": {"size": 12},
        },
        tickformat="d" if along == "epoch" else None,
        rangemode="tozero",
        showgrid=False,
        zeroline=False,
        linecolor=colours.line,
        unifiedhovertitle={"text": "epoch %{x}" if along == "epoch" else "%{x} s"},
        **where,
    )
    figure.update_yaxes(
        gridcolor=colours.line,
        zeroline=False,
        ticksuffix="" if column == 1 else " %",
        ticklabelstandoff=4,
        **where,
    )
    title_panel(figure, column, title, colours.ink)


def _describe_curves(curves: Sequence[RunCurve]) -> str:
    lowest = [
        (epoch["val_loss"], curve.name)
        for curve in curves
        for epoch in curve.epochs
        if epoch["epoch"] == curve.best_epoch and epoch.get("val_loss") is not None
    ]
    if not lowest:
        return "No run has a validation loss"
    loss, name = min(lowest)
    return f"Lowest validation loss: {loss:.3f}, {name}"
