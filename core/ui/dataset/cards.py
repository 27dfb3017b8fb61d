"""What the dataset page shows of a dataset: figures, counts, distributions, the wall of photos.

A click on a bar writes the filter into the URL. The charts are cached as Vega-Lite, already
counted: a browser is never sent a row for each photo, and a rerun draws nothing anew.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.bars import PART, draw_split_counts
from core.formats import count, plain
from core.ui.dataset.distributions import (
    BAR,
    count_colours,
    count_kinds,
    count_numbers,
    draw_distribution,
)
from core.ui.dataset.filter import read_filter, show_filter_bar, show_missing_analysis
from core.ui.dataset.search import MEASURES, find_photos, measure_photos, name_issues
from core.ui.parts import cache
from core.ui.parts.frame import is_dark
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from data.findings import Thresholds
from data.manifest import SPLITS, Dataset

VIEWS = {"photos": "Photos", "map": "Map", "edits": "Edits", "versions": "Versions"}

_TITLES = {
    "size": ("Size", "long side, px"),
    "shape": ("Shape", "width / height"),
    "brightness": ("Brightness", "0 black to 1 white"),
    "colour": ("Colour", "main hue, and grey"),
    "format": ("File format", ""),
}
_CARD_HEIGHT = 424


def show_dataset_facts(dataset: Dataset) -> None:
    """Draws the figures that say what this dataset is."""
    with st.container(horizontal=True, gap="large"):
        st.metric("Photos", f"{len(dataset):,}", width="content")
        st.metric("Classes", f"{len(dataset.classes):,}", width="content")
        for split in SPLITS:
            st.metric(split.capitalize(), f"{np.sum(dataset.splits == split):,}", width="content")
        st.metric("Set aside", f"{len(dataset.set_aside):,}", width="content")
    st.caption(
        f"Version {dataset.id} · from {plain(dataset.source)} · "
        f"splits {plain(dataset.split_origin)} · "
        f"imported {dataset.created[:16].replace('T', ' ')} UTC"
    )


def pick_view() -> str:
    """Returns which view of the dataset is wanted: one of VIEWS; it lives in the URL."""
    stated = read_choice("view")
    st.session_state["dataset.view"] = stated if stated in VIEWS else "photos"
    return str(
        st.segmented_control(
            "View",
            list(VIEWS),
            key="dataset.view",
            format_func=VIEWS.__getitem__,
            on_change=lambda: keep_choice("view", st.session_state["dataset.view"]),
            label_visibility="collapsed",
            required=True,
        )
    )


def show_charts(dataset: Dataset) -> None:
    """Draws the photos per class and split, and the distributions; a click on a bar filters."""
    left, right = st.columns([2, 3], gap="medium")
    with left.container(border=True, height=_CARD_HEIGHT):
        _show_counts(dataset)
    with right.container(border=True, height=_CARD_HEIGHT):
        rows = [*st.columns(3, gap="small"), *st.columns(3, gap="small")]
        for place, name in zip(rows, MEASURES, strict=False):
            with place:
                _show_distribution(dataset, name)
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
            _show_tables(dataset)


def show_photos(dataset: Dataset) -> None:
    """Draws the filters, the photos that match, what can be done with the selected ones."""
    st.subheader("Photos", anchor=False)
    wanted = read_filter(dataset)
    show_filter_bar(dataset, wanted)
    if wanted.needs_analysis and cache.quality(dataset.id) is None:
        show_missing_analysis()
        return
    show_photo_wall(dataset, find_photos(dataset, wanted), key="photos")


def show_photo_wall(dataset: Dataset, photos: np.ndarray, *, key: str) -> None:
    """Draws a wall of photos with their issues as badges, the selection bar and the panel."""
    show_gallery(dataset, photos, key=key, badges=name_issues(dataset))
    show_photo_panel(dataset)


def show_set_aside(dataset: Dataset) -> None:
    """Draws the files that could not be used, with the reason; nothing when there are none."""
    if dataset.set_aside.empty:
        return
    title = f"{count(len(dataset.set_aside), 'file')} set aside: not used, not lost"
    with st.expander(title, icon=":material/inventory_2:"):
        st.dataframe(
            dataset.set_aside[["path", "class", "problem"]],
            hide_index=True,
            column_config={"path": "File", "class": "Class", "problem": "Reason"},
        )


def _show_counts(dataset: Dataset) -> None:
    def take(parts: list[dict[str, Any]]) -> None:
        keep_choice("class", str(parts[0]["class"]) if parts else None)
        keep_choice("in", str(parts[0]["split"]) if parts else None)

    names = [read_choice("class") or "", read_choice("in") or ""]
    _show_chart(dataset, "counts", PART, "|".join(names) if all(names) else "", take)


def _show_distribution(dataset: Dataset, name: str) -> None:
    def take(bars: list[dict[str, Any]]) -> None:
        keep_choice(name, ",".join(str(bar["value"]) for bar in bars) or None)

    _show_chart(dataset, name, BAR, read_choice(name) or "", take)


def _show_chart(
    dataset: Dataset,
    name: str,
    selection: str,
    chosen: str,
    take: Callable[[list[dict[str, Any]]], None],
) -> None:
    """Draws a chart; it is drawn anew, with `chosen` selected, when a filter changed elsewhere."""
    redrawn = st.session_state.get(f"dataset.chart.{name}.redrawn", 0)
    key = f"dataset.chart.{name}.{dataset.id}.{redrawn}"
    start = st.session_state.setdefault(f"{key}.start", chosen)

    def select() -> None:
        take(list(st.session_state[key]["selection"].get(selection) or []))

    st.vega_lite_chart(
        spec=_draw(dataset, name, start, is_dark()),
        theme=None,
        key=key,
        on_select=select,
        selection_mode=selection,
        alt=_describe(name),
    )


def _describe(name: str) -> str:
    what = "photos per class and split" if name == "counts" else f"photos by {MEASURES[name]}"
    return f"Bars: {what.lower()}; the same numbers stand in the table below."


@st.cache_resource(max_entries=96, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _draw(dataset: Dataset, name: str, chosen: str, dark: bool) -> dict[str, Any]:
    """Returns a chart as Vega-Lite."""
    if name == "counts":
        part = tuple(chosen.split("|", 1)) if chosen else None
        return dict(draw_split_counts(_count(dataset, name), part, dark).to_dict())  # type: ignore[arg-type]
    title, axis = _TITLES[name]
    bars = _count(dataset, name)
    return dict(draw_distribution(bars, title, axis, chosen, dark, meaning=name).to_dict())


@st.cache_resource(max_entries=48, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _count(dataset: Dataset, name: str) -> pd.DataFrame:
    """Returns the bars of a chart."""
    if name == "counts":
        table = dataset.manifest.groupby(["class", "split"], sort=False, observed=True).size()
        return table.rename("photos").reset_index()
    if name == "colour":
        manifest = dataset.manifest
        hue, strength = manifest["hue"].to_numpy(), manifest["colourfulness"].to_numpy()
        return count_colours(hue, strength, Thresholds().grey)
    values = measure_photos(dataset, name)
    return count_kinds(values.tolist()) if name == "format" else count_numbers(values)


def _show_tables(dataset: Dataset) -> None:
    counts = _count(dataset, "counts")
    wide = counts.pivot_table(index="class", columns="split", values="photos", fill_value=0)
    wide = wide.reindex(columns=[split for split in SPLITS if split in wide], index=dataset.classes)
    st.dataframe(wide.astype(int), alt="Photos per class and split")
    for place, (name, (title, _)) in zip(st.columns(5), _TITLES.items(), strict=True):
        table = _count(dataset, name)[["label", "photos"]].rename(columns={"label": title})
        place.dataframe(table, hide_index=True, alt=f"Photos by {title.lower()}")
