"""The tables and curves of a report: figures as text, rounded to what their n supports."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import PERCENT_LABELS, choose_palette, style_altair, title_params
from core.evaluation.baselines import NAMES
from core.evaluation.intervals import Estimate
from core.evaluation.slice_search import say_points
from core.evaluation.slices import say_rule
from core.formats import duration, percent, span
from core.reporting.contents import RunReport
from data.splits import SPLITS

_PANELS = (("loss", "loss", "Loss"), ("accuracy", "share", "Accuracy"))
_SPLITS = {"train": "train_", "validation": "val_", "train, running mean": ""}
"""Name of a line → how its numbers are called."""
_WIDTH, _HEIGHT = 330, 220


def draw_history(history: Sequence[Mapping[str, Any]], best_epoch: int, dark: bool = False) -> Any:
    """Return loss and accuracy per epoch for train and validation photos; the best is marked.

    Args:
        history: Of the result: epoch, and loss and accuracy alone (running means), with train_ and
            val_ before them; None where a number was not finite or not measured.
    """
    rows = _list_points(history)
    panels = [_draw_panel(rows, panel, best_epoch, dark) for panel in _PANELS]
    chart = alt.hconcat(*panels, spacing=36)
    judged = any(epoch.get("val_loss") is not None for epoch in history)
    title = title_params(
        f"Epoch {best_epoch} of {len(history)} is the best one and is kept",
        f"Dashed: the best epoch, by {'validation' if judged else 'training'} loss",
    )
    return style_altair(chart, dark, title=title)


def _list_points(history: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"epoch": epoch["epoch"], "split": split, "measure": name, "value": value}
            for epoch in history
            for name, _, _ in _PANELS
            for split, prefix in _SPLITS.items()
            if (value := epoch.get(prefix + name)) is not None
        ],
        columns=["epoch", "split", "measure", "value"],
    )


def _draw_panel(
    rows: pd.DataFrame, panel: tuple[str, str, str], best_epoch: int, dark: bool
) -> Any:
    name, kind, words = panel
    colours = choose_palette(dark)
    drawn = rows[rows["measure"] == name]
    line_colours = {**colours.splits, "train, running mean": colours.quiet}
    last = max([2, *drawn["epoch"]])
    epochs = alt.Scale(domain=[1, last], nice=False, zero=False)
    ticks = alt.Axis(tickMinStep=1, format="d", grid=False)
    axis = alt.Axis(labelExpr=PERCENT_LABELS) if kind == "share" else alt.Axis()
    base = alt.Chart(drawn).encode(
        x=alt.X("epoch:Q", title="epoch", scale=epochs, axis=ticks),
        y=alt.Y(
            "value:Q",
            title=words.lower(),
            axis=axis,
            scale=alt.Scale(zero=kind == "loss", nice=True),
        ),
        color=alt.Color(
            "split:N",
            title=None,
            scale=alt.Scale(domain=list(_SPLITS), range=[line_colours[one] for one in _SPLITS]),
            legend=alt.Legend(orient="right"),
        ),
    )
    best = alt.Chart(pd.DataFrame({"epoch": [best_epoch]}))
    rule = best.mark_rule(color=colours.quiet, strokeDash=[3, 3]).encode(
        x=alt.X("epoch:Q", scale=epochs)
    )
    points = base.mark_point(filled=True, size=28, opacity=1)
    return alt.layer(rule, base.mark_line(strokeWidth=1.8), points).properties(
        width=_WIDTH,
        height=_HEIGHT,
        title=alt.TitleParams(words, fontSize=13, frame="group", offset=10),
    )


Rows = list[list[str]]

SHARES = {
    "accuracy": "Accuracy",
    "top_k_accuracy": "Top-{k} accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_f1": "Macro F1",
    "weighted_precision": "Weighted precision",
    "weighted_recall": "Weighted recall",
    "weighted_f1": "Weighted F1",
}
"""Figures that are shares, in the order in which they are listed."""
OTHERS = {"loss": "Loss", "cohen_kappa": "Cohen's kappa", "matthews": "Matthews coefficient"}


def write_tables(report: RunReport) -> dict[str, Rows]:
    """Return the rows of each table of the report under its name."""
    return {
        "epochs": _tabulate_epochs(report),
        "figures": _tabulate_figures(report),
        "baselines": _tabulate_baselines(report),
        "classes": _tabulate_classes(report),
        "pairs": _tabulate_pairs(report),
        "slices": _tabulate_slices(report),
        "properties": _tabulate_properties(report),
    }


def list_figures(report: RunReport) -> list[tuple[str, str, Estimate]]:
    """Return key, label and estimate of each figure over all classes."""
    labels = (SHARES | OTHERS).items()
    k = report.evaluation.top_k
    return [(name, label.format(k=k), report.estimates[name]) for name, label in labels]


def _tabulate_epochs(report: RunReport) -> Rows:
    rows = []
    for epoch in report.result.curve:
        number, row = epoch["epoch"], list[str]()
        for split in ("train", "val"):
            loss, accuracy = epoch.get(f"{split}_loss"), epoch.get(f"{split}_accuracy")
            row.append("–" if loss is None else f"{loss:.3f}")
            row.append("–" if accuracy is None else f"{100 * accuracy:.1f} %")
        rows.append([f"{number}{' (best)' if number == report.result.best_epoch else ''}", *row])
    return rows


def _tabulate_figures(report: RunReport) -> Rows:
    return [
        [
            label,
            say_figure(name, one.value, one.n),
            say_ends(one, name),
            one.method or one.reason or "–",
        ]
        for name, label, one in list_figures(report)
    ]


def _tabulate_baselines(report: RunReport) -> Rows:
    return [
        [
            NAMES[one.name],
            percent(one.accuracy.value, one.accuracy.n),
            say_ends(one.accuracy),
            f"{100 * one.compared.difference:+.1f} points".replace("-", "−"),
            _say_p(one.p_value),
        ]
        for one in report.baselines
    ]


def _tabulate_classes(report: RunReport) -> Rows:
    rows = []
    for row in report.evaluation.per_class.to_dict("records"):
        cells = [row["class"], f"{row['support']:,}", f"{row['predicted']:,}"]
        for name, n in (("precision", "predicted"), ("recall", "support"), ("f1", "support")):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            ends = "–" if math.isnan(low) else f"{100 * low:.0f}–{100 * high:.0f}"
            cells += [percent(row[name], row[n]), ends]
        rows.append(cells)
    return rows


def _tabulate_pairs(report: RunReport) -> Rows:
    return [
        [true, predicted, f"{n:,}", percent(share, support), f"{support:,}"]
        for true, predicted, n, share, support in report.pairs.itertuples(index=False)
    ]


def _tabulate_slices(report: RunReport) -> Rows:
    study = report.slices
    return [
        [
            say_rule(one.rule, study.properties),
            f"{one.n:,}",
            percent(one.accuracy, one.n),
            span(one.low, one.high, one.n),
            f"{say_points(one.difference)} points",
            percent(one.expected, one.n),
            _say_p(one.p_value),
        ]
        for one in study.search.slices
    ]


def _tabulate_properties(report: RunReport) -> Rows:
    properties, ranking = report.slices.properties, report.slices.ranking.dropna()
    return [
        [properties[name].label, f"± {100 * spread:.1f} points", _say_p(p_value)]
        for name, spread, p_value in ranking[["name", "spread", "p_value"]].itertuples(index=False)
    ]


def describe_dataset(report: RunReport) -> dict[str, str]:
    """Return what the report says of the dataset, its splits and the run."""
    dataset, result, recipe = report.dataset, report.result, report.run.recipe
    drawn = f"drawn for this run with seed {recipe.split_seed}"
    return {
        "name": dataset.name,
        "version": f"{dataset.id} (edition {dataset.edition})",
        "source": report.source,
        "photos": f"{len(dataset):,}",
        "classes": f"{len(dataset.classes):,}",
        "splits": dataset.split_origin if recipe.split_seed is None else drawn,
        **{split: f"{len(result.photo_numbers(split)):,} photos" for split in SPLITS},
        "weights": f"{report.weights_label}, {recipe.weights_digest}",
        "trained on": f"{report.run.device}, {duration(sum(result.seconds.values()))}",
    }


def say_figure(name: str, value: float, n: int) -> str:
    """Return a figure over all classes as text."""
    if name in SHARES:
        return percent(value, n)
    return "–" if math.isnan(value) else f"{value:.3f}"


def say_ends(one: Estimate, name: str = "accuracy") -> str:
    """Return the ends of its 95 % interval, or a dash."""
    if math.isnan(one.low):
        return "–"
    return f"{say_figure(name, one.low, one.n)} to {say_figure(name, one.high, one.n)}"


def _say_p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "<0.001"
