"""The ROC and precision-recall curves of the metrics page."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from core.charts.theme import Palette, choose_palette, figure_layout
from core.formats import count

Kind = Literal["roc", "precision_recall"]

MOST_CLASSES = 6
"""Classes that differ clearly in colour."""
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_TITLES: dict[Kind, str] = {"roc": "ROC curves", "precision_recall": "Precision-recall curves"}
_AXES: dict[Kind, tuple[str, str]] = {
    "roc": ("false positive rate", "recall (true positive rate)"),
    "precision_recall": ("recall", "precision"),
}
_SHAPES = {"roc": "linear", "precision_recall": "vh"}  # the area: precision at each step's end
_HEIGHT = 520
_TICKS = (0, 0.2, 0.4, 0.6, 0.8, 1)
_LEGEND = {"orientation": "h", "x": 0, "y": -0.17, "entrywidthmode": "fraction", "entrywidth": 0.49}
_CUT = 28


def draw_ranking(
    kind: Kind,
    curves: Mapping[str, np.ndarray],
    chosen: Sequence[str],
    micro: np.ndarray,
    areas: Mapping[str, str],
    dark: bool = False,
) -> go.Figure:
    """Draw the curves of all classes, the chosen ones highlighted, and the micro average.

    Args:
        curves: Class → (2, t), x and y in [0, 1].
        chosen: Classes to highlight, at most MOST_CLASSES; those without a curve are skipped.
        micro: (2, t), over all pairs of a photo and a class.
        areas: Name in the legend → area in words, for each chosen class and "all pairs".
    """
    colours = choose_palette(dark)
    drawn = [name for name in chosen if name in curves][:MOST_CLASSES]
    figure = go.Figure(_draw_others(kind, curves, drawn, colours))
    if kind == "roc":
        chance = {"color": colours.quiet, "width": 1, "dash": "2px 4px"}
        figure.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", name="chance", line=chance, hoverinfo="skip"
        )
    for number, name in enumerate(drawn):
        line = {"color": colours.groups[number], "width": 2.5, "dash": _DASHES[number]}
        figure.add_trace(_draw(kind, curves[name], _label(name, areas), name, line))
    if micro.shape[1]:
        line = {"color": colours.ink, "width": 2}
        figure.add_trace(_draw(kind, micro, _label("all pairs", areas), "all pairs (micro)", line))
    return _lay_out(figure, kind, len(curves), dark)


def _draw_others(
    kind: Kind, curves: Mapping[str, np.ndarray], drawn: Sequence[str], colours: Palette
) -> go.Scatter:
    """Draw all other classes as one line with gaps, which is fast in the browser."""
    others = [curve for name, curve in curves.items() if name not in drawn]
    gap = np.full((2, 1), np.nan)
    joined = np.concatenate([part for curve in others for part in (curve, gap)] or [gap], axis=1)
    return go.Scatter(
        x=joined[0].round(4),
        y=joined[1].round(4),
        mode="lines",
        name=f"{len(others):,} other classes" if len(others) > 1 else "the other class",
        line={"color": colours.faint, "width": 0.8, "shape": _SHAPES[kind]},
        opacity=0.55,
        hoverinfo="skip",
        showlegend=bool(others),
    )


def _draw(
    kind: Kind, curve: np.ndarray, label: str, name: str, line: Mapping[str, object]
) -> go.Scatter:
    x, y = _AXES[kind]
    text = escape(name, quote=False)  # Plotly shows &quot; as it is
    return go.Scatter(
        x=curve[0].round(4),
        y=curve[1].round(4),
        mode="lines",
        name=label,
        line={**line, "shape": _SHAPES[kind]},
        hovertemplate=f"{text}<br>{x} %{{x:.1%}}, {y} %{{y:.1%}}<extra></extra>",
    )


def _label(name: str, areas: Mapping[str, str]) -> str:
    short = name if len(name) <= _CUT else f"{name[: _CUT - 1]}…"
    return f"{escape(short, quote=False)} {areas.get(name, '')}".strip()


def _lay_out(figure: go.Figure, kind: Kind, n: int, dark: bool) -> go.Figure:
    colours, layout = choose_palette(dark), figure_layout(dark)
    x, y = _AXES[kind]
    axis = {
        "range": [-0.01, 1.02],
        "tickvals": _TICKS,
        "ticktext": [f"{100 * tick:.0f} %" for tick in _TICKS],
        "gridcolor": colours.line,
        "zeroline": False,
    }
    layout |= {
        "title": {**layout["title"], "text": f"{_TITLES[kind]} of {count(n, 'class')}"},
        "hovermode": "closest",
        "height": _HEIGHT,
        "margin": {"l": 56, "r": 22, "t": 48, "b": 130},
        "legend": {**_LEGEND, "font": {"size": 12}},
        "xaxis": {**axis, "title": {"text": x, "font": {"size": 12}}},
        "yaxis": {**axis, "title": {"text": y, "font": {"size": 12}}},
    }
    return figure.update_layout(layout)
