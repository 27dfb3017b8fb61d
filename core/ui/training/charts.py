"""The learning curves of a run: loss and accuracy, training against validation; and its machine.

The best epoch (lowest validation loss) is marked: its weights are the result. An epoch is a mapping
as in the events of a run: epoch (from 1), loss, accuracy (running means), train_loss,
train_accuracy, val_loss, val_accuracy, seconds and figures of the machine. None leaves a gap.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
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

Epochs = Sequence[Mapping[str, Any]]


class Overlay(NamedTuple):
    """Another run, drawn behind."""

    name: str
    epochs: Epochs


class Curves(NamedTuple):
    """A run to draw."""

    epochs: Epochs
    """In order; val_loss and val_accuracy are None without validation photos."""
    total_epochs: int
    """Epochs of the recipe: the width of the chart."""
    best_epoch: int | None = None
    others: tuple[Overlay, ...] = ()


class Look(NamedTuple):
    """How to draw the curves."""

    by_time: bool = False
    """Whether the axis is the time spent in epochs."""
    smoothing: float = 0.0
    """0 to below 1: weight of the earlier points."""
    large: bool = False
    """Type and lines for a presentation."""


class _Panel(NamedTuple):
    """One of the two panels."""

    column: int
    metric: str
    title: str
    factor: float
    hover: str
    look: Look
    colours: Palette

    def read(self, epochs: Epochs, prefix: str = "") -> list[float | None]:
        """Return the values of the metric; `prefix`: train_, val_, "" for running means."""
        return [scale(epoch.get(prefix + self.metric), self.factor) for epoch in epochs]

    def draw(
        self, x: Sequence[float], y: Sequence[float | None], name: str, **drawn: Any
    ) -> go.Scatter:
        """Return a line; named once in the legend of both panels."""
        drawn = {"showlegend": self.column == 1, "hovertemplate": self.hover} | drawn
        return go.Scatter(x=x, y=list(y), name=name, **drawn)


_METRICS = (("loss", "Loss", 1, "%{y:.3f}"), ("accuracy", "Accuracy", 100, "%{y:.1f} %"))
_FEW_EPOCHS = 25
_SPLITS = (
    ("train", "training", "train_", "circle"),
    ("validation", "validation", "val_", "diamond"),
)
RUNNING = "training, running mean"
"""The line of answers during training, with dropout and augmentation."""
RAW = Look()
_TICK_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_OTHERS = (2, 6, 1, 7, 3)
"""Places in the palette's groups that no split has, most different first."""
_FAINT, _FAINT_NAMED = 0.3, 0.6


def draw_curves(curves: Curves, look: Look = RAW, dark: bool = False) -> go.Figure:
    """Return loss and accuracy per epoch, of training and validation photos."""
    epochs, colours = curves.epochs, choose_palette(dark)
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.11)
    panels = [_Panel(i, *metric, look, colours) for i, metric in enumerate(_METRICS, start=1)]
    best = next((epoch for epoch in epochs if epoch["epoch"] == curves.best_epoch), None)
    for panel in panels:
        figure.add_traces(_draw_lines(panel, curves), rows=1, cols=panel.column)
        title_panel(figure, panel.column, panel.title, colours.ink, 24 if look.large else 13)
        _draw_axes(figure, panel)
    if not look.by_time:
        furthest = max([curves.total_epochs, *(len(other.epochs) for other in curves.others)])
        figure.update_xaxes(range=[0.5, furthest + 0.5], dtick=step_epochs(furthest, 10), tick0=0)
    size = (7 if curves.total_epochs <= _FEW_EPOCHS else 4) * (2 if look.large else 1)
    figure.update_traces(marker_size=size, cliponaxis=False)
    if best is not None:
        for panel in panels:
            _mark_best(figure, panel, epochs, best)
    _lay_out(figure, look, dark, _describe(epochs, curves.total_epochs, best))
    return figure


def _draw_lines(panel: _Panel, curves: Curves) -> list[go.Scatter]:
    """Return other runs, the running mean, then training and validation, from back to front."""
    look, colours = panel.look, panel.colours
    lines = [_draw_other(panel, number, other) for number, other in enumerate(curves.others)]
    x = place_epochs(curves.epochs, look.by_time)
    running = smooth(panel.read(curves.epochs), look.smoothing)
    thin = {"color": colours.splits["train"], "width": 1, "dash": "dot"}
    faint = {"legendgroup": RUNNING, "mode": "lines+markers", "opacity": _FAINT_NAMED}
    lines.append(panel.draw(x, running, RUNNING, line=thin, **faint))
    for split, name, prefix, symbol in _SPLITS:
        values = panel.read(curves.epochs, prefix)
        if all(value is None for value in values):
            continue
        both = {"legendgroup": name, "marker": {"symbol": symbol}}
        line = {"color": colours.splits[split], "width": 4 if look.large else 2}
        mode = "lines+markers"
        if look.smoothing:
            raw = both | {"line": line | {"width": 1}, "opacity": _FAINT, "hoverinfo": "skip"}
            raw |= {"mode": mode, "showlegend": False, "hovertemplate": None}
            lines.append(panel.draw(x, values, f"{name}, raw", **raw))
            values, mode = smooth(values, look.smoothing), "lines"
        lines.append(panel.draw(x, values, name, mode=mode, line=line, **both))
    return lines


def _draw_other(panel: _Panel, number: int, other: Overlay) -> go.Scatter:
    """Return the line of another run: validation, or training without validation photos."""
    judged = any(epoch.get("val_loss") is not None for epoch in other.epochs)
    values = panel.read(other.epochs, "val_" if judged else "")
    line = {
        "color": panel.colours.groups[_OTHERS[number % len(_OTHERS)]],
        "width": 3 if panel.look.large else 1.5,
        "dash": "dash",
    }
    return panel.draw(
        place_epochs(other.epochs, panel.look.by_time),
        smooth(values, panel.look.smoothing),
        other.name if judged else f"{other.name}, {RUNNING}",
        legendgroup=f"other {number}",
        mode="lines",
        line=line,
    )


def _draw_axes(figure: go.Figure, panel: _Panel) -> None:
    column, look, colours = panel.column, panel.look, panel.colours
    figure.update_xaxes(
        title={
            "text": "time in epochs (s)" if look.by_time else "epoch",
            "standoff": 14 if look.large else 6,
            "font": {"size": 24 if look.large else 12},
        },
        rangemode="tozero",
        **_style_epochs(look, colours),
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


def _style_epochs(look: Look, colours: Palette) -> dict[str, Any]:
    return {
        "showgrid": False,
        "zeroline": False,
        "linecolor": colours.line,
        "hoverformat": ".1f" if look.by_time else "d",
        "unifiedhovertitle": {"text": "after %{x} s" if look.by_time else "epoch %{x}"},
    }


def _mark_best(figure: go.Figure, panel: _Panel, epochs: Epochs, best: Mapping[str, Any]) -> None:
    colours = panel.colours
    numbers = [epoch["epoch"] for epoch in epochs]
    x = place_epochs(epochs, panel.look.by_time)[numbers.index(best["epoch"])]
    judged = best.get(f"val_{panel.metric}") is not None
    value = best[f"val_{panel.metric}" if judged else panel.metric]
    where = {"row": 1, "col": panel.column}
    line = {"color": colours.quiet, "width": 1, "dash": "dot"}
    figure.add_vline(x=x, line=line, layer="below", **where)
    figure.add_scatter(
        x=[x],
        y=[scale(value, panel.factor)],
        name="best epoch",
        showlegend=panel.column == 1,
        mode="markers",
        hoverinfo="skip",
        marker={
            "symbol": "circle-open",
            "size": 26 if panel.look.large else 15,
            "line": {"width": 2, "color": colours.ink},
            "color": colours.ink,
        },
        **where,
    )


def _lay_out(figure: go.Figure, look: Look, dark: bool, title: str) -> None:
    layout, colours = figure_layout(dark), choose_palette(dark)
    if look.large:  # a presentation has the figures above
        layout["font"]["size"] = 24
    else:  # two lines, so that the title fits a phone
        layout["title"]["text"], _, rest = title.partition(": ")
        layout["title"]["subtitle"] = {"text": rest, "font": {"size": 13, "color": colours.quiet}}
    below = {"xref": "paper", "y": -0.24, "yref": "paper"}  # it grows downwards where it wraps
    above = {"xref": "container", "y": 1, "yref": "container"}
    figure.update_layout(
        **layout,
        height=340,
        margin={"l": 40, "r": 12, "t": 92 if look.large else 80, "b": 70 if look.large else 44},
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "yanchor": "top",
            **(above if look.large else below),
        },
        uirevision="curves",  # a reader's zoom survives the next epoch
    )


def _describe(epochs: Epochs, total_epochs: int, best: Mapping[str, Any] | None) -> str:
    if not epochs:
        return "Waiting for the first epoch"
    reached = f"Epoch {epochs[-1]['epoch']} of {total_epochs}"
    if best is None:
        return reached
    kind = "training loss" if best.get("val_loss") is None else "validation loss"
    value = best["loss"] if best.get("val_loss") is None else best["val_loss"]
    return f"{reached}: lowest {kind} {value:.3f} at epoch {best['epoch']}"


def smooth(values: Sequence[float | None], weight: float) -> list[float | None]:
    """Return the exponential moving mean of the values; weight 0 returns the values."""
    given = pd.Series(values, dtype=float)
    mean = given.ewm(alpha=1 - weight, ignore_na=True).mean()
    return [None if pd.isna(value) else float(m) for value, m in zip(given, mean, strict=True)]


def step_epochs(furthest: int, most_ticks: int) -> int:
    """Return the distance of the ticks of an axis of epochs."""
    steps = (step for step in _TICK_STEPS if furthest <= most_ticks * step)
    return next(steps, _TICK_STEPS[-1])


_MACHINE = (
    ("Learning rate", "learning_rate", 1, "%{y:.3g}"),
    ("Photos / s", "photos_per_second", 1, "%{y:,.0f}"),
    ("GPU busy, %", "gpu_share", 100, "%{y:.0f} %"),
    ("GPU memory, GB", "gpu_memory_bytes", 1e-9, "%{y:.1f} GB"),
    ("Memory, GB", "memory_bytes", 1e-9, "%{y:.2f} GB"),
)
"""Title, field of an epoch, factor and hover of each panel."""


def draw_machine(epochs: Epochs, look: Look = RAW, dark: bool = False) -> go.Figure | None:
    """Return learning rate, speed and memory per epoch, as far as measured; None without any."""
    panels = [panel for panel in _MACHINE if any(epoch.get(panel[1]) for epoch in epochs)]
    if not panels:
        return None
    colours = choose_palette(dark)
    titles = [title for title, *_ in panels]
    figure = make_subplots(rows=1, cols=len(panels), horizontal_spacing=0.08, subplot_titles=titles)
    for column, (_, name, factor, hover) in enumerate(panels, start=1):
        line = go.Scatter(
            x=place_epochs(epochs, look.by_time),
            y=[scale(epoch.get(name), factor) for epoch in epochs],
            mode="lines+markers",
            line={"color": colours.quiet, "width": 1.5},
            marker={"size": 4},
            hovertemplate=hover + "<extra></extra>",
        )
        figure.add_trace(line, row=1, col=column)
    layout: dict[str, Any] = {**figure_layout(dark), "showlegend": False, "title": None}
    margin = {"l": 40, "r": 12, "t": 28, "b": 24}
    figure.update_layout(**layout, height=150, margin=margin, uirevision="machine")
    figure.update_annotations(font={"size": 12, "color": colours.quiet})
    ticks = {} if look.by_time else {"tick0": 0, "dtick": step_epochs(len(epochs), 5)}
    figure.update_xaxes(**_style_epochs(look, colours), **ticks)
    figure.update_yaxes(
        gridcolor=colours.line, zeroline=False, rangemode="tozero", nticks=4, tickformat="~g"
    )
    return figure
