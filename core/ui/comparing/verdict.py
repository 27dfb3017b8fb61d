"""A run against the baseline in words and figures; the validation curves of several runs."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.charts.theme import Palette, choose_palette, figure_layout, make_panels, scale
from core.evaluation.comparison import Comparison, describe_verdict
from core.formats import percent, points, points_range, say_p
from core.runs.common_photos import describe_left_out
from core.runs.store import Repeats, RunRecord
from core.ui.comparing.reading import Compared, RunCurve
from core.ui.parts.charts import show_metrics
from core.ui.parts.pickers import title_run


def show_compared_table(compared: Sequence[Compared], p_values: Sequence[float]) -> None:
    """Draw a table of the runs against the baseline, with adjusted p-values."""
    words = {"better": "better", "worse": "worse", "open": "not significant", "same": "the same"}
    rows, baseline = [], title_run(compared[0].baseline)
    for each, p_value in zip(compared, p_values, strict=True):
        one = each.comparison
        rows.append(
            {
                "Run": title_run(each.run),
                "Accuracy": percent(one.accuracy_b, one.n),
                "Baseline": percent(one.accuracy_a, one.n),
                "Difference": points(one.difference, one.n) if one.n else "–",
                "95 % interval": _say_interval(one) if one.n else "–",
                "Gained": one.gained,
                "Lost": one.lost,
                "n": len(each.common),
                "p": f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001",
                "Verdict": words[one.judge(p_value)],
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            "Run": st.column_config.TextColumn(pinned=True),
            "Baseline": st.column_config.TextColumn(help=f"{baseline}, same photos."),
            "p": st.column_config.TextColumn(
                help=f"McNemar's exact test; p and interval are adjusted for {len(rows)} "
                "comparisons (Holm)."
            ),
        },
        alt="Each run against the baseline: accuracy, difference, interval, gained, lost, p-value",
    )
    st.caption(
        "Picking the best of many runs inflates its accuracy: measure it on test photos, once."
    )


def show_headline(one: Compared, p_value: float | None = None) -> None:
    """Draw the figures of a run against the baseline, and the verdict."""
    baseline, run, common, compared = one.baseline, one.run, one.common, one.comparison
    p_value = compared.p_value if p_value is None else p_value
    n = compared.n
    if n == 0:
        st.info(f"{describe_verdict(compared)} {describe_left_out(common)}")
        return
    figures = {
        _short(baseline): percent(compared.accuracy_a, n),
        _short(run): percent(compared.accuracy_b, n),
        "Difference": points(compared.difference, n),
        "Gained": f"{compared.gained:,}",
        "Lost": f"{compared.lost:,}",
        "Photos": f"{n:,}",
    }
    show_metrics(figures)
    first, _, rest = describe_verdict(compared, p_value).partition(". ")
    st.markdown(f"**{first.removesuffix('.')}.** {rest}")
    adjusted = "" if p_value == compared.p_value else ", adjusted for all runs"
    details = f"{say_p(p_value)} (McNemar{adjusted}). "
    if compared.gained + compared.lost:
        details += f"Difference: 95 % interval {_say_interval(compared)}. "
    st.caption(f"{details}{describe_left_out(common)}{_say_repeats(one)}")
    if beaten := say_unbeaten(one, p_value):
        st.markdown(f":material/function: {beaten}")


def say_unbeaten(one: Compared, p_value: float) -> str:
    """Return a sentence where the trained head is not better than the exact head."""
    exact, trained = one.baseline, one.run
    verdict, better = one.comparison.judge(p_value), "better"
    if not trained.recipe.has_epochs:
        exact, trained, better = trained, exact, "worse"
    if exact.recipe.has_epochs or not trained.recipe.has_epochs or not one.same_features:
        return ""
    if verdict == better:
        return ""
    low, high = one.comparison.interval
    difference = one.comparison.difference
    if better == "worse":
        low, high, difference = -high, -low, -difference
    n = one.comparison.n
    return (
        f"**No evidence that the trained head ({_short(trained)}) beats the exact head "
        f"({_short(exact)})**: {points(difference, n)} ({points_range(low, high, n)}), n = {n:,}."
    )


def _say_repeats(compared: Compared) -> str:
    """Return a sentence about the spread over seeds."""
    baseline, run, folded = compared.baseline, compared.run, compared.repeats
    for one in folded:
        if baseline in one.runs and run in one.runs:
            return f" Both are seeds of the same recipe: {_say_spread(run, one)}."
    parts = [
        f"recipe of {_short(each)} {_say_spread(each, one)}"
        for each in (baseline, run)
        for one in folded
        if each in one.runs
    ]
    if not parts:
        return " Other seeds of these recipes may give other results."
    return f" Validation accuracy over seeds (mean ± sd): {'; '.join(dict.fromkeys(parts))}."


def _say_spread(run: RunRecord, one: Repeats) -> str:
    mean = percent(one.mean_accuracy or 0.0, run.val_photos or 0)
    return f"{mean} ± {100 * one.spread:.1f} ({len(one.measured)} seeds)"


def _short(run: RunRecord) -> str:
    return f"Run {run.number}"


def _say_interval(compared: Comparison) -> str:
    if compared.gained + compared.lost == 0:
        return "–"
    return f"{points_range(*compared.interval, compared.n)} points"


_Panel = tuple[str, int, str]
"""Field of an epoch, factor and hover."""
_PANELS: tuple[_Panel, ...] = (
    ("val_loss", 1, "%{y:.3f}"),
    ("val_accuracy", 100, "%{y:.1f} %"),
)
_DASHES = ("solid", "dash", "dot", "dashdot")


def draw_overlaid_curves(curves: Sequence[RunCurve], dark: bool = False) -> go.Figure:
    """Return validation loss and accuracy of several runs; rings mark the best epochs."""
    colours = choose_palette(dark)
    figure = make_panels(("Validation loss", "Validation accuracy"), dark)
    for column, panel in enumerate(_PANELS, start=1):
        for number, curve in enumerate(curves):
            traces = _draw_run(curve, number, panel, colours)
            figure.add_traces(traces, rows=1, cols=column)
    layout = figure_layout(dark)
    layout["title"]["text"] = _describe_curves(curves)
    figure.update_layout(
        **layout,
        height=330 + 22 * (len(curves) // 3),
        margin={"l": 40, "r": 12, "t": 70, "b": 44},
        legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"},
        uirevision="comparison",
    )
    return figure


def _draw_run(curve: RunCurve, number: int, panel: _Panel, colours: Palette) -> list[go.Scatter]:
    name, factor, hover = panel
    colour = colours.groups[number % len(colours.groups)]
    dash = _DASHES[number // len(colours.groups) % len(_DASHES)]
    places = [epoch["epoch"] for epoch in curve.epochs]
    values = [scale(epoch.get(name), factor) for epoch in curve.epochs]
    line = go.Scatter(
        x=places,
        y=values,
        name=curve.name,
        legendgroup=str(number),
        showlegend=panel is _PANELS[0],
        mode="lines+markers" if len(values) == 1 else "lines",
        line={"color": colour, "width": 2, "dash": dash},
        hovertemplate=hover,
        cliponaxis=False,
    )
    best = [i for i, epoch in enumerate(curve.epochs) if epoch["epoch"] == curve.best_epoch]
    ring = go.Scatter(
        x=[places[i] for i in best],
        y=[values[i] for i in best],
        legendgroup=str(number),
        showlegend=False,
        mode="markers",
        hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 11, "line": {"width": 2}, "color": colour},
        cliponaxis=False,
    )
    return [line, ring]


def _describe_curves(curves: Sequence[RunCurve]) -> str:
    lowest = [
        (epoch["val_loss"], curve.name)
        for curve in curves
        for epoch in curve.epochs
        if epoch["epoch"] == curve.best_epoch and epoch.get("val_loss") is not None
    ]
    if not lowest:
        return "No run has a validation loss"
    loss, name = min(lowest)
    return f"Lowest validation loss: {loss:.3f}, {name}"
