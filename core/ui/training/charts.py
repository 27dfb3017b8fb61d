"""The learning curves of a run: loss and accuracy side by side, train against validation.

Raw points unless the reader smooths them. The best epoch (lowest validation loss) is marked,
because it is the one that is kept. An epoch is a mapping as in the events of a run: epoch (from 1),
loss, accuracy (running means), train_loss, train_accuracy, val_loss, val_accuracy, seconds; what is
None leaves a gap and is never made up.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
    """Another run, drawn behind the one that is looked at."""

    name: str
    epochs: Epochs


class Curves(NamedTuple):
    """What is drawn of a run."""

    epochs: Epochs
    """In order; val_loss and val_accuracy are None in a run without validation photos."""
    total_epochs: int
    """How many the recipe asks for: the width of the chart while it fills."""
    best_epoch: int | None = None
    """The one that is kept; None draws no mark."""
    others: tuple[Overlay, ...] = ()
    """Runs to compare with; their validation is drawn behind, dashed."""


class Look(NamedTuple):
    """How the reader wants the curves."""

    by_time: bool = False
    """The axis is the time spent in epochs, not their number."""
    smoothing: float = 0.0
    """0 to below 1: how much of a point is carried over from those before; 0: raw points."""
    large: bool = False
    """Type and lines for a room instead of a desk."""


class _Panel(NamedTuple):
    """One of the two panels, and how it is drawn."""

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


_METRICS = (("loss", "Loss", 1, "%{y:.3f}"), ("accuracy", "Accuracy", 100, "%{y:.1f} %"))
_FEW_EPOCHS = 25
_SPLITS = (("train", "train_", "circle"), ("validation", "val_", "diamond"))
RUNNING = "train, running mean"
"""Name of the line of what was seen while the weights changed, with dropout and augmentation."""
RAW = Look()
_TICK_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_OTHERS = (2, 6, 1, 7, 3)
"""Places in the palette's groups that no split has, most different first."""
_FAINT, _FAINT_NAMED = 0.3, 0.6


def draw_curves(curves: Curves, look: Look = RAW, dark: bool = False) -> go.Figure:
    """Return loss and accuracy per epoch, for train and validation photos."""
    epochs, colours = curves.epochs, choose_palette(dark)
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.11)
    panels = [_Panel(i, *metric, look, colours) for i, metric in enumerate(_METRICS, start=1)]
    for panel in panels:
        _draw_panel(figure, panel, curves)
        _draw_axes(figure, panel)
    if not look.by_time:
        furthest = max([curves.total_epochs, *(len(other.epochs) for other in curves.others)])
        # As wide as the longest recipe, from the start.
        figure.update_xaxes(range=[0.5, furthest + 0.5], dtick=step_epochs(furthest, 10), tick0=0)
    size = (7 if curves.total_epochs <= _FEW_EPOCHS else 4) * (2 if look.large else 1)
    figure.update_traces(marker_size=size, cliponaxis=False)
    best = next((epoch for epoch in epochs if epoch["epoch"] == curves.best_epoch), None)
    if best is not None:
        for panel in panels:
            _mark_best(figure, panel, epochs, best)
    _lay_out(figure, look, dark, _describe(epochs, curves.total_epochs, best))
    return figure


def _draw_panel(figure: go.Figure, panel: _Panel, curves: Curves) -> None:
    look, colours = panel.look, panel.colours
    lines = [_draw_other(panel, *other) for other in enumerate(curves.others)]
    x = place_epochs(curves.epochs, look.by_time)
    running = {"color": colours.splits["train"], "width": 1, "dash": "dot"}
    both = {"legendgroup": RUNNING, "mode": "lines+markers", "opacity": _FAINT_NAMED}
    lines.append(_draw_smooth(panel, x, panel.read(curves.epochs), RUNNING, line=running, **both))
    for split, prefix, symbol in _SPLITS:
        values = panel.read(curves.epochs, prefix)
        if any(value is not None for value in values):
            lines += _draw_line(panel, split, symbol, x, values)
    figure.add_traces(lines, rows=1, cols=panel.column)
    title_panel(figure, panel.column, panel.title, colours.ink, 24 if look.large else 13)


def _draw_smooth(
    panel: _Panel, x: Sequence[float], values: Sequence[float | None], name: str, **drawn: Any
) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=smooth(values, panel.look.smoothing),
        name=name,
        showlegend=panel.column == 1,
        hovertemplate=panel.hover,
        **drawn,
    )


def _draw_line(
    panel: _Panel, split: str, symbol: str, x: Sequence[float], values: Sequence[float | None]
) -> list[go.Scatter]:
    """Return the line of a split; when smoothed also its raw points, faint behind it."""
    look, colour = panel.look, panel.colours.splits[split]
    both = {"legendgroup": split, "marker": {"symbol": symbol}}
    line = {"color": colour, "width": 4 if look.large else 2}
    if not look.smoothing:
        return [_draw_smooth(panel, x, values, split, mode="lines+markers", line=line, **both)]
    raw = go.Scatter(
        x=x,
        y=list(values),
        name=f"{split}, raw",
        showlegend=False,
        mode="lines+markers",
        line={"color": colour, "width": 1},
        opacity=_FAINT,
        hoverinfo="skip",
        **both,
    )
    return [raw, _draw_smooth(panel, x, values, split, mode="lines", line=line, **both)]


def _draw_other(panel: _Panel, number: int, other: Overlay) -> go.Scatter:
    """Return the line of another run: its validation, or its training without validation photos.

    Args:
        number: Which of the overlays it is, from 0: gives its colour.
    """
    judged = any(epoch.get("val_loss") is not None for epoch in other.epochs)
    return _draw_smooth(
        panel,
        place_epochs(other.epochs, panel.look.by_time),
        panel.read(other.epochs, "val_" if judged else ""),
        other.name if judged else f"{other.name}, {RUNNING}",
        legendgroup=f"other {number}",
        mode="lines",
        line={
            "color": panel.colours.groups[_OTHERS[number % len(_OTHERS)]],
            "width": 3 if panel.look.large else 1.5,
            "dash": "dash",
        },
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
        **style_epochs(look, colours),
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


def style_epochs(look: Look, colours: Palette) -> dict[str, Any]:
    """Return how an axis of epochs looks, and how it says one."""
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
    if look.large:  # a room reads the numbers above
        layout["font"]["size"] = 24
    else:  # in two lines, which a phone is wide enough for
        layout["title"]["text"], _, what = title.partition(": ")
        layout["title"]["subtitle"] = {"text": what, "font": {"size": 13, "color": colours.quiet}}
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
        return "The curves begin with the first epoch"
    reached = f"Epoch {epochs[-1]['epoch']} of {total_epochs}"
    if best is None:
        return reached
    kind = "training loss" if best.get("val_loss") is None else "validation loss"
    value = best["loss"] if best.get("val_loss") is None else best["val_loss"]
    return f"{reached}: lowest {kind} {value:.3f} at epoch {best['epoch']}"


def smooth(values: Sequence[float | None], weight: float) -> list[float | None]:
    """Return the exponential moving mean of the values, without the pull of a made-up start.

    Args:
        weight: 0 to below 1; 0 gives the values themselves.

    Source: the bias correction of Kingma and Ba 2015, "Adam", section 3.
    """
    mean, total, smoothed = 0.0, 0.0, list[float | None]()
    for value in values:
        if value is None:
            smoothed.append(None)
            continue
        mean = weight * mean + (1 - weight) * value
        total = weight * total + (1 - weight)
        smoothed.append(mean / total)
    return smoothed


def step_epochs(furthest: int, most_ticks: int) -> int:
    """Return from how many to how many epochs an axis is ticked, at most so often."""
    steps = (step for step in _TICK_STEPS if furthest <= most_ticks * step)
    return next(steps, _TICK_STEPS[-1])
