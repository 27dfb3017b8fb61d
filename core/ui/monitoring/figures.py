"""The monitoring page: the figures of a time, by day and version, and what was answered."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.intervals import Estimate
from core.formats import count, milliseconds, percent
from core.monitoring.drift import DriftReference
from core.monitoring.summaries import (
    count_classes,
    count_scores,
    find_best_scores,
    keep_newest,
    summarise,
)
from core.ui.monitoring.charts import draw_latency, draw_shares, draw_volume
from core.ui.monitoring.drift_charts import draw_classes, draw_scores
from core.ui.monitoring.reading import MonitoringPage
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.messages import show_problem

_CARD = 172


def show_figures(page: MonitoringPage) -> None:
    """Draw how many answers there were, how fast, how sure and how right they were."""
    found = summarise(page.table)
    with st.container(horizontal=True, gap="medium"):
        _show("Answers", f"{found.n:,}", f"of {count(found.photos, 'different photo')}", "")
        slow = found.slow_latency
        _show(
            "95 % within",
            milliseconds(slow.value),
            f"{milliseconds(slow.low)} to {milliseconds(slow.high)}, n = {slow.n:,}",
            "From the arrival of a photo to its answer; of many that were given at once on the "
            "page or the command line, what each took by itself. Half of them within "
            f"{milliseconds(found.median_latency.value)}.",
        )
        _show_share(
            "Not answered",
            found.unknown,
            "Unsure, or unlike all training photos; the latter alone: "
            f"{percent(found.unlike.value, found.unlike.n)}. A photo counts once, with its newest "
            "answer.",
        )
        _show_share(
            "Right, where people said",
            found.accuracy,
            "Photos whose answer somebody confirmed or put right. People tell of wrong answers "
            "rather than of right ones, so the truth is often better.",
        )
    st.caption(
        "Below each figure its 95 % interval and n: Wilson for shares, ranks for times. Days are "
        "those of UTC."
    )


def show_course(page: MonitoringPage) -> None:
    """Draw volume, latency, what was not answered, and accuracy, by day and version."""
    rows, options = page.steps, (page.answering, page.span, page.step)
    places = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    charts: list[tuple[Callable[..., Any], list[str], str]] = [
        (draw_volume, [], "Answers over time"),
        (draw_latency, [], "Median and slow answers over time"),
        (draw_shares, ["unknown"], "Share not answered over time"),
        (draw_shares, ["accuracy"], "Right answers over time, where people said"),
    ]
    for place, (draw, what, alt) in zip(places, charts, strict=True):
        with place.container(border=True):
            if alt.startswith("Right") and not rows["judged"].sum():
                st.markdown("**Right answers, where people said**")
                st.caption(
                    "Nobody has said yet what a photo really is: the buttons below each answer of "
                    "the Predict page, or POST /v1/feedback, tell."
                )
            else:
                show_kept_chart(draw, rows, *what, *options, alt=alt)
    with st.popover("As a table", icon=":material/table:", type="tertiary"):
        st.dataframe(rows, hide_index=True, alt="Figures by time and version")


def show_answers(page: MonitoringPage) -> None:
    """Draw which classes were answered and how sure, beside the reference of the version."""
    reference = _read_reference(page)
    classes = page.version.classes if page.version else ()
    rule = page.version.facts.get("rule") if page.version else None
    best = None
    if reference is not None:
        best = find_best_scores(reference.scores, float((rule or {}).get("temperature", 1.0)))
    left, right = st.columns(2, gap="medium")
    table = keep_newest(page.table)
    n = len(table)
    groups = None if reference is None else reference.photos.groups
    with left.container(border=True):
        show_kept_chart(
            draw_classes,
            count_classes(table, classes, groups),
            n,
            alt="Share of each class among the answers, and in the reference",
        )
    with right.container(border=True):
        show_kept_chart(
            draw_scores,
            count_scores(table, best),
            n,
            alt="Scores of the best class, now and in the reference",
        )


def _read_reference(page: MonitoringPage) -> DriftReference | None:
    """Return the reference of the version, None without one; say why a damaged one is none."""
    try:
        return page.read_reference()
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return None


def _show_share(label: str, estimate: Estimate, help_text: str) -> None:
    n = estimate.n
    ends = f"{percent(estimate.low, n)} to {percent(estimate.high, n)}, n = {n:,}"
    _show(label, percent(estimate.value, n), ends if n else "n = 0", help_text)


def _show(label: str, value: str, below: str, help_text: str) -> None:
    with st.container(width=_CARD, gap=None):
        st.metric(label, value, help=help_text or None)
        st.caption(below)
