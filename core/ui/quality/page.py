"""The quality page: the findings with their counts, the chosen one, the analysis they need."""

from functools import partial

import streamlit as st

from core.datasets.quality.neighbours import MOST_FULL
from core.datasets.quality.store import find_feature_sets, request_analysis
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.live_state import follow_job
from core.ui.parts.messages import show_problem, show_random_banner
from core.ui.parts.pickers import pick_dataset
from core.ui.parts.state import keep_choice
from core.ui.photos.panel import show_photo_panel
from core.ui.photos.tray import show_tray
from core.ui.quality.labels import show_leak_effect, show_suspects
from core.ui.quality.pairs import show_pairs
from core.ui.quality.photos import show_imbalance, show_measured, show_outliers, show_unreadable
from core.ui.quality.reading import (
    ANALYSIS,
    FINDINGS,
    MEASURES,
    QualityPage,
    measure_balance,
    read_job,
    read_quality_page,
)
from data.dataset import Dataset
from models.catalogue import DEFAULT, RANDOM, STARTER
from models.weights import WeightsKind, name_usual

_HEADING_WIDTH = 140
_EVEN = 1.5
_HELP = {
    "pretrained": "Weights that have seen photos before: the findings deserve trust.",
    "starter": "Weights that have seen drawings only: for a machine without the others. The "
    "findings are rough.",
    "random": "Weights that have never seen anything. The findings are rougher still.",
}


def show_quality() -> None:
    """Draw the whole page."""
    page = read_quality_page(pick_dataset())
    show_tray(page.dataset)
    _show_findings(page)
    st.subheader(page.kind.title, anchor=False)
    st.caption(page.kind.looked_for)
    show_analysis(page)
    if page.waits:
        show_photo_panel(page.dataset)
        return
    if page.finding in MEASURES:
        show_measured(page)
    else:
        {
            "unreadable": show_unreadable,
            "imbalance": show_imbalance,
            "outlier": show_outliers,
            "suspect": show_suspects,
        }.get(page.finding, show_pairs)(page)
    if page.finding == "leak":
        show_leak_effect(page)
    show_photo_panel(page.dataset)


def _show_findings(page: QualityPage) -> None:
    """Draw all findings with their counts, by the heading they belong to; a click chooses one."""
    for group in dict.fromkeys(finding.group for finding in FINDINGS.values()):
        names = [name for name, finding in FINDINGS.items() if finding.group == group]
        key = f"quality.pick.{group}"
        st.session_state[key] = page.finding if page.finding in names else None
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(group, width=_HEADING_WIDTH)
            st.pills(
                group,
                names,
                format_func=partial(_label_finding, page),
                key=key,
                on_change=partial(_choose, key),
                label_visibility="collapsed",
                wrap=True,
            )


def _choose(key: str) -> None:
    if st.session_state[key] is not None:  # a second click on the chosen one keeps it
        keep_choice("finding", st.session_state[key])


def _label_finding(page: QualityPage, name: str) -> str:
    number = page.counts[name]
    if name == "imbalance":
        ratio, _ = measure_balance(page.count_classes())
        words = f":{'orange' if ratio > _EVEN else 'gray'}[**× {ratio:.1f}**]"
    elif number is None:
        words = ":gray[–]"
    else:
        words = f":{'orange' if number else 'gray'}[**{number:,}**]"
    return f"{FINDINGS[name].title} {words}"


def show_analysis(page: QualityPage) -> None:
    """Draw the state of the analysis: going or failed; offered or done where it is needed."""
    job = read_job(page.dataset)
    if job and job[1].state == "going":
        follow_job(cache.workspace().analysis_folder(job[0]), "Analysing")
        return
    if job and job[1].state == "failed":
        show_problem(job[1].problem, job[1].remedy)
    if page.waits:
        _offer(page)
    if page.result is None or not page.kind.needs_features:
        return
    if page.result.weights == RANDOM:
        show_random_banner()
    better = name_usual(cache.workspace())
    if page.result.weights in {STARTER, RANDOM} - {better} and _ask_start(better):
        _start(page.dataset, better)
    st.caption(f"Analysed with the features “{plain(page.result.features_label)}”.")


def _offer(page: QualityPage) -> None:
    sets = find_feature_sets(cache.workspace(), page.dataset.id)
    kept = [found.kind for found in sets]
    with st.container(border=True):
        st.subheader("This needs the features of the photos", anchor=False)
        st.write(
            "A backbone turns each photo into 2,048 numbers; in them photos that look alike lie "
            "close together. From these come outliers, label suspects, the nearest photos and a "
            "second opinion on near duplicates. It is computed once and kept."
        )
        with st.container(horizontal=True):
            offered = list(dict.fromkeys([name_usual(cache.workspace(), kept), *kept]))
            asked = [kind for kind in offered if _ask_start(kind, main=kind == offered[0])]
        if kept:
            takes = "a few seconds" if len(page.dataset) <= MOST_FULL else "the time left is shown"
            st.caption(f"The features of these photos are kept already: {takes}.")
        else:
            st.caption(
                f"{count(len(page.dataset), 'photo')}; the time left is shown while it goes."
            )
    if asked:
        _start(page.dataset, asked[0])


@cache.for_editors
def _ask_start(weights: WeightsKind, *, main: bool = False) -> bool:
    return st.button(
        f"Analyse with {weights} weights",
        type="primary" if main else "secondary",
        icon=":material/casino:" if weights == RANDOM else ":material/neurology:",
        help=_HELP.get(weights, _HELP[DEFAULT]),
        key=f"quality.start.{weights}",
    )


def _start(dataset: Dataset, weights: WeightsKind) -> None:
    keep_choice(ANALYSIS, request_analysis(cache.workspace(), dataset.id, weights))
    st.rerun()
