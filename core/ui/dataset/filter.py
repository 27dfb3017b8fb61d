"""Which photos the dataset page shows, and in which order: filters and sorting, all in the URL.

A filter is a text under its name in the URL (`class`, `in`, `text`, `issue`, `like`, and one for
each distribution); `keep_filter` changes it from wherever a person clicked, and every widget shows
what the URL says.
"""

from collections.abc import Sequence

import streamlit as st

from core.formats import plain
from core.ui.dataset.distributions import describe_value
from core.ui.dataset.search import ISSUES, MEASURES, PhotoFilter
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.state import keep_choice, read_choice, read_number
from data.manifest import SPLITS, Dataset

SORTS = {
    "name": "Name",
    "smallest": "Smallest first",
    "largest": "Largest first",
    "darkest": "Darkest first",
    "brightest": "Brightest first",
    "least-typical": "Least typical first",
}

_NAMES = ("class", "in", "text", "issue", "like", *MEASURES)


def read_filter(dataset: Dataset) -> PhotoFilter:
    """Returns what the URL asks for; values that this dataset does not know are left out."""
    return PhotoFilter(
        class_name=_known("class", dataset.classes),
        split=_known("in", SPLITS),
        text=read_choice("text") or "",
        issue=_known("issue", tuple(ISSUES)),
        like=read_number(read_choice("like") or "", len(dataset)),
        sort=_known("sort", tuple(SORTS)) or "name",
        bars=tuple((name, value) for name in MEASURES if (value := read_choice(name))),
    )


def keep_filter(name: str, value: str | None) -> None:
    """Writes a filter into the URL and redraws its chart."""
    keep_choice(name, value)
    chart = {"class": "counts", "in": "counts"}.get(name, name)
    redrawn = f"dataset.chart.{chart}.redrawn"
    st.session_state[redrawn] = st.session_state.get(redrawn, 0) + 1


def clear_filters() -> None:
    """Takes all filters out of the URL; the sorting stays."""
    for name in _NAMES:
        if read_choice(name):  # a chart without a filter need not be redrawn
            keep_filter(name, None)


def show_filter_bar(dataset: Dataset, wanted: PhotoFilter) -> None:
    """Draws the filters and the sorting; each change goes into the URL."""
    flags = cache.issues(dataset.id)
    numbers = {name: int(flags[name].sum()) for name in ISSUES if name in flags}
    issues = {
        name: f"{words} ({numbers[name]:,})" if name in numbers else words
        for name, words in ISSUES.items()
    }
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _pick("class", "Class", dataset.classes, wanted.class_name, width=180)
        _pick("in", "Split", SPLITS, wanted.split, width=115)
        _ask_text(wanted.text)
        _pick("issue", "Issue", tuple(issues), wanted.issue, words=issues, width=145)
        _pick("sort", "Sort", tuple(SORTS), wanted.sort, words=SORTS, width=150)
    if wanted.is_active:
        _show_chips(dataset, wanted)


def show_missing_analysis() -> None:
    """Says that this filter or sorting rests on the quality analysis, and leads there."""
    with st.container(border=True):
        st.markdown(
            "**This needs the quality analysis.** It compares the photos by their features: which "
            "are near each other, which are unlike their class. It is made once, on request."
        )
        st.page_link(page_file("quality"), label="Analyse the quality", icon=":material/rule:")


def _show_chips(dataset: Dataset, wanted: PhotoFilter) -> None:
    chips = [
        (name, f"{MEASURES[name]}: {plain(describe_value(value))}") for name, value in wanted.bars
    ]
    if wanted.like is not None:
        path = str(dataset.manifest["path"].iat[wanted.like])
        chips.insert(0, ("like", f"Like {plain(path.rpartition('/')[2], 40)}"))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for name, words in chips:
            st.button(
                words,
                icon=":material/close:",
                key=f"dataset.chip.{name}",
                on_click=keep_filter,
                args=(name, None),
                help="Take this filter away",
            )
        st.button("Clear all filters", type="tertiary", key="dataset.clear", on_click=clear_filters)


def _pick(
    name: str,
    label: str,
    options: Sequence[str],
    current: str | None,
    *,
    width: int,
    words: dict[str, str] | None = None,
) -> None:
    key = f"dataset.{name}"
    st.session_state[key] = current  # the URL may have been changed by a click elsewhere
    st.selectbox(
        label,
        options,
        key=key,
        format_func=lambda option: words[option] if words else option,
        placeholder="Any",
        index=0 if name == "sort" else None,  # None: can be cleared
        on_change=lambda: keep_filter(name, st.session_state[key]),
        width=width,
    )


def _ask_text(current: str) -> None:
    st.session_state["dataset.text"] = current
    st.text_input(
        "Name contains",
        key="dataset.text",
        placeholder="path or class",
        on_change=lambda: keep_filter("text", st.session_state["dataset.text"].strip() or None),
        width=130,
    )


def _known(name: str, options: Sequence[str]) -> str | None:
    stated = read_choice(name)
    return stated if stated in options else None
