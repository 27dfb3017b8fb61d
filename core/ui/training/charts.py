"""The learning curves of a run: loss and accuracy, training against validation.

The best epoch (lowest validation loss) is marked: its weights are the result. An epoch is a mapping
as in the events of a run: epoch (from 1), loss, accuracy (running means), train_loss,
train_accuracy, val_loss, val_accuracy. None leaves a gap.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from core.charts.theme import Palette, choose_palette, figure_layout, make_panels, scale

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


class _Panel(NamedTuple):
    """One of the two panels."""

    column: int
    metric: str
    factor: float
    hover: str
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


_METRICS = (("loss", 1, "%{y:.3f}"), ("accuracy", 100, "%{y:.1f} %"))
_FEW_EPOCHS = 25
_SPLITS = (
    ("train", "training", "train_", "circle"),
    ("validation", "validation", "val_", "diamond"),
)
RUNNING = "training, running mean"
"""The line of answers during training, with dropout and augmentation."""
_TICK_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_OTHERS = (2, 6, 1, 7, 3)
"""Places in the palette's groups that no split has, most different first."""
_FAINT = 0.6


def draw_curves(curves: Curves, dark: bool = False) -> go.Figure:
    """Return loss and accuracy per epoch, of training and validation photos."""
    epochs, colours = curves.epochs, choose_palette(dark)
    figure = make_panels(("Loss", "Accuracy"), dark)
    panels = [_Panel(i, *metric, colours) for i, metric in enumerate(_METRICS, start=1)]
    best = next((epoch for epoch in epochs if epoch["epoch"] == curves.best_epoch), None)
    for panel in panels:
        figure.add_traces(_draw_lines(panel, curves), rows=1, cols=panel.column)
    furthest = max([curves.total_epochs, *(len(other.epochs) for other in curves.others)])
    figure.update_xaxes(range=[0.5, furthest + 0.5], dtick=_step_epochs(furthest), tick0=0)
    size = 7 if curves.total_epochs <= _FEW_EPOCHS else 4
    figure.update_traces(marker_size=size, cliponaxis=False)
    figure.update_yaxes(rangemode="tozero", col=1)
    if best is not None:
        for panel in panels:
            _mark_best(figure, panel, best)
    _lay_out(figure, dark, _describe(epochs, curves.total_epochs, best))
    return figure


def _draw_lines(panel: _Panel, curves: Curves) -> list[go.Scatter]:
    """Return other runs, the running mean, then training and validation, from back to front."""
    colours = panel.colours
    lines = [_draw_other(panel, number, other) for number, other in enumerate(curves.others)]
    x, running = _list_numbers(curves.epochs), panel.read(curves.epochs)
    thin = {"color": colours.splits["train"], "width": 1, "dash": "dot"}
    faint = {"legendgroup": RUNNING, "mode": "lines+markers", "opacity": _FAINT}
    lines.append(panel.draw(x, running, RUNNING, line=thin, **faint))
    for split, name, prefix, symbol in _SPLITS:
        values = panel.read(curves.epochs, prefix)
        if all(value is None for value in values):
            continue
        line = {"color": colours.splits[split], "width": 2}
        drawn = {"mode": "lines+markers", "marker": {"symbol": symbol}, "legendgroup": name}
        lines.append(panel.draw(x, values, name, line=line, **drawn))
    return lines


def _list_numbers(epochs: Epochs) -> list[float]:
    return [epoch["epoch"] for epoch in epochs]


def _draw_other(panel: _Panel, number: int, other: Overlay) -> go.Scatter:
    """Return the line of another run: validation, or training without validation photos."""
    judged = any(epoch.get("val_loss") is not None for epoch in other.epochs)
    values = panel.read(other.epochs, "val_" if judged else "")
    line = {
        "color": panel.colours.groups[_OTHERS[number % len(_OTHERS)]],
        "width": 1.5,
        "dash": "dash",
    }
    return panel.draw(
        _list_numbers(other.epochs),
        values,
        other.name if judged else f"{other.name}, {RUNNING}",
        legendgroup=f"other {number}",
        mode="lines",
        line=line,
    )


def _mark_best(figure: go.Figure, panel: _Panel, best: Mapping[str, Any]) -> None:
    colours = panel.colours
    x = best["epoch"]
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
            "size": 15,
            "line": {"width": 2, "color": colours.ink},
            "color": colours.ink,
        },
        **where,
    )


def _lay_out(figure: go.Figure, dark: bool, title: str) -> None:
    layout, colours = figure_layout(dark), choose_palette(dark)
    layout["title"]["text"], _, rest = title.partition(": ")  # two lines, which fit a phone
    layout["title"]["subtitle"] = {"text": rest, "font": {"size": 13, "color": colours.quiet}}
    figure.update_layout(
        **layout,
        height=340,
        margin={"l": 40, "r": 12, "t": 80, "b": 44},
        # It grows downwards where it wraps.
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": -0.24, "yanchor": "top"},
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


def _step_epochs(furthest: int) -> int:
    """Return the distance of the ticks of an axis of epochs: at most ten ticks."""
    steps = (step for step in _TICK_STEPS if furthest <= 10 * step)
    return next(steps, _TICK_STEPS[-1])
