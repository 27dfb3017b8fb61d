"""The dataset page: figures, then the chosen view; for photos: counts, distributions, the wall."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.bars import PART, draw_split_counts
from core.datasets.photo_table import NAMES, write_photos
from core.formats import count, data_uri, plain
from core.ui.adding.page import show_adding, show_skipped
from core.ui.dataset.charts import BAR, TITLES, draw_distribution
from core.ui.dataset.filters import show_filters
from core.ui.dataset.map import show_map
from core.ui.dataset.reading import MEASURES, SORTS, VIEWS, DatasetPage, read_dataset_page
from core.ui.dataset.versions import show_versions
from core.ui.parts.charts import show_folded, show_kept_chart
from core.ui.parts.messages import offer_csv
from core.ui.parts.pickers import pick_dataset, pick_one
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.photos.edits import show_edits
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.photos.search import show_search
from core.ui.photos.tray import show_tray
from core.ui.wall.showing import Wall, keep_list, show_head
from data.dataset import Dataset
from data.splits import SPLITS

_CARD_HEIGHT, _MOST_WHOLE = 424, 8  # pixels; classes up to which their chart is not cut
_COLUMNS = (
    *("class", "predicted", "right", "score", "own_score", "loss", "entropy", "margin", "split"),
    *("size", "brightness", "sharpness", "typicality", "path"),
)


def show_dataset() -> None:
    """Draw the whole page."""
    show_adding()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        page = read_dataset_page(pick_dataset(show_empty_state=False))
        dataset = page.dataset
        pick_one("View", VIEWS, bind_choice("view", page.view, key="dataset.view"))
        show_tray(dataset)
    if page.view == "edits":
        show_edits(dataset)
    elif page.view == "versions":
        show_versions(dataset)
    else:
        has_answer = show_filters(page)
        if page.view == "photos":
            _show_photos(page, has_answer=has_answer)
        elif has_answer:
            {"table": _show_rows, "map": show_map}[page.view](page)


def _show_facts(dataset: Dataset) -> None:
    """Draw the figures of the dataset and its origin."""
    words = [count(len(dataset), "photo"), count(len(dataset.classes), "class")]
    words += [f"{split} {np.sum(dataset.splits == split):,}" for split in SPLITS]
    st.markdown(f"**{' · '.join(words)}** · {len(dataset.set_aside):,} skipped")
    # Older versions lost the names of uploads.
    source = "an upload" if dataset.source.startswith("upload-") else dataset.source
    st.caption(
        f"Version {dataset.id} · from {plain(source)} · "
        f"splits: {plain(dataset.split_origin)} · "
        f"imported {dataset.created[:16].replace('T', ' ')} UTC"
    )


def _show_photos(page: DatasetPage, *, has_answer: bool) -> None:
    """Draw the wall, and beside it the figures and charts."""
    left, right = st.columns([2, 1], gap="medium")
    with left:
        if has_answer:
            show_folded("Search by a picture", partial(show_search, page.dataset), "image_search")
            show_gallery(page.dataset, page.photos, key="photos", badges=page.name_issues)
            show_photo_panel(page.dataset)
        _show_more(page)
    with right:
        _show_facts(page.dataset)
        _show_charts(page)


def _show_rows(page: DatasetPage) -> None:
    """Draw the photos that match as a table."""
    now = SORTS.get(page.wanted.sort, (page.wanted.sort,))[0]
    asked = [now.removeprefix("-")]
    asked += [name for name in page.names if name in page.wanted.query]
    asked += ["tag"] if page.table["tag"].map(bool).any() else []
    listed = [name for name in dict.fromkeys([*_COLUMNS, *asked]) if name in page.table]
    _show_table(page, {name: NAMES[name] for name in listed}, now)
    st.caption("Click a header to sort (again to reverse); tick a row to open its photo.")
    offer_csv(
        f"Download {count(len(page.photos), 'row')} as CSV",
        lambda: write_photos(page.table.iloc[page.photos]).encode("utf-8-sig"),
        f"{page.dataset.id}-photos.csv",
        on_click="ignore",
    )
    show_photo_panel(page.dataset)


def _show_charts(page: DatasetPage) -> None:
    """Draw the photos per class and split, and the distributions; a click on a bar filters."""

    def take_part(parts: list[dict[str, Any]]) -> None:
        keep_choice("class", str(parts[0]["class"]) if parts else None)
        keep_choice("in", str(parts[0]["split"]) if parts else None)

    st.caption("Click a bar to see its photos; Shift adds bars.")
    is_long = len(page.dataset.classes) > _MOST_WHOLE
    with st.container(border=True, height=_CARD_HEIGHT if is_long else "content"):
        names = [page.wanted.class_name or "", page.wanted.split or ""]
        _show_chart(page, "counts", PART, "|".join(names) if all(names) else "", take_part)
    with st.container(border=True):
        for name in MEASURES:
            _show_distribution(page, name)


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
    """Draw a chart; a filter that changes elsewhere redraws it with `chosen` selected."""
    redrawn = st.session_state.get(f"dataset.chart.{name}.redrawn", 0)
    key = f"dataset.chart.{name}.{page.dataset.id}.{redrawn}"
    start = st.session_state.setdefault(f"{key}.start", chosen)
    what = "photos per class and split" if name == "counts" else f"photos by {MEASURES[name]}"
    bars, part = page.count_bars(name), tuple(start.split("|", 1)) if start else None
    counts, others = (draw_split_counts, bars, part), (draw_distribution, bars, name, start)
    show_kept_chart(
        *(counts if name == "counts" else others),
        key=key,
        on_select=lambda: take(list(st.session_state[key]["selection"].get(selection) or [])),
        selection_mode=selection,
        alt=f"Bars: {what.lower()}; “More” below has the numbers.",
    )


def _show_more(page: DatasetPage) -> None:
    """Draw the skipped files and the numbers of the charts, both folded."""
    skipped = page.dataset.set_aside
    if not skipped.empty:
        title = f"{count(len(skipped), 'file')} skipped; originals untouched"
        rows = list(skipped[["path", "class", "problem"]].itertuples(index=False, name=None))
        show_folded(title, partial(show_skipped, rows), "inventory_2")
    show_folded("More", partial(_show_numbers, page))


def _show_numbers(page: DatasetPage) -> None:
    """Draw the numbers of the charts."""
    counts = page.count_bars("counts").pivot_table(
        index="class", columns="split", values="photos", fill_value=0
    )
    present = [split for split in SPLITS if split in counts]
    counts = counts.reindex(columns=present, index=page.dataset.classes).astype(int)
    st.dataframe(counts, alt="Photos per class and split")
    for place, (name, (title, _)) in zip(st.columns(5), TITLES.items(), strict=True):
        table = page.count_bars(name)[["label", "photos"]].rename(columns={"label": title})
        place.dataframe(table, hide_index=True, alt=f"Photos by {title.lower()}")


_ROW_PX, _HEAD_PX, _MOST_PX = 52, 38, 700
_PICTURE = "Photo"
_FORMATS = {"f": "%.3f", "i": "localized", "u": "localized"}


def _show_table(page: DatasetPage, titles: Mapping[str, str], now: str) -> None:
    """Draw a page of photos as rows: columns → headings; `now` is the column of the order."""
    dataset, photos = page.dataset, page.photos
    if len(photos) == 0:
        st.info("No photo matches.", icon=":material/filter_alt_off:")
        return
    shown = show_head(dataset, photos, Wall("photos", selectable=False), always=True)
    turn = st.session_state.get("table.turn", 0)
    key = f"table.{dataset.id}.{turn}"

    def take() -> None:
        chosen = st.session_state[key]["selection"]
        # A page cannot clear a selection: another key draws the table without it.
        st.session_state["table.turn"] = turn + 1
        name = str(next(iter(chosen["columns"]), ""))
        if chosen["rows"]:
            photo = shown[int(chosen["rows"][0])]
            st.query_params["photo"] = str(photo)
            keep_list(dataset.id, photos, photo)
        elif name in titles:
            keep_choice("sort", f"-{name}" if now == name else name)

    rows = page.table.iloc[shown][list(titles)]
    rows.insert(0, _PICTURE, [data_uri(dataset.thumbnail(photo)) for photo in shown])
    st.dataframe(
        rows,
        key=key,
        on_select=take,
        selection_mode=("single-row", "single-column"),
        hide_index=True,
        row_height=_ROW_PX,
        height=min(_MOST_PX, _HEAD_PX + _ROW_PX * len(rows)),
        placeholder="–",
        column_config={_PICTURE: st.column_config.ImageColumn(width=70, pinned=True)}
        | {name: _describe(rows[name], title) for name, title in titles.items()},
        alt="Photos with their properties",
    )


def _describe(column: pd.Series, title: str) -> Any:
    if column.dtype == object:  # several words
        return st.column_config.ListColumn(title)
    if pd.api.types.is_bool_dtype(column):
        return st.column_config.CheckboxColumn(title)
    if pd.api.types.is_numeric_dtype(column):
        return st.column_config.NumberColumn(title, format=_FORMATS[column.dtype.kind])
    return title
