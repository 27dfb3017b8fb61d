"""The metrics page, figures over all classes: each with its 95 % interval right below it."""

import math

import pandas as pd
import streamlit as st

from core.evaluation.agreement import AVERAGED, RESAMPLES
from core.evaluation.intervals import Estimate
from core.formats import percent
from core.runs.store import RunRecord
from core.ui.metrics import reading as metrics_cache
from core.ui.parts import cache

_CARD = 160
_AVERAGES = ("macro", "weighted")
_HELP = {
    "accuracy": "The share of photos whose highest score is their own class.",
    "balanced_accuracy": "Also called mean per-class accuracy: the mean recall of the classes that "
    "have photos, so that a small class weighs as much as a large one.",
    "macro_f1": "F1 (the harmonic mean of precision and recall), averaged over the classes.",
    "cohen_kappa": "Cohen's kappa: how much of the agreement that chance leaves open was reached. "
    "0: as chance; 1: perfect.",
    "matthews": "Matthews correlation of truth and answer over all classes. 0: as chance; 1: "
    "perfect.",
    "roc": "How often a photo of a class has a higher score for it than another photo has; mean "
    "of the classes that have photos. 50 %: as chance.",
    "loss": "Mean categorical cross-entropy (natural logarithm). 0: certain and right; unlike the "
    "others, lower is better.",
}


def show_headline(run: RunRecord, split: str) -> None:
    """Draws the figures over all classes with their intervals, and how these were found."""
    figures = metrics_cache.agreement(run.id, split)
    ranking = metrics_cache.ranking(run.id, split)
    top_k = cache.evaluation(run.id, split).top_k
    n = figures["accuracy"].n
    with st.container(horizontal=True, gap="medium"):
        _show_share("Accuracy", figures["accuracy"], _HELP["accuracy"])
        if top_k > 1:  # of two classes it would be the accuracy once more
            help_text = f"The true class is among the {top_k} highest scores."
            if top_k < 5:
                help_text += " (Of so few classes top-5 is always right.)"
            _show_share(f"Top-{top_k}", figures["top_k_accuracy"], help_text)
        _show_share("Balanced", figures["balanced_accuracy"], _HELP["balanced_accuracy"])
        _show_share("Macro F1", figures["macro_f1"], _HELP["macro_f1"])
        _show_number("Kappa", figures["cohen_kappa"], _HELP["cohen_kappa"])
        _show_number("Matthews", figures["matthews"], _HELP["matthews"])
        _show_share("ROC area", ranking.macro["roc"], _HELP["roc"])
        _show_number("Loss", figures["loss"], _HELP["loss"])
    st.caption(
        f"n = {n:,} {split} photos. Below each figure its 95 % interval: Wilson for accuracy and "
        f"top-k, jackknife for the ROC area, else a bootstrap of {RESAMPLES:,} resamples within "
        "each class; for Balanced and macro figures the wider of that and the classes' Wilson "
        "intervals combined. Balanced is the mean per-class accuracy."
    )


def show_averages(run: RunRecord, split: str) -> None:
    """Draws macro and weighted averages with their intervals, and what they mean."""
    figures = metrics_cache.agreement(run.id, split)
    n = figures["accuracy"].n
    table = pd.DataFrame({"average": [kind.capitalize() for kind in _AVERAGES]})
    column = st.column_config.TextColumn
    config = {"average": column("Over the classes", width=120)}
    for name in AVERAGED:
        estimates = [figures[f"{kind}_{name}"] for kind in _AVERAGES]
        table[name] = [percent(one.value, n) for one in estimates]
        table[f"{name}_interval"] = [say_range(one) for one in estimates]
        config[name] = column(name.capitalize(), width=78)
        config[f"{name}_interval"] = column(
            "95 %",
            width=118,
            help="95 % interval: bootstrap; macro: the wider of that and the classes' Wilson "
            "intervals combined.",
        )
    st.dataframe(
        table,
        hide_index=True,
        column_config=config,
        alt="Macro and weighted averages of precision, recall and F1 with their 95 % intervals",
    )
    st.caption(
        "Macro counts every class alike, so a small class weighs as much as a large one; weighted "
        f"counts every photo alike. n = {n:,}."
    )


def say_range(estimate: Estimate) -> str:
    """Returns the interval of a share in words, with one sign of percent; empty without one."""
    if math.isnan(estimate.low):
        return ""
    low = percent(estimate.low, estimate.n).removesuffix(" %")
    return f"{low} to {percent(estimate.high, estimate.n)}"


def _show_share(label: str, estimate: Estimate, help_text: str) -> None:
    _show(label, percent(estimate.value, estimate.n), say_range(estimate), help_text)


def _show_number(label: str, estimate: Estimate, help_text: str) -> None:
    decimals = 2 if estimate.n < 200 else 3
    value = "–" if math.isnan(estimate.value) else f"{estimate.value:.{decimals}f}"
    ends = f"{estimate.low:.{decimals}f} to {estimate.high:.{decimals}f}"
    _show(label, value, "" if math.isnan(estimate.low) else ends, help_text)


def _show(label: str, value: str, ends: str, help_text: str) -> None:
    with st.container(width=_CARD, gap=None):
        st.metric(label, value, help=help_text)
        st.caption(ends or "no interval")
