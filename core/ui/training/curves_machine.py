"""What the machine did while a run learnt: learning rate, speed and memory, one small panel each.

The epochs are those of the run's events; a panel whose numbers no epoch has is left out.
"""

from typing import Any, NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.theme import choose_palette, figure_layout
from core.ui.training.curves_lines import Epochs, Look, place_points, scale, step_epochs


class _Panel(NamedTuple):
    title: str
    name: str
    factor: float
    hover: str


_PANELS = (
    _Panel("Learning rate", "learning_rate", 1, "%{y:.3g}"),
    _Panel("Training photos / s", "photos_per_second", 1, "%{y:,.0f}"),
    _Panel("GPU busy, %", "gpu_share", 100, "%{y:.0f} %"),
    _Panel("GPU memory, GB", "gpu_memory_bytes", 1e-9, "%{y:.1f} GB"),
    _Panel("Memory of the worker, GB", "memory_bytes", 1e-9, "%{y:.2f} GB"),
)
_RAW = Look()


def draw_machine(epochs: Epochs, dark: bool = False, *, look: Look = _RAW) -> go.Figure | None:
    """Returns learning rate, photos a second and memory per epoch; None when none was told.

    Args:
        epochs: Mappings with epoch and, where they were measured, learning_rate,
            photos_per_second, gpu_share (0 to 1), gpu_memory_bytes, memory_bytes.
        dark: Whether the page is dark.
        look: The axis.
    """
    panels = [panel for panel in _PANELS if any(epoch.get(panel.name) for epoch in epochs)]
    if not panels:
        return None
    colours = choose_palette(dark)
    figure = make_subplots(
        rows=1, cols=len(panels), horizontal_spacing=0.08, subplot_titles=[p.title for p in panels]
    )
    x = place_points(epochs, look)
    for column, panel in enumerate(panels, start=1):
        line = go.Scatter(
            x=x,
            y=[scale(epoch.get(panel.name), panel.factor) for epoch in epochs],
            mode="lines+markers",
            line={"color": colours.quiet, "width": 1.5},
            marker={"size": 4},
            hovertemplate=panel.hover + "<extra></extra>",
        )
        figure.add_trace(line, row=1, col=column)
    _lay_out(figure, epochs, dark, look)
    return figure


def _lay_out(figure: go.Figure, epochs: Epochs, dark: bool, look: Look) -> None:
    colours = choose_palette(dark)
    layout: dict[str, Any] = {**figure_layout(dark), "showlegend": False}
    layout.pop("title")
    figure.update_layout(
        **layout, height=150, margin={"l": 40, "r": 12, "t": 28, "b": 24}, uirevision="machine"
    )
    figure.update_annotations(font={"size": 12, "color": colours.quiet})
    figure.update_xaxes(
        showgrid=False,
        zeroline=False,
        linecolor=colours.line,
        **{} if look.by_time else {"tick0": 0, "dtick": step_epochs(len(epochs), 5)},
        hoverformat=".1f" if look.by_time else "d",
        unifiedhovertitle={"text": "after %{x} s" if look.by_time else "epoch %{x}"},
    )
    figure.update_yaxes(
        gridcolor=colours.line, zeroline=False, rangemode="tozero", nticks=4, tickformat="~g"
    )
