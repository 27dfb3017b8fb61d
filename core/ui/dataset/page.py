"""The dataset page: figures, the chosen view, and of the photos: counts, distributions, the wall.

Filters and sorting are in the URL, a click on a bar writes its own there. The charts are cached as
Vega-Lite, already counted: a browser is never sent a row for each photo.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.charts.bars import PART, draw_split_counts
from core.formats import count, plain
from core.ui.adding.page import show_adding
from core.ui.dataset.charts import BAR, TITLES, describe_value, draw_distribution
from core.ui.dataset.map import show_map
from core.ui.dataset.reading import ISSUES, MEASURES, SORTS, VIEWS, DatasetPage, read_dataset_page
from core.ui.dataset.versions import show_versions
from core.ui.parts.frame import is_dark, page_file
from core.ui.parts.pickers import pick_dataset, pick_one
from core.ui.parts.state import bind_choice, keep_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.photos.tray import show_edits, show_tray
from data.dataset import Dataset
from data.splits import SPLITS

_CARD_HEIGHT = 424
_NAMES = ("class", "in", "text", "issue", "like", *MEASURES)


def show_dataset() -> None:
    """Draw the whole page."""
    show_adding()
    page = read_dataset_page(pick_dataset(show_empty_state=False))
    _show_facts(page.dataset)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        pick_one("View", VIEWS, bind_choice("view", page.view, key="dataset.view"))
        show_tray(page.dataset)
    {
        "map": lambda: show_map(page),
        "edits": lambda: show_edits(page.dataset),
        "versions": lambda: show_versions(page.dataset),
        "photos": lambda: _show_photos(page),
    }[page.view]()


def _show_facts(dataset: Dataset) -> None:
    """Draw the figures that say what this dataset is."""
    with st.container(horizontal=True, gap="large"):
        st.metric("Photos", f"{len(dataset):,}", width="content")
        st.metric("Classes", f"{len(dataset.classes):,}", width="content")
        for split in SPLITS:
            st.metric(split.capitalize(), f"{np.sum(dataset.splits == split):,}", width="content")
        st.metric("Set aside", f"{len(dataset.set_aside):,}", width="content")
    # Uploads of before lost their names on the way.
    source = "an upload" if dataset.source.startswith("upload-") else dataset.source
    st.caption(
        f"Version {dataset.id} · from {plain(source)} · "
        f"splits {plain(dataset.split_origin)} · "
        f"imported {dataset.created[:16].replace('T', ' ')} UTC"
    )


def _show_photos(page: DatasetPage) -> None:
    """Draw the charts, the filters, and the photos that match."""
    _show_charts(page)
    st.subheader("Photos", anchor=False)
    show_filter_bar(page)
    if page.lacks_analysis:
        show_missing_analysis()
    else:
        show_gallery(page.dataset, page.photos, key="photos", badges=page.name_issues)
        show_photo_panel(page.dataset)
    _show_set_aside(page.dataset)


def _show_charts(page: DatasetPage) -> None:
    """Draw the photos per class and split, and the distributions; a click on a bar filters."""
    left, right = st.columns([2, 3], gap="medium")
    with left.container(border=True, height=_CARD_HEIGHT):
        _show_counts(page)
    with right.container(border=True, height=_CARD_HEIGHT):
        rows = [*st.columns(3, gap="small"), *st.columns(3, gap="small")]
        for place, name in zip(rows, MEASURES, strict=False):
            with place:
                _show_distribution(page, name)
        rows[-1].caption(
            "Click a bar to see its photos; with Shift several. "
            "Sizes are those of the files; each photo is then resized to 224 px on its short side "
            "and its centre square is kept."
        )
    tables = st.expander(
        "The numbers behind the charts", icon=":material/table:", key="dataset.tables",
        on_change="rerun",
    )  # fmt: skip
    if tables.open:
        with tables:
            _show_tables(page)


def _show_set_aside(dataset: Dataset) -> None:
    """Draw the files that could not be used, with the reason; nothing when there are none."""
    if dataset.set_aside.empty:
        return
    title = f"{count(len(dataset.set_aside), 'file')} set aside: not used, not lost"
    with st.expander(title, icon=":material/inventory_2:"):
        st.dataframe(
            dataset.set_aside[["path", "class", "problem"]],
            hide_index=True,
            column_config={"path": "File", "class": "Class", "problem": "Reason"},
        )


def _show_counts(page: DatasetPage) -> None:
    def take(parts: list[dict[str, Any]]) -> None:
        keep_choice("class", str(parts[0]["class"]) if parts else None)
        keep_choice("in", str(parts[0]["split"]) if parts else None)

    names = [page.wanted.class_name or "", page.wanted.split or ""]
    _show_chart(page, "counts", PART, "|".join(names) if all(names) else "", take)


def _show_distribution(page: DatasetPage, name: str) -> None:
    def take(bars: list[dict[str, Any]]) -> None:
        keep_choice(name, ",".join(str(bar["value"]) for bar in bars) or None)

    _show_chart(page, name, BAR, dict(page.wanted.bars).get(name, ""), take)


def _show_chart(
    page: DatasetPage,
    name: str,
    selection: str,
    chosen: str,
    take: Callable[[list[dict[str, Any]]], None],
) -> None:
    """Draw a chart; it is drawn anew, with `chosen` selected, when a filter changed elsewhere."""
    redrawn = st.session_state.get(f"dataset.chart.{name}.redrawn", 0)
    key = f"dataset.chart.{name}.{page.dataset.id}.{redrawn}"
    start = st.session_state.setdefault(f"{key}.start", chosen)
    what = "photos per class and split" if name == "counts" else f"photos by {MEASURES[name]}"
    st.vega_lite_chart(
        spec=_draw(page, name, start, is_dark()),
        theme=None,
        key=key,
        on_select=lambda: take(list(st.session_state[key]["selection"].get(selection) or [])),
        selection_mode=selection,
        alt=f"Bars: {what.lower()}; the same numbers stand in the table below.",
    )


@st.cache_resource(
    max_entries=96, show_spinner=False, hash_funcs={DatasetPage: lambda page: page.dataset.id}
)
def _draw(page: DatasetPage, name: str, chosen: str, dark: bool) -> dict[str, Any]:
    """Return a chart as Vega-Lite."""
    bars = page.count_bars(name)
    if name == "counts":
        part = tuple(chosen.split("|", 1)) if chosen else None
        return dict(draw_split_counts(bars, part, dark).to_dict())  # type: ignore[arg-type]
    return dict(draw_distribution(bars, name, chosen, dark).to_dict())


def _show_tables(page: DatasetPage) -> None:
    wide = page.count_bars("counts").pivot_table(
        index="class", columns="split", values="photos", fill_value=0
    )
    present = [split for split in SPLITS if split in wide]
    wide = wide.reindex(columns=present, index=page.dataset.classes)
    st.dataframe(wide.astype(int), alt="Photos per class and split")
    for place, (name, (title, _)) in zip(st.columns(5), TITLES.items(), strict=True):
        table = page.count_bars(name)[["label", "photos"]].rename(columns={"label": title})
        place.dataframe(table, hide_index=True, alt=f"Photos by {title.lower()}")


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
