"""The filters of the dataset page for its wall, table and map; the address holds each."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from core.datasets.photo_table import describe_orders
from core.formats import plain
from core.ui.dataset.charts import describe_value
from core.ui.dataset.map import clear_area
from core.ui.dataset.reading import ISSUES, MEASURES, SORTS, DatasetPage
from core.ui.parts.frame import link_page
from core.ui.parts.messages import show_problem
from core.ui.parts.pickers import name_runs, pick_named
from core.ui.parts.seal import find_sealed
from core.ui.parts.state import bind_choice, keep_choice, read_choice
from core.ui.photos.gallery import show_conditions, show_query
from data.splits import SPLITS

_NAMES = ("class", "in", "text", "issue", "like", "q", "area", *MEASURES)
"""Filter parameters of the address."""


def show_filters(page: DatasetPage) -> bool:
    """Draw the filters and the order; return whether there is an answer, or say why not."""
    wanted, numbers = page.wanted, page.issues.sum().to_dict()
    issues = {
        name: f"{words} ({numbers[name]:,})" if name in numbers else words
        for name, words in ISSUES.items()
    }
    sorts = {name: words for name, (_, words) in SORTS.items()} | describe_orders(page.names)
    classes, splits = ({name: name for name in names} for names in (page.dataset.classes, SPLITS))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _pick("Class", classes, width=180, **_bind("class", wanted.class_name))
        _pick("Split", splits, width=115, **_bind("in", wanted.split))
        _pick("Issue", issues, width=145, **_bind("issue", wanted.issue))
        _pick("Sort", sorts, index=0, width=190, **_bind("sort", wanted.sort))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        show_query(page.names)
        if page.run is not None:
            _pick_run(page, page.run.id)
        show_conditions(page.names, partial(_list_words, page))
    if wanted.is_active:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            _show_chips(page)
    if page.problem is not None:
        show_problem(page.problem.problem, page.problem.remedy)
    elif page.lacking:
        with st.container(border=True):
            st.markdown(
                "**This filter or order needs the quality analysis**, which finds photos that look "
                "alike, and photos unlike their class."
            )
            link_page("quality", "Analyse the quality", "rule")
    return page.problem is None and not page.lacking


def _pick_run(page: DatasetPage, run_id: str) -> None:
    sealed = "The test photos of this run are sealed: their predictions are hidden here."
    explained = sealed if find_sealed(run_id).any() else None
    bound = bind_choice("run", run_id, key="dataset.run")
    pick_named("Predictions of", name_runs(page.judges), width=250, help=explained, **bound)


def _list_words(page: DatasetPage, name: str) -> list[str]:
    """Return the values of a column of words; empty for paths, which are free text."""
    if name == "path":
        return []
    if name == "tag":
        return sorted({word for words in page.table["tag"] for word in words})
    column = "class" if name in ("predicted", "suggested") else name
    return [str(word) for word in page.table[column].cat.categories]


def _show_chips(page: DatasetPage) -> None:
    """Draw a button for each filter that has no input; a click removes it."""
    wanted = page.wanted
    chips = {
        name: f"{MEASURES[name]}: {plain(describe_value(value))}" for name, value in wanted.bars
    }
    if wanted.text:
        chips["text"] = f"Name contains “{plain(wanted.text, 40)}”"
    if wanted.like is not None:
        path = str(page.dataset.manifest["path"].iat[wanted.like])
        chips["like"] = f"Like {plain(path.rpartition('/')[2], 40)}"
    if wanted.area:
        chips["area"] = "In the area on the map"
    for name, words in chips.items():
        st.button(
            words,
            icon=":material/close:",
            key=f"dataset.chip.{name}",
            on_click=_clear,
            args=(name,),
            help="Remove this filter",
        )
    st.button(
        "Clear all filters", type="tertiary", key="dataset.clear", on_click=_clear, args=_NAMES
    )


def _pick(label: str, names: Mapping[str, str], **how: Any) -> None:
    # An index of None: the choice can be cleared.
    pick_named(label, names, placeholder="Any", **{"index": None, **how})


def _bind(name: str, value: str | None) -> dict[str, Any]:
    """Return key and callback of a widget; its change goes into the address and redraws a chart."""
    return bind_choice(name, value, key=f"dataset.{name}", then=partial(_redraw_chart, name))


def _clear(*names: str) -> None:
    if "area" in names:
        clear_area()
    for name in names:
        if read_choice(name):  # a chart without a filter need not be redrawn
            keep_choice(name, None)
            _redraw_chart(name)


def _redraw_chart(name: str) -> None:
    chart = {"class": "counts", "in": "counts"}.get(name, name)
    redrawn = f"dataset.chart.{chart}.redrawn"
    st.session_state[redrawn] = st.session_state.get(redrawn, 0) + 1
