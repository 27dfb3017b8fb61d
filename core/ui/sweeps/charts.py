"""A sweep in pictures, as Optuna draws them, in the colours of the house.

Optuna is imported inside functions: the page server starts without it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from core.charts.theme import choose_palette, figure_layout, format_share
from core.runs.recipe.plans import SETTING_NAMES, find_space
from core.runs.training.study import Importance, TrialResult, make_study

_LEFT, _BELOW_TITLE = 56, 56


def draw_history(trials: Sequence[TrialResult], dark: bool = False) -> go.Figure:
    """Return the accuracy of each trial, and the best so far as a line."""
    from optuna.visualization import plot_optimization_history

    colours, best = choose_palette(dark), max(trial.accuracy for trial in trials)
    space = find_space(trials[0].recipe, list(trials[0].settings))
    study = make_study(trials, space, seed=0, as_complete=True)
    figure = plot_optimization_history(study, target_name="Validation accuracy")
    points, steps = figure.data[:2]
    figure.update_traces(x=[trial.number for trial in trials])  # Optuna counts from 0
    points.update(name="Trial", marker={"color": colours.splits["validation"], "size": 7})
    steps.update(name="Best so far", line={"color": colours.accent, "shape": "hv"})
    axis = {"gridcolor": colours.line, "zeroline": False}
    figure.update_xaxes(**axis, showgrid=False, tickformat=",d")
    figure.update_yaxes(**axis, title=None, tickformat=".0%")
    title = f"Best of {len(trials):,} trials: {format_share(best)} validation accuracy"
    return _style(figure, title, dark).update_layout(legend={"orientation": "h", "y": 1.12})


def draw_importance(importance: Importance, dark: bool = False) -> go.Figure:
    """Return a bar for each setting: the share of the differences that it explains."""
    colours, shares = choose_palette(dark), importance.shares
    names = [SETTING_NAMES[name] for name in shares]
    bars = go.Bar(
        x=list(shares.values()),
        y=names,
        orientation="h",
        text=[format_share(share) for share in shares.values()],
        textposition="outside",
        cliponaxis=False,
        marker={"color": [colours.accent] + [colours.faint] * (len(names) - 1)},
        hoverinfo="skip",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(autorange="reversed")
    title = f"{names[0].capitalize()} matters most ({importance.trials:,} trials)"
    return _style(figure, title, dark).update_layout(showlegend=False, margin_l=120)


def draw_parallel(trials: Sequence[TrialResult], dark: bool = False) -> go.Figure:
    """Return one line per trial through all its settings; the greener, the more accurate."""
    from optuna.visualization import plot_parallel_coordinate

    colours = choose_palette(dark)
    space = find_space(trials[0].recipe, list(trials[0].settings))
    titled = [
        replace(one, settings={SETTING_NAMES[name]: one.settings[name] for name in space})
        for one in sorted(trials, key=lambda one: one.accuracy)
    ]
    study = make_study(
        titled, {SETTING_NAMES[name]: space[name] for name in space}, seed=0, as_complete=True
    )
    figure = plot_parallel_coordinate(study, target_name="accuracy")
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    # By rank: a few failures must not take all the colours.
    ramp = sample_colorscale([colours.line, *colours.hits[1:]], np.linspace(0, 1, len(lines)))
    for line, colour in zip(lines, ramp, strict=True):
        line.line.color = colour
    figure.update_traces(opacity=0.8)
    figure.update_traces(visible=False, selector={"mode": "markers"})  # the colour bar
    figure.update_annotations(font={"color": colours.quiet, "size": 11})
    figure.update_shapes(line={"color": colours.line})
    figure.update_xaxes(side="top")
    title = "Settings of each trial: the greener, the more accurate"
    return _style(figure, title, dark).update_layout(height=380, hovermode="closest", margin_t=92)


def _style(figure: go.Figure, title: str, dark: bool) -> go.Figure:
    layout = figure_layout(dark)
    layout["title"]["text"] = title
    margin = {"l": _LEFT, "r": 32, "t": _BELOW_TITLE, "b": 40}
    figure.update_layout(template="none", **layout, height=270, margin=margin)
    return figure
