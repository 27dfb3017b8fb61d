"""The tables of a report as text, rounded to what n supports; `evaluate` prints some, too."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from core.evaluation.baselines import NAMES, Beside
from core.evaluation.intervals import Estimate
from core.evaluation.slice_search import say_points
from core.evaluation.slices import say_rule
from core.formats import percent, span

if TYPE_CHECKING:
    from core.datasets.quality.slicing import SliceStudy
    from core.reporting.contents import RunReport

Rows = list[list[str]]

FIGURES = {
    "accuracy": "Accuracy",
    "top_k_accuracy": "Top-k accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_f1": "Macro F1",
    "weighted_precision": "Weighted precision",
    "weighted_recall": "Weighted recall",
    "weighted_f1": "Weighted F1",
    "loss": "Loss",
    "cohen_kappa": "Cohen's kappa",
    "matthews": "Matthews coefficient",
}
"""Key → label of each figure over all classes, in the order of the tables."""
_NUMBERS = ("loss", "cohen_kappa", "matthews")
"""Figures that are not shares."""


def write_tables(report: "RunReport") -> dict[str, Rows]:
    """Return the rows of each table of a report under its name."""
    return {
        "epochs": tabulate_epochs(report.result.curve, report.result.best_epoch),
        "figures": tabulate_figures(
            {key: report.estimates[key] for key in FIGURES if key in report.estimates},
            report.evaluation.top_k,
        ),
        "baselines": tabulate_baselines(report.baselines),
        "classes": tabulate_classes(report.evaluation.per_class),
        "pairs": tabulate_pairs(report.pairs),
        "slices": tabulate_slices(report.slices),
        "properties": tabulate_properties(report.slices),
    }


def tabulate_epochs(curve: Sequence[Mapping[str, float | None]], best_epoch: int) -> Rows:
    """Return epoch, training loss and accuracy, validation loss and accuracy."""
    rows = []
    for epoch in curve:
        row = [f"{epoch['epoch']}{' (best)' if epoch['epoch'] == best_epoch else ''}"]
        for split in ("train", "val"):
            loss, accuracy = epoch.get(f"{split}_loss"), epoch.get(f"{split}_accuracy")
            row.append("–" if loss is None else f"{loss:.3f}")
            row.append("–" if accuracy is None else f"{100 * accuracy:.1f} %")
        rows.append(row)
    return rows


def tabulate_figures(figures: Mapping[str, Estimate], top_k: int) -> Rows:
    """Return label, value, 95 % interval and its method, or the reason why there is none."""
    return [
        [
            FIGURES.get(key, key).replace("Top-k", f"Top-{top_k}"),
            say_figure(key, one.value, one.n),
            say_ends(one, key),
            one.method or one.reason or "–",
        ]
        for key, one in figures.items()
    ]


def tabulate_baselines(baselines: Sequence[Beside]) -> Rows:
    """Return name, accuracy, 95 % interval, difference to the run, and p."""
    return [
        [
            NAMES[one.name],
            percent(one.accuracy.value, one.accuracy.n),
            say_ends(one.accuracy),
            f"{100 * one.compared.difference:+.1f} points".replace("-", "−"),
            _say_p(one.p_value),
        ]
        for one in baselines
    ]


def tabulate_classes(per_class: pd.DataFrame) -> Rows:
    """Return class, photos, predictions; then precision, recall and F1, each with its interval."""
    rows = []
    for row in per_class.to_dict("records"):
        cells = [row["class"], f"{row['support']:,}", f"{row['predicted']:,}"]
        for name, n in (("precision", "predicted"), ("recall", "support"), ("f1", "support")):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            ends = "–" if math.isnan(low) else f"{100 * low:.0f}–{100 * high:.0f}"
            cells += [percent(row[name], row[n]), ends]
        rows.append(cells)
    return rows


def tabulate_pairs(pairs: pd.DataFrame) -> Rows:
    """Return true class, predicted class, photos, their share of the class, and its photos."""
    return [
        [true, predicted, f"{n:,}", percent(share, support), f"{support:,}"]
        for true, predicted, n, share, support in pairs.itertuples(index=False)
    ]


def tabulate_slices(study: "SliceStudy") -> Rows:
    """Return rule, n, accuracy, interval, difference, accuracy expected by class, and p."""
    return [
        [
            say_rule(one.rule, study.properties),
            f"{own.n:,}",
            percent(own.value, own.n),
            span(own.low, own.high, own.n),
            f"{say_points(one.apart.difference)} points",
            percent(one.expected, own.n),
            _say_p(one.apart.p_value),
        ]
        for one, own in ((one, one.accuracy) for one in study.search.slices)
    ]


def tabulate_properties(study: "SliceStudy") -> Rows:
    """Return property, spread of the accuracy and p."""
    ranking = study.ranking.dropna()[["name", "spread", "p_value"]]
    return [
        [study.properties[name].label, f"± {100 * spread:.1f} points", _say_p(p_value)]
        for name, spread, p_value in ranking.itertuples(index=False)
    ]


def say_figure(key: str, value: float, n: int) -> str:
    """Return a figure over all classes as text."""
    return percent(value, n) if key not in _NUMBERS or math.isnan(value) else f"{value:.3f}"


def say_ends(one: Estimate, key: str = "accuracy") -> str:
    """Return the 95 % interval of a figure, or a dash."""
    if math.isnan(one.low):
        return "–"
    return f"{say_figure(key, one.low, one.n)} to {say_figure(key, one.high, one.n)}"


def _say_p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "<0.001"
