"""The quality page: the row of findings with their counts, and the one that is chosen."""

from functools import partial

import streamlit as st

from core.ui.parts.pickers import pick_dataset
from core.ui.parts.state import keep_choice
from core.ui.photos.panel import show_photo_panel
from core.ui.photos.tray import show_tray
from core.ui.quality.analysis import show_analysis
from core.ui.quality.labels import show_suspects
from core.ui.quality.leaks import show_leak_effect
from core.ui.quality.pairs import show_pairs
from core.ui.quality.photos import (
    show_imbalance,
    show_measured,
    show_outliers,
    show_unreadable,
)
from core.ui.quality.reading import (
    FINDINGS,
    MEASURES,
    QualityPage,
    measure_balance,
    read_quality_page,
)

_HEADING_WIDTH = 140
_EVEN = 1.5
"""Ratio of class sizes up to which they are called even."""


def show_quality() -> None:
    """Draw the whole page."""
    page = read_quality_page(pick_dataset())
    show_tray(page.dataset)
    _show_findings(page)
    st.subheader(page.kind.title, anchor=False)
    st.caption(page.kind.looked_for)
    show_analysis(page)
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
