"""The lines of learning curves: where their points lie, smoothed or raw, and how they are drawn.

An epoch is a mapping as in the events of a run: epoch (from 1), loss, accuracy, val_loss,
val_accuracy, seconds. What is not a number (None) leaves a gap and is never made up.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import plotly.graph_objects as go

from core.charts.theme import Palette

Epochs = Sequence[Mapping[str, Any]]


class Overlay(NamedTuple):
    """Another run, drawn behind the one that is looked at."""

    name: str
    epochs: Epochs


class Look(NamedTuple):
    """How the reader wants the curves."""

    by_time: bool = False
    """The axis is the time spent in epochs, not their number."""
    smoothing: float = 0.0
    """0 to below 1: how much of a point is carried over from those before; 0: raw points."""
    large: bool = False
    """Type and lines for a room instead of a desk."""


_TICK_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_OTHERS = (2, 6, 1, 7, 3)
"""Places in the palette's groups that no split has, most different first."""
_FAINT = 0.3


def place_points(epochs: Epochs, look: Look) -> list[float]:
    """Returns where the epochs stand on the axis: their numbers, or seconds when they ended."""
    if not look.by_time:
        return [epoch["epoch"] for epoch in epochs]
    return list(accumulate(float(epoch.get("seconds") or 0.0) for epoch in epochs))


def smooth(values: Sequence[float | None], weight: float) -> list[float | None]:
    """Returns the exponential moving mean of the values, without the pull of a made-up start.

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


def draw_line(
    x: Sequence[float],
    values: Sequence[float | None],
    *,
    name: str,
    colour: str,
    symbol: str,
    hover: str,
    look: Look,
    legend: bool,
) -> list[go.Scatter]:
    """Returns the line of a split; when smoothed also its raw points, faint behind it."""
    line = go.Scatter(
        x=x,
        y=smooth(values, look.smoothing),
        name=name,
        legendgroup=name,
        showlegend=legend,
        mode="lines+markers",
        line={"color": colour, "width": 4 if look.large else 2},
        marker={"symbol": symbol},
        hovertemplate=hover,
    )
    if not look.smoothing:
        return [line]
    line.mode = "lines"
    raw = go.Scatter(
        x=x,
        y=list(values),
        name=f"{name}, raw",
        legendgroup=name,
        showlegend=False,
        mode="lines+markers",
        line={"color": colour, "width": 1},
        marker={"symbol": symbol},
        opacity=_FAINT,
        hoverinfo="skip",
    )
    return [raw, line]


def draw_other(
    overlay: Overlay,
    number: int,
    metric: str,
    factor: float,
    *,
    hover: str,
    look: Look,
    colours: Palette,
    legend: bool,
) -> go.Scatter:
    """Returns the line of another run: its validation, or its training without validation photos.

    Args:
        number: Which of the overlays it is, from 0: gives its colour.
    """
    judged = has_validation(overlay.epochs)
    values = [
        scale(epoch.get(f"val_{metric}" if judged else metric), factor) for epoch in overlay.epochs
    ]
    return go.Scatter(
        x=place_points(overlay.epochs, look),
        y=smooth(values, look.smoothing),
        name=overlay.name if judged else f"{overlay.name}, train",
        legendgroup=f"other {number}",
        showlegend=legend,
        mode="lines",
        line={
            "color": colours.groups[_OTHERS[number % len(_OTHERS)]],
            "width": 3 if look.large else 1.5,
            "dash": "dash",
        },
        hovertemplate=hover,
    )


def step_epochs(furthest: int, most_ticks: int) -> int:
    """Returns from how many to how many epochs an axis is ticked, at most so often."""
    steps = (step for step in _TICK_STEPS if furthest <= most_ticks * step)
    return next(steps, _TICK_STEPS[-1])


def has_validation(epochs: Epochs) -> bool:
    """Returns whether any epoch was judged on validation photos."""
    return any(epoch.get("val_loss") is not None for epoch in epochs)


def scale(value: float | None, factor: float) -> float | None:
    """Returns the value times the factor; nothing stays nothing."""
    return None if value is None else factor * value
