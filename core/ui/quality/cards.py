"""The quality page: the row of findings with their counts, and the one that is chosen.

The chosen finding lives in the URL (`finding`), so that a link opens it, also from other pages.
"""

from functools import partial

import streamlit as st

from core.ui.parts.state import keep_choice, read_choice
from core.ui.quality.analysis import show_analysis
from core.ui.quality.classes import count_classes, measure_balance, show_imbalance
from core.ui.quality.findings import FINDINGS, MEASURES, count_findings, group_findings
from core.ui.quality.labels import list_suspects, show_suspects
from core.ui.quality.leaks import show_leak_effect
from core.ui.quality.pairs import show_pairs
from core.ui.quality.photos import show_measured, show_outliers, show_unreadable
from data.dataset import Dataset

_FIRST = "exact"
_HEADING_WIDTH = 140
_EVEN = 1.5
"""Ratio of class sizes up to which they are called even."""


def pick_finding(dataset: Dataset) -> str:
    """Returns the chosen finding; draws all of them with their counts, a click chooses one."""
    stated = read_choice("finding")
    chosen = stated if stated in FINDINGS else _FIRST
    keep_choice("finding", chosen)
    labels = _label_findings(dataset)
    for group, names in group_findings().items():
        key = f"quality.pick.{group}"
        st.session_state[key] = chosen if chosen in names else None
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(group, width=_HEADING_WIDTH)
            st.pills(
                group,
                names,
                format_func=labels.__getitem__,
                key=key,
                on_change=partial(_choose, key),
                label_visibility="collapsed",
                wrap=True,
            )
    return chosen


def show_finding(dataset: Dataset, finding: str) -> None:
    """Draws one finding: what was looked for, what was found, and what can be done about it."""
    kind = FINDINGS[finding]
    st.subheader(kind.title, anchor=False)
    st.caption(kind.looked_for)
    show_analysis(dataset, wanted=kind.needs_features)
    if finding in MEASURES:
        show_measured(dataset, finding)
    elif finding == "unreadable":
        show_unreadable(dataset)
    elif finding == "imbalance":
        show_imbalance(dataset)
    elif finding == "outlier":
        show_outliers(dataset)
    elif finding == "suspect":
        show_suspects(dataset)
    else:
        show_pairs(dataset, finding)
    if finding == "leak":
        show_leak_effect(dataset)


def _choose(key: str) -> None:
    if st.session_state[key] is not None:  # a second click on the chosen one keeps it
        keep_choice("finding", st.session_state[key])


def _label_findings(dataset: Dataset) -> dict[str, str]:
    counts = count_findings(dataset)
    if counts["suspect"] is not None:
        counts["suspect"] = len(list_suspects(dataset)[0])
    labels = {}
    for name, finding in FINDINGS.items():
        number = counts[name]
        if name == "imbalance":
            ratio, _ = measure_balance(count_classes(dataset))
            words = f":{'orange' if ratio > _EVEN else 'gray'}[**× {ratio:.1f}**]"
        elif number is None:
            words = ":gray[–]"
        else:
            words = f":{'orange' if number else 'gray'}[**{number:,}**]"
        labels[name] = f"{finding.title} {words}"
    return labels
