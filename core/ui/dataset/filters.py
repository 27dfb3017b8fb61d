"""Filters and sorting of the photos, all in the URL; every widget shows what the URL says.

A filter is a text under its name in the URL (`class`, `in`, `text`, `issue`, `like`, and one for
each distribution).
"""

from collections.abc import Collection
from functools import partial
from typing import Any

import streamlit as st

from core.formats import plain
from core.ui.dataset.charts import describe_value
from core.ui.dataset.reading import ISSUES, MEASURES, SORTS, DatasetPage
from core.ui.parts.frame import page_file
from core.ui.parts.state import bind_choice, keep_choice, read_choice
from data.splits import SPLITS

_NAMES = ("class", "in", "text", "issue", "like", *MEASURES)


def show_filter_bar(page: DatasetPage) -> None:
    """Draw the filters and the sorting; each change goes into the URL."""
    wanted, numbers = page.wanted, page.issues.sum().to_dict()
    issues = {
        name: f"{words} ({numbers[name]:,})" if name in numbers else words
        for name, words in ISSUES.items()
    }
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _pick("Class", page.dataset.classes, width=180, **_bind("class", wanted.class_name))
        _pick("Split", SPLITS, width=115, **_bind("in", wanted.split))
        st.text_input(
            "Name contains",
            placeholder="path or class",
            width=130,
            **_bind("text", wanted.text, nothing=""),
        )
        _pick(
            "Issue",
            issues,
            format_func=issues.__getitem__,
            width=145,
            **_bind("issue", wanted.issue),
        )
        _pick(
            "Sort",
            SORTS,
            index=0,
            format_func=SORTS.__getitem__,
            width=150,
            **_bind("sort", wanted.sort),
        )
    if wanted.is_active:
        _show_chips(page)


def show_missing_analysis() -> None:
    """Say that this filter or sorting rests on the quality analysis, and lead there."""
    with st.container(border=True):
        st.markdown(
            "**This needs the quality analysis.** It compares the photos by their features: which "
            "are near each other, which are unlike their class. It is made once, on request."
        )
        st.page_link(page_file("quality"), label="Analyse the quality", icon=":material/rule:")


def _show_chips(page: DatasetPage) -> None:
    wanted = page.wanted
    chips = [
        (name, f"{MEASURES[name]}: {plain(describe_value(value))}") for name, value in wanted.bars
    ]
    if wanted.like is not None:
        path = str(page.dataset.manifest["path"].iat[wanted.like])
        chips.insert(0, ("like", f"Like {plain(path.rpartition('/')[2], 40)}"))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for name, words in chips:
            st.button(
                words,
                icon=":material/close:",
                key=f"dataset.chip.{name}",
                on_click=_clear,
                args=(name,),
                help="Take this filter away",
            )
        st.button(
            "Clear all filters", type="tertiary", key="dataset.clear", on_click=_clear, args=_NAMES
        )


def _pick(label: str, options: Collection[str], **how: Any) -> None:
    # An index of None: the choice can be cleared.
    st.selectbox(label, list(options), placeholder="Any", **{"index": None, **how})


def _bind(name: str, value: str | None, nothing: str | None = None) -> dict[str, Any]:
    """Return key and callback of a widget: its change goes into the URL and redraws its chart."""
    return bind_choice(
        name, value, key=f"dataset.{name}", nothing=nothing, then=partial(_redraw_chart, name)
    )


def _clear(*names: str) -> None:
    for name in names:
        if read_choice(name):  # a chart without a filter need not be redrawn
            keep_choice(name, None)
            _redraw_chart(name)


def _redraw_chart(name: str) -> None:
    chart = {"class": "counts", "in": "counts"}.get(name, name)
    redrawn = f"dataset.chart.{chart}.redrawn"
    st.session_state[redrawn] = st.session_state.get(redrawn, 0) + 1
