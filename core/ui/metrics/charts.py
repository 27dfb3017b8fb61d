"""The charts of the metrics page: ranking curves of classes, and the run beside its baselines."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.charts.theme import (
    PERCENT_LABELS,
    Palette,
    choose_palette,
    figure_layout,
    style_altair,
    title_params,
)
from core.formats import count, percent

Kind = Literal["roc", "precision_recall"]

MOST_CLASSES = 6
"""Classes that can be told apart by colour."""
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_TITLES: dict[Kind, str] = {"roc": "ROC curves", "precision_recall": "Precision-recall curves"}
_AXES: dict[Kind, tuple[str, str]] = {
    "roc": ("share of other photos taken for the class", "share of its photos found (recall)"),
    "precision_recall": ("share of its photos found (recall)", "share that is right (precision)"),
}
_HEIGHT = 520
_TICKS = (0, 0.2, 0.4, 0.6, 0.8, 1)
_LEGEND = {"orientation": "h", "x": 0, "y": -0.17, "entrywidthmode": "fraction", "entrywidth": 0.49}
_CUT = 28
_ROW = 34


def draw_ranking(
    kind: Kind,
    curves: Mapping[str, np.ndarray],
    chosen: Sequence[str],
    micro: np.ndarray,
    areas: Mapping[str, str],
    dark: bool = False,
) -> go.Figure:
    """Draw the curves of all classes, the chosen ones strong, and the micro average.

    Args:
        curves: Class → (2, t), x and y in [0, 1].
        chosen: Classes to draw strong, at most MOST_CLASSES; those without a curve are passed over.
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
    """Draw all other classes in one line with gaps, which costs the browser next to nothing."""
    others = [curve for name, curve in curves.items() if name not in drawn]
    gap = np.full((2, 1), np.nan)
    joined = np.concatenate([part for curve in others for part in (curve, gap)] or [gap], axis=1)
    return go.Scatter(
        x=joined[0].round(4),
        y=joined[1].round(4),
        mode="lines",
        name=f"{len(others):,} other classes" if len(others) > 1 else "the other class",
        line={"color": colours.faint, "width": 0.8, "shape": _shape(kind)},
        opacity=0.55,
        hoverinfo="skip",
        showlegend=bool(others),
    )


def _draw(
    kind: Kind, curve: np.ndarray, label: str, name: str, line: Mapping[str, object]
) -> go.Scatter:
    x, y = ("recall", "precision") if kind == "precision_recall" else ("others", "found")
    text = escape(name, quote=False)  # Plotly shows &quot; as it is
    return go.Scatter(
        x=curve[0].round(4),
        y=curve[1].round(4),
        mode="lines",
        name=label,
        line={**line, "shape": _shape(kind)},
        hovertemplate=f"{text}<br>{x} %{{x:.1%}}, {y} %{{y:.1%}}<extra></extra>",
    )


def _shape(kind: Kind) -> str:
    return "linear" if kind == "roc" else "vh"  # the area is precision at the end of each step


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


def say_baselines(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the rows with their accuracy (said) and its interval in words."""
    ends = zip(rows["low"], rows["high"], strict=True)
    return rows.assign(
        said=[percent(share, n) for share in rows["accuracy"]],
        interval=[f"{percent(low, n)} to {percent(high, n)}" for low, high in ends],
    )


def draw_baselines(rows: pd.DataFrame, n: int, dark: bool = False) -> Any:
    """Draw one bar for the run and for each baseline, with its 95 % interval.

    Args:
        rows: name, accuracy, low, high, own (bool: it is the run), in the order they are drawn.
    """
    colours = choose_palette(dark)
    rows = say_baselines(rows, n)
    axis = alt.Axis(labelLimit=230, labelOverlap=False, title=None, grid=False)
    # Named, because the browser keeps the order of the rows it drew before.
    scale = alt.Scale(domain=rows["name"].tolist(), paddingInner=0.35)
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", sort=None, axis=axis, scale=scale),
        tooltip=[
            alt.Tooltip("name:N", title="answers by"),
            alt.Tooltip("said:N", title="accuracy"),
            alt.Tooltip("interval:N", title="95 % interval"),
        ],
    )
    ticks = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labelExpr=PERCENT_LABELS, labelFlush=True)
    x = alt.X("accuracy:Q", title="accuracy", axis=ticks, scale=alt.Scale(domain=[0, 1.12]))
    fill = alt.condition("datum.own", alt.value(colours.accent), alt.value(colours.faint))
    layers = [
        base.mark_bar(cornerRadiusEnd=2).encode(x=x, color=fill),
        base.mark_rule(color=colours.ink, strokeWidth=1.5).encode(x="low:Q", x2="high:Q"),
        base.mark_text(align="right", color=colours.ink, fontSize=12).encode(
            x=alt.datum(1.12), text="said:N"
        ),
    ]
    title = title_params(_title(rows), "Lines: 95 % intervals. All learnt from the same photos")
    return style_altair(alt.layer(*layers), dark, title=title, height=_ROW * len(rows) + 96)


def _title(rows: pd.DataFrame) -> str:
    own, others = rows[rows["own"]], rows[~rows["own"]]
    strongest = others.loc[others["accuracy"].idxmax(), "said"]
    return f"The run is right on {own['said'].iloc[0]}, the strongest baseline on {strongest}"
