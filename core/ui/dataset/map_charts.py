"""The map: WebGL draws each photo as a point; a click in the legend hides a group.

The chart thins very many photos; an area still selects all photos in it.
"""

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.charts.theme import Palette, choose_palette, figure_layout

MOST_POINTS = 20_000
_MOST_LABELS = 12
_HEIGHT = 620
Names = Callable[[np.ndarray], Iterable[str]]
"""Returns the names of photos (m,) for the tooltip."""
Drawn = np.ndarray
"""(n,) bool, the photos with a point."""
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Photos with the same colour, symbol and entry in the legend."""

    name: str
    photos: np.ndarray
    """(m,) int photo numbers."""
    colour: str
    symbol: str = "circle"
    quiet: bool = False
    label: bool = False


def group_by_class(
    labels: np.ndarray, classes: Sequence[str], shown: Sequence[str], hide: bool, dark: bool
) -> list[Group]:
    """Return a group for each class: eight colours in turn, then the same in another shape.

    With highlighted classes, the rest is one quiet group, or left out (`hide`).
    """
    colours = choose_palette(dark)
    highlighted = [name for name in classes if name in set(shown)] or list(classes)
    groups = [
        Group(
            name=name,
            photos=np.flatnonzero(labels == classes.index(name)),
            colour=colours.groups[number % len(colours.groups)],
            symbol=_SYMBOLS[number // len(colours.groups) % len(_SYMBOLS)],
            label=True,
        )
        for number, name in enumerate(highlighted)
    ]
    if len(highlighted) == len(classes) or hide:
        return groups
    numbers = [classes.index(name) for name in highlighted]
    rest = np.flatnonzero(~np.isin(labels, numbers))
    return [Group(name="other classes", photos=rest, colour=colours.faint, quiet=True), *groups]


def draw_groups(
    positions: np.ndarray, groups: Sequence[Group], hover: Names, drawn: Drawn, dark: bool = False
) -> Any:
    """Return the map with one trace for each group, in the order given."""
    colours = choose_palette(dark)
    figure = go.Figure()
    for group in groups:
        photos = group.photos[drawn[group.photos]]
        figure.add_trace(
            _points(
                positions,
                photos,
                hover,
                name=html.escape(group.name, quote=False),
                marker={
                    "color": group.colour,
                    "symbol": group.symbol,
                    "size": _size(len(positions)) * (0.8 if group.quiet else 1),
                    "opacity": 0.35 if group.quiet else 0.8,
                },
            )
        )
    return _finish(figure, dark).update_layout(
        annotations=_place_labels(positions, groups, colours)
    )


def draw_scores(
    positions: np.ndarray, scores: np.ndarray, hover: Names, drawn: Drawn, dark: bool = False
) -> Any:
    """Return the map with each photo coloured by the score of its class, the lowest on top.

    Args:
        scores: (n,), 0..1.
    """
    colours = choose_palette(dark)
    shown = np.flatnonzero(drawn)
    shown = shown[np.argsort(-scores[shown], kind="stable")]
    ramp = [[0.0, colours.wrong], [0.5, colours.faint], [1.0, colours.right]]
    marker = {
        "color": np.round(scores[shown], 3),
        "colorscale": ramp,
        "cmin": 0.0,
        "cmax": 1.0,
        "size": _size(len(positions)),
        "opacity": 0.85,
        "colorbar": {
            "title": {"text": "score of its class", "side": "right"},
            "thickness": 10,
            "outlinewidth": 0,
            "tickformat": ".0%",
        },
    }
    figure = go.Figure(_points(positions, shown, hover, name="", marker=marker))
    return _finish(figure, dark).update_layout(showlegend=False)


def thin_photos(wanted: np.ndarray) -> np.ndarray:
    """Return which photos are drawn, (n,) bool: all, or a fixed random choice of very many.

    Most are wanted photos, (n,) bool; a few others keep the shape of the map.
    """
    drawn, turn = np.ones(len(wanted), dtype=bool), np.random.default_rng(0).random(len(wanted))
    for some, most in ((wanted, MOST_POINTS), (~wanted, MOST_POINTS // 4)):
        if len(wanted) > MOST_POINTS and some.sum() > most:
            drawn &= ~some | (turn <= np.partition(turn[some], most - 1)[most - 1])
    return drawn


def find_inside(positions: np.ndarray, polygons: Sequence[np.ndarray]) -> np.ndarray:
    """Return which positions (n, 2) are inside one of the polygons (v, 2), as (n,) bool.

    Source: the even-odd rule, a ray to the right counted against each edge.
    """
    inside = np.zeros(len(positions), dtype=bool)
    x, y = positions[:, 0].astype(np.float64), positions[:, 1].astype(np.float64)
    for polygon in polygons:
        near = np.flatnonzero((y >= polygon[:, 1].min()) & (y <= polygon[:, 1].max()))
        odd, left, low = np.zeros(len(near), dtype=bool), x[near], y[near]
        for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if y1 == y2:
                continue
            crosses = (y1 > low) != (y2 > low)
            odd ^= crosses & (left < (x2 - x1) * (low - y1) / (y2 - y1) + x1)
        inside[near] |= odd
    return inside


def _points(
    positions: np.ndarray, photos: np.ndarray, hover: Names, **options: Any
) -> "go.Scattergl":
    title = "<b>%{fullData.name}</b><br>" if options["name"] else ""
    return go.Scattergl(
        x=positions[photos, 0].astype(np.float32),
        y=positions[photos, 1].astype(np.float32),
        mode="markers",
        customdata=photos,
        text=[html.escape(str(name), quote=False) for name in hover(photos)],
        hovertemplate=title + "%{text}<extra></extra>",
        **options,
    )


def _place_labels(
    positions: np.ndarray, groups: Sequence[Group], colours: Palette
) -> list[dict[str, Any]]:
    """Return the name of each group at its middle, unless groups overlap."""
    named = [group for group in groups if group.label and len(group.photos)]
    if not 1 < len(named) <= _MOST_LABELS:
        return []
    middles = np.array([np.median(positions[group.photos], axis=0) for group in named])
    room = np.ptp(positions, axis=0) * (0.12, 0.05)
    apart = np.abs(middles[:, None] - middles[None]) >= room
    crowded = ~(apart.any(axis=2) | np.eye(len(named), dtype=bool))
    if crowded.any():
        return []
    return [_label(*pair, colours) for pair in zip(middles, named, strict=True)]


def _label(middle: np.ndarray, group: Group, colours: Palette) -> dict[str, Any]:
    x, y = middle
    name = group.name if len(group.name) <= 24 else group.name[:23] + "…"
    return {
        "x": float(x),
        "y": float(y),
        "text": html.escape(name, quote=False),
        "showarrow": False,
        "font": {"size": 12, "color": colours.ink},
        "bgcolor": colours.paper,
        "opacity": 0.85,
        "borderpad": 2,
        "captureevents": False,
    }


def _finish(figure: Any, dark: bool) -> Any:
    colours = choose_palette(dark)
    axis = {
        "showticklabels": False,
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "mirror": True,
        "linecolor": colours.line,
        "title": None,
    }
    layout = figure_layout(dark) | {"hovermode": "closest", "title": None}
    return figure.update_layout(
        **layout,
        height=_HEIGHT,
        margin={"l": 4, "r": 4, "t": 34, "b": 4},
        xaxis=axis,
        yaxis=axis | {"scaleanchor": "x"},
        legend={"itemsizing": "constant", "font": {"size": 11}, "tracegroupgap": 0},
        modebar={"color": colours.quiet, "activecolor": colours.accent, "bgcolor": "rgba(0,0,0,0)"},
        dragmode="select",
        newselection={"line": {"color": colours.ink, "width": 1.5}},
        uirevision="map",
    )


def _size(photos: int) -> float:
    return 9.0 if photos < 1000 else 7.0 if photos < 5000 else 5.0 if photos < MOST_POINTS else 3.5
