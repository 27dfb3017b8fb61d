"""Numbers as large as a lecture hall needs them: a row of figures with what they are."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from core.charts.theme import choose_palette, figure_layout


class BigNumber(NamedTuple):
    """A figure and what it is; `colour_of` names a split whose colour it takes."""

    label: str
    text: str
    colour_of: str | None = None


def draw_numbers(numbers: Sequence[BigNumber], dark: bool = False) -> go.Figure:
    """Returns the numbers side by side, the labels above them."""
    colours = choose_palette(dark)
    figure = go.Figure()
    for place, number in enumerate(numbers):
        x = place / max(1, len(numbers))
        position = {"x": x, "xref": "paper", "yref": "paper", "xanchor": "left"}
        figure.add_annotation(
            text=number.label,
            y=1,
            yanchor="top",
            showarrow=False,
            font={"size": 24, "color": colours.quiet},
            **position,
        )
        figure.add_annotation(
            text=number.text,
            y=0,
            yanchor="bottom",
            showarrow=False,
            font={
                "size": 76,
                "weight": 600,
                "color": colours.splits[number.colour_of] if number.colour_of else colours.ink,
            },
            **position,
        )
    layout = figure_layout(dark)
    layout.pop("title")
    figure.update_layout(
        **layout | {"showlegend": False},
        height=150,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis={"visible": False},
        yaxis={"visible": False},
    )
    return figure
