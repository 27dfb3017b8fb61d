"""Numbers as large as a lecture hall needs them: a row of figures with what they are."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from core.charts.theme import choose_palette, figure_layout

_WIDTH = 1920
"""Characters of a figure's size that fit side by side on a page 1280 wide, in all."""


class BigNumber(NamedTuple):
    """A figure and what it is; `colour_of` names a split whose colour it takes."""

    label: str
    text: str
    colour_of: str | None = None


def draw_numbers(numbers: Sequence[BigNumber], dark: bool = False) -> go.Figure:
    """Returns the numbers side by side, the labels above them, as large as all of them fit."""
    colours = choose_palette(dark)
    label_size = _fit(24, [number.label for number in numbers])
    size = _fit(76, [number.text for number in numbers])
    figure = go.Figure()
    for place, number in enumerate(numbers):
        x = place / max(1, len(numbers))
        position = {"x": x, "xref": "paper", "yref": "paper", "xanchor": "left"}
        figure.add_annotation(
            text=number.label,
            y=1,
            yanchor="top",
            showarrow=False,
            font={"size": label_size, "color": colours.quiet},
            **position,
        )
        figure.add_annotation(
            text=number.text,
            y=0,
            yanchor="bottom",
            showarrow=False,
            font={
                "size": size,
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


def _fit(largest: int, texts: Sequence[str]) -> int:
    """Returns the size at which none of the texts, side by side, runs into its neighbour."""
    longest = max((len(text) for text in texts), default=1)
    return min(largest, _WIDTH // max(1, len(texts) * longest))
