"""The metrics page: figures over all classes, each class, the photos of one class, and more."""

import math

import streamlit as st

from core.evaluation.agreement import RESAMPLES
from core.evaluation.intervals import Estimate
from core.formats import count, percent, plain
from core.runs.store import RunRecord
from core.ui.metrics.classes import say_range, show_class_table
from core.ui.metrics.more import show_more
from core.ui.metrics.reading import MetricsPage, read_metrics
from core.ui.parts.frame import link_page
from core.ui.parts.pickers import pick_linked
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel

_CARD, _LEAKS = 100, 5
_HELP = {
    "accuracy": "Share of photos whose highest score is the score of their own class.",
    "balanced_accuracy": "Mean recall of the classes that have photos, so that a small class "
    "counts as much as a large one.",
    "macro_f1": "Mean F1 of the classes; F1 is the harmonic mean of precision and recall.",
    "cohen_kappa": "Cohen's kappa: agreement beyond chance. 0 is chance, 1 is perfect.",
    "matthews": "Matthews correlation coefficient. 0 is chance, 1 is perfect.",
    "roc": "Probability that a photo of a class gets a higher score for the class than a photo of "
    "another class; mean of the classes. 50 % is chance.",
    "loss": "Mean cross-entropy (natural logarithm). Lower is better; 0 is certain and correct.",
}
_KINDS = {"missed": "Missed", "taken": "Predicted wrongly", "found": "Found"}
_WORDS = {
    "missed": "predicted as another class{order}; below each the predicted class",
    "taken": "predicted as this class{order}; below each the true class",
    "found": "predicted correctly{order}",
}


def show_metrics(run: RunRecord, split: str) -> None:
    """Draw the page for a run and a split."""
    page = read_metrics(run, split)
    _show_cautions(page)
    _show_headline(page)
    show_class_table(page)
    _show_class_photos(page)
    show_more(page)
    show_photo_panel(page.dataset)


def _show_cautions(page: MetricsPage) -> None:
    """Draw one line that names leaking photos and small classes."""
    cautions = [page.small_classes] if page.small_classes else []
    leaks = page.leaks
    if len(leaks):
        names = ", ".join(plain(path) for path in page.result.paths[leaks[:_LEAKS]])
        more = f" and {len(leaks) - _LEAKS:,} more" if len(leaks) > _LEAKS else ""
        cautions.append(
            f"{count(len(leaks), 'photo')} of this split {'has' if len(leaks) == 1 else 'have'} a "
            f"copy in train, which inflates the accuracy: {names}{more}"
        )
    if not cautions:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        words = ". ".join(cautions)
        st.caption(f":orange[:material/data_alert: {words}.]", width="content")
        if len(leaks):
            known = {"dataset": page.dataset.id, "finding": "leak"}
            link_page("quality", "Show the leaks", "fact_check", **known)


def _show_headline(page: MetricsPage) -> None:
    """Draw the figures over all classes with their intervals."""
    figures, top_k = page.figures, page.evaluation.top_k
    n = figures["accuracy"].n
    with st.container(horizontal=True, gap="xsmall"):
        _show_share("Accuracy", figures["accuracy"], _HELP["accuracy"])
        if top_k > 1 and page.has_scores:  # with two classes it would be the accuracy again
            words = f"Share of photos whose class has one of the {top_k} highest scores."
            _show_share(f"Top-{top_k}", figures["top_k_accuracy"], words)
        _show_share("Balanced", figures["balanced_accuracy"], _HELP["balanced_accuracy"])
        _show_share("Macro F1", figures["macro_f1"], _HELP["macro_f1"])
        _show_number("Kappa", figures["cohen_kappa"], _HELP["cohen_kappa"])
        _show_number("Matthews", figures["matthews"], _HELP["matthews"])
        if page.has_scores:
            _show_share("ROC area", page.ranking.macro["roc"], _HELP["roc"])
            _show_number("Loss", figures["loss"], _HELP["loss"])
    words = f"n = {n:,} {page.split} photos, 95 % intervals."
    if absent := int((page.evaluation.per_class["support"] == 0).sum()):
        words += f" The means leave out {count(absent, 'class')} without photos."
    if page.has_scores and (judged := page.ranking.macro["roc"].n) < n:
        words += f" Areas and curves use {judged:,} random photos."
    if not page.has_scores:
        words += " Loss, areas and curves need a score of each class, which was not added."
    st.caption(
        words,
        help="Accuracy, top-k and balanced accuracy: widened Wilson intervals. ROC area: "
        f"jackknife. Loss: log-normal. The others: bootstrap within classes ({RESAMPLES} "
        "resamples), with small classes shrunk towards the pooled errors. There is no interval "
        "where simulated coverage is below 95 %.",
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
    """Draw a figure above its interval; the reason for a missing interval is behind a “?”."""
    with st.container(width=_CARD, gap=None):
        st.metric(label, value, help=help_text)
        st.caption(ends or "no interval", help=reason if reason and not ends else None)


def _show_class_photos(page: MetricsPage) -> None:
    """Draw the photos of the chosen class in three heaps; the heap is in the URL."""
    if page.class_name is None:
        st.info(
            "Choose a class in the table to see its photos.",
            icon=":material/ads_click:",
        )
        return
    result, class_name = page.result, page.class_name
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(class_name), anchor=False, width="content")
        query = {"run": page.run.id, "split": page.split, "true": class_name}
        link_page("confusion", "Its confusions", "grid_on", **query)
    fallback = next((kind for kind in _KINDS if len(page.heaps[kind])), "missed")
    names = {name: f"{_KINDS[name]} ({len(page.heaps[name]):,})" for name in _KINDS}
    kind = pick_linked("Photos", names, "heap", "metrics.photos", fallback)
    photos = page.heaps[kind]
    of = "other classes" if kind == "taken" else plain(class_name)
    order = f", {'least' if kind == 'found' else 'most'} confident first"
    words = _WORDS[kind].format(order="" if result.scored == "none" else order)
    st.caption(f"{count(len(photos), f'{page.split} photo')} of {of}, {words}.")
    answers = dict(zip(photos.tolist(), result.scores[photos].argmax(axis=1).tolist(), strict=True))

    def describe(photo: int) -> str:
        score = result.say_score(photo, answers[photo])
        named = int(result.labels[photo]) if kind == "taken" else answers[photo]
        return f"{score} {result.classes[named]}".strip()

    if len(photos):
        show_gallery(page.dataset, photos, key=f"class.{kind}", captions=describe)
