"""The metrics page: figures over all classes, baselines, each class, and the photos of one."""

import math

import pandas as pd
import streamlit as st

from core.errors import COMMAND, PetalscopeError
from core.evaluation.agreement import AVERAGED, RESAMPLES
from core.evaluation.baselines import Beside, describe_worth
from core.evaluation.intervals import Estimate
from core.formats import count, percent, plain
from core.runs.store import RunRecord
from core.ui.metrics.charts import draw_baselines, say_baselines
from core.ui.metrics.classes import show_class_bars, show_class_table
from core.ui.metrics.curves import say_range, show_curves
from core.ui.metrics.more_photos import show_more_photos
from core.ui.metrics.reading import MetricsPage, read_metrics
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.frame import link_page
from core.ui.parts.pickers import pick_linked
from core.ui.parts.small_sets import show_small_set
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel

_CARD = 100
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


_KINDS = {"missed": "Missed", "taken": "Taken for it", "found": "Found"}
_WORDS = {
    "missed": "taken for another class, the surest mistake first; named is the answer",
    "taken": "taken for it, the surest mistake first; named is the true class",
    "found": "found, the least sure first",
}


def show_metrics(run: RunRecord, split: str) -> None:
    """Draw the page for a run and a split."""
    page = read_metrics(run, split)
    show_small_set(run, split, classes=True)
    _show_headline(page)
    show_class_table(page)
    _show_class_photos(page)
    bars, curves = st.columns([2, 3], gap="medium")
    with bars.container(border=True):
        show_class_bars(page)
    with curves.container(border=True):
        show_curves(page)
    _show_averages(page)
    with st.container(border=True):
        show_baselines(page)
    show_more_photos(page.dataset)
    show_photo_panel(page.dataset)


def _show_headline(page: MetricsPage) -> None:
    """Draw the figures over all classes with their intervals, and how these were found."""
    figures, top_k = page.figures, page.evaluation.top_k
    n = figures["accuracy"].n
    absent = int((page.evaluation.per_class["support"] == 0).sum())
    missing = f" {count(absent, 'class')} without photos here {'is' if absent == 1 else 'are'}"
    missing += " in no mean over classes."
    judged = page.ranking.macro["roc"].n
    with st.container(horizontal=True, gap="xsmall"):
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
        _show_share("ROC area", page.ranking.macro["roc"], _HELP["roc"])
        _show_number("Loss", figures["loss"], _HELP["loss"])
    st.caption(
        f"n = {n:,} {page.split} photos. Below each figure its 95 % interval."
        + missing * bool(absent)
        + f" Areas and curves: {judged:,} of them, drawn at random." * (judged < n),
        help="Wilson's interval for accuracy and top-k; for Balanced that of as many photos of one "
        "share as it is as sure as, small classes counting most; jackknife for the ROC area; "
        f"a logarithmic scale for the loss; for the others {RESAMPLES:,} resamples, in which a "
        "photo's answer is drawn from its class and, the more the smaller that is, from all. Where "
        "simulations found that no interval holds what it says there is none.",
    )


def _show_averages(page: MetricsPage) -> None:
    """Draw macro and weighted averages with their intervals, and what they mean."""
    figures = page.figures
    n = figures["accuracy"].n
    table = pd.DataFrame({"average": [kind.capitalize() for kind in _AVERAGES]})
    column = st.column_config.TextColumn
    config = {"average": column("Over the classes", width=120)}
    reasons: dict[str, None] = {}
    for name in AVERAGED:
        estimates = [figures[f"{kind}_{name}"] for kind in _AVERAGES]
        table[name] = [percent(one.value, n) for one in estimates]
        table[f"{name}_interval"] = [
            say_range(one) or ("none" if one.reason else "") for one in estimates
        ]
        reasons |= dict.fromkeys(one.reason for one in estimates if one.reason)
        config[name] = column(name.capitalize(), width=78)
        config[f"{name}_interval"] = column(
            "95 %",
            width=118,
            help="95 % interval; the method is behind the “?” above.",
        )
    st.dataframe(
        table,
        hide_index=True,
        column_config=config,
        alt="Macro and weighted averages of precision, recall and F1 with their 95 % intervals",
    )
    st.caption(
        "Macro counts every class that has photos alike, so a small class weighs as much as a "
        "large one; its recall is the balanced accuracy. Weighted counts every photo alike; its "
        f"recall is the accuracy. n = {n:,}."
        + f" No interval: {'; '.join(reasons)}."
        * bool(reasons)
    )


def _show_share(label: str, estimate: Estimate, help_text: str) -> None:
    value = percent(estimate.value, estimate.n)
    _show(label, value, say_range(estimate), help_text, estimate.reason)


def _show_number(label: str, estimate: Estimate, help_text: str) -> None:
    decimals = 2 if estimate.n < 200 else 3
    value = "–" if math.isnan(estimate.value) else f"{estimate.value:.{decimals}f}"
    known = not math.isnan(estimate.low)
    ends = f"{estimate.low:.{decimals}f} to {estimate.high:.{decimals}f}" if known else ""
    _show(label, value, ends, help_text, estimate.reason)


def _show(label: str, value: str, ends: str, help_text: str, reason: str) -> None:
    """Draw a figure above its interval; where it has none, why is behind a “?”."""
    with st.container(width=_CARD, gap=None):
        st.metric(label, value, help=help_text)
        st.caption(ends or "no interval", help=reason if reason and not ends else None)


def _show_class_photos(page: MetricsPage) -> None:
    """Draw the photos behind the numbers of a class, in three heaps; the heap is in the URL."""
    if page.class_name is None:
        st.info(
            "Choose a class in the table or a bar: its photos appear here.",
            icon=":material/ads_click:",
        )
        return
    result, class_name = page.result, page.class_name
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(class_name), anchor=False, width="content")
        query = {"run": page.run.id, "split": page.split, "true": class_name}
        link_page("confusion", "Taken for which classes", "grid_on", **query)
    fallback = next((kind for kind in _KINDS if len(page.heaps[kind])), "missed")
    names = {name: f"{_KINDS[name]} ({len(page.heaps[name]):,})" for name in _KINDS}
    kind = pick_linked("Photos", names, "heap", "metrics.photos", fallback)
    photos = page.heaps[kind]
    of = "other classes" if kind == "taken" else plain(class_name)
    st.caption(f"{count(len(photos), 'photo')} of {of} in {page.split}, {_WORDS[kind]}.")
    answers = dict(zip(photos.tolist(), result.scores[photos].argmax(axis=1).tolist(), strict=True))

    def describe(photo: int) -> str:
        score = percent(float(result.scores[photo, answers[photo]]), 100).replace(" ", "\u00a0")
        named = int(result.labels[photo]) if kind == "taken" else answers[photo]
        return f"{score} {result.classes[named]}"

    if len(photos):
        show_gallery(page.dataset, photos, key=f"class.{kind}", captions=describe)


def show_baselines(page: MetricsPage) -> None:
    """Draw the run beside its baselines and say whether ResNet-50, and training, is worth it."""
    st.markdown("**Is ResNet-50 worth it?**")
    try:
        besides = page.besides
    except PetalscopeError as error:  # photos that cannot be read must not hide the metrics
        st.caption(f":orange[{plain(error.problem)} {plain(error.remedy)}]")
        return
    chart, verdict = st.columns([3, 2], gap="medium")
    with chart:
        show_kept_chart(
            draw_baselines,
            page.baselines,
            besides[0].accuracy.n,
            alt="Accuracy of the run and of simple rules; the table below says the same.",
        )
    with verdict:
        if besides[0].own.n < page.evaluation.n:
            st.caption(
                f"On {besides[0].own.n:,} photos of the split's {page.evaluation.n:,}, drawn at "
                "random; the rules compare each with up to 7,000 training photos."
            )
        if page.split == "train":
            st.caption(
                ":orange[No verdict: the run learnt from these very photos, and the rules never "
                "see the photo itself. Look at validation or test.]"
            )
        for worth in describe_worth(besides) if page.split != "train" else ():
            st.markdown(f"**{plain(worth.verdict)}**")
            st.caption(plain(worth.facts))
        if not any(beside.uses_network for beside in besides):
            st.caption(
                "The frozen features of this dataset are not kept, so their nearest neighbours "
                f"are not asked: “{COMMAND} features {page.run.recipe.dataset}” computes them."
            )
    with st.expander("What the rules are, and the numbers", icon=":material/table:"):
        _show_rules(page.baselines, besides)


def _show_rules(table: pd.DataFrame, besides: list[Beside]) -> None:
    n = besides[0].accuracy.n
    shown = say_baselines(table, n)[["name", "said", "interval"]]
    shown.columns = pd.Index(["Answers by", "Accuracy", "95 %"])
    st.dataframe(shown, hide_index=True, alt="Accuracy of the run and of simple rules")
    st.caption(
        "All learn from the training photos of this run alone. The verdict names the strongest of "
        "them on the photos shown (the test is adjusted for that); on validation the run's epoch "
        "was chosen by these photos, too. **Largest class of train**: always the same answer. "
        "**By colour**: the training photos with the most similar colour histogram (6 × 6 × 6 "
        "colours). **By frozen features**: those with the most similar features (cosine) of the "
        f"network as it was before this run. n = {n:,}; Wilson intervals. The verdict is McNemar's "
        f"exact test, adjusted for {len(besides)} comparisons (Holm); the interval of the "
        "difference is adjusted likewise, and holds 0 where the test tells nothing apart."
    )
