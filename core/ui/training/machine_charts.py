"""What the machine did during a run, beside its curves.

The epochs are those of the run's events; a panel whose numbers no epoch has is left out.
"""

from typing import Any, NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.theme import choose_palette, figure_layout, place_epochs, scale
from core.ui.training.charts import RAW, Epochs, Look, step_epochs, style_epochs


class _Panel(NamedTuple):
    title: str
    name: str
    factor: float
    hover: str


_PANELS = (
    _Panel("Learning rate", "learning_rate", 1, "%{y:.3g}"),
    _Panel("Photos / s", "photos_per_second", 1, "%{y:,.0f}"),
    _Panel("GPU busy, %", "gpu_share", 100, "%{y:.0f} %"),
    _Panel("GPU memory, GB", "gpu_memory_bytes", 1e-9, "%{y:.1f} GB"),
    _Panel("Memory, GB", "memory_bytes", 1e-9, "%{y:.2f} GB"),
)


def draw_machine(epochs: Epochs, look: Look = RAW, dark: bool = False) -> go.Figure | None:
    """Return learning rate, photos a second and memory per epoch; None when none was told.

    Args:
        epochs: Mappings with epoch and, where they were measured, learning_rate,
            photos_per_second, gpu_share (0 to 1), gpu_memory_bytes, memory_bytes.
        look: The axis.
    """
    panels = [panel for panel in _PANELS if any(epoch.get(panel.name) for epoch in epochs)]
    if not panels:
        return None
    colours = choose_palette(dark)
    figure = make_subplots(
        rows=1, cols=len(panels), horizontal_spacing=0.08, subplot_titles=[p.title for p in panels]
    )
    x = place_epochs(epochs, look.by_time)
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
    layout: dict[str, Any] = {**figure_layout(dark), "showlegend": False}
    layout.pop("title")
    figure.update_layout(
        **layout, height=150, margin={"l": 40, "r": 12, "t": 28, "b": 24}, uirevision="machine"
    )
    figure.update_annotations(font={"size": 12, "color": colours.quiet})
    ticks = {} if look.by_time else {"tick0": 0, "dtick": step_epochs(len(epochs), 5)}
    figure.update_xaxes(**style_epochs(look, colours), **ticks)
    figure.update_yaxes(
        gridcolor=colours.line, zeroline=False, rangemode="tozero", nticks=4, tickformat="~g"
    )
    return figure
