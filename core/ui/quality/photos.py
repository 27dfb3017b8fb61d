"""Photos that stand out by themselves and uneven classes: measures, outliers, unreadable files."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import streamlit as st

from core.formats import count, plain
from core.ui.parts.charts import show_table_behind
from core.ui.parts.frame import is_dark
from core.ui.parts.state import keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.quality.charts import count_bins, count_digits, draw_class_sizes, draw_threshold
from core.ui.quality.pairs import show_none
from core.ui.quality.reading import MEASURES, QualityPage, measure_balance
from data.findings import Measured, Thresholds, measure_issue
from data.splits import SPLITS

_ALL = "all photos"
_MANY = 30
"""Classes from which on the chart of their sizes is split in two, side by side."""


def show_measured(page: QualityPage) -> None:
    """Draw a measure with its threshold, and the photos beyond it, the worst first."""
    measured = MEASURES[page.finding]
    values = measure_issue(page.dataset.manifest, page.finding)
    with st.container(border=True):
        _show_threshold(measured, values, asdict(page.thresholds)[page.finding])
    flagged = page.find_flagged(page.finding)
    if len(flagged) == 0:
        none = f"None of {count(len(page.dataset), 'photo')} lies beyond the threshold."
        st.success(none, icon=":material/check_circle:")
        return
    digits, unit = count_digits(measured), f" {measured.unit}" if measured.unit else ""
    classes = page.dataset.manifest["class"].to_numpy()
    show_gallery(
        page.dataset,
        flagged,
        key=f"quality_{page.finding}",
        captions=lambda photo: f"{classes[photo]} {values[photo]:,.{digits}f}{unit}",
    )


def show_outliers(page: QualityPage) -> None:
    """Draw the photos whose features lie far from their class, the farthest first."""
    dataset, result = page.dataset, page.result
    if result is None:
        return
    scores = result.photos["outlier_score"].to_numpy()
    photos = np.flatnonzero(result.photos["outlier"].to_numpy(dtype=bool))
    if len(photos) == 0:
        show_none(page)
        return
    classes = dataset.manifest["class"].to_numpy()
    st.caption(
        f"{count(len(photos), 'photo')} of {len(dataset):,}. The number says how far a "
        "photo lies from its class, in units of the usual spread there. Some are mistakes, some "
        "are only rare."
    )
    order = photos[np.argsort(-scores[photos], kind="stable")]
    show_gallery(
        dataset,
        order,
        key="quality_outlier",
        captions=lambda photo: f"{classes[photo]} {scores[photo]:.1f}",
    )


def show_unreadable(page: QualityPage) -> None:
    """Draw the files that were set aside at the import, with the reason."""
    aside = page.dataset.set_aside
    if aside.empty:
        st.success("Every file of the source could be read.", icon=":material/check_circle:")
        return
    st.caption(
        f"{count(len(aside), 'file')} set aside at the import: not in the dataset, so nothing "
        "needs to be done. Repair or replace them and import the source again to have them back."
    )
    st.dataframe(
        aside[["path", "class", "problem"]],
        hide_index=True,
        column_config={"path": "File", "class": "Class", "problem": "Reason"},
        alt="Files that could not be read, with the reason",
    )


def show_imbalance(page: QualityPage) -> None:
    """Draw the photos per class, largest first, and says how uneven they are."""
    present = [split for split in SPLITS if (page.dataset.splits == split).any()]
    picked = st.segmented_control(
        "Photos of",
        [_ALL, *present],
        default=_ALL,
        key="quality.balance",
        label_visibility="collapsed",
        required=True,
    )
    counts = page.count_classes(None if picked == _ALL else picked)
    st.markdown(_say_balance(counts))
    columns = 2 if len(counts) > _MANY else 1
    places = st.columns(columns, gap="medium")
    alt = "Photos of each class, largest first; the same numbers stand in the table below."
    for place, chart in zip(places, draw_class_sizes(counts, is_dark(), columns), strict=True):
        place.altair_chart(chart, theme=None, alt=alt)
    st.caption(f"Dashed line: {counts.mean():,.1f} photos, the same for all classes.")
    table = counts.sort_values(ascending=False, kind="stable").rename("photos").to_frame()
    table["share, %"] = (100 * table["photos"] / max(1, int(counts.sum()))).round(1)
    show_table_behind(table.rename_axis("class"), "Photos per class as a table")


def _show_threshold(measured: Measured, values: np.ndarray, limit: float) -> None:
    """Draw the histogram of a measure, and below it the slider and the way back to the default."""
    chart = draw_threshold(values, limit, measured, is_dark())
    alt = f"Histogram of {measured.label.lower()}; the same numbers stand in the table below."
    st.altair_chart(chart, theme=None, alt=alt)
    key, default = f"quality.{measured.name}", float(getattr(Thresholds(), measured.name))

    def reset() -> None:
        keep_choice(measured.name, None)
        st.session_state.pop(key, None)

    digits = count_digits(measured)
    rule = f"Flagged: {measured.label.lower()} {'below' if measured.worse == 'low' else 'above'}"
    st.slider(
        f"{rule} the threshold",
        min_value=float(measured.lowest),
        max_value=float(measured.highest),
        value=float(limit),
        step=float(measured.step),
        format=f"%.{digits}f",
        key=key,
        on_change=lambda: keep_choice(measured.name, f"{st.session_state[key]:g}"),
        label_visibility="collapsed",
    )
    unit = f" {measured.unit}" if measured.unit else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{rule} {limit:.{digits}f}{unit}. The worst come first; nothing is removed by itself."
        )
        st.button(
            f"Back to {default:g}",
            icon=":material/restart_alt:",
            type="tertiary",
            disabled=limit == default,
            key=f"{key}.reset",
            on_click=reset,
        )
    bins = count_bins(values, limit, measured).sort_values("start", ignore_index=True)
    show_table_behind(bins, "The histogram as a table")


def _say_balance(counts: pd.Series) -> str:
    ratio, effective = measure_balance(counts)
    there = counts[counts > 0]
    empty = len(counts) - len(there)
    if there.empty:
        return "There is no photo here."
    largest, smallest = str(there.idxmax()), str(there.idxmin())
    missing = f" {count(empty, 'class')} without any photo here." if empty else ""
    if ratio == 1:
        even = f"Each class has {count(int(there.max()), 'photo')}: as even as can be."
        return f"**{even}**{missing}"
    return (
        f"**The largest class has {ratio:.1f} times the photos of the smallest:** "
        f"{plain(largest)} {int(there.max()):,}, {plain(smallest)} {int(there.min()):,}. "
        f"As uneven as they are, the {len(counts)} classes are worth {effective:.1f} equally "
        f"large ones.{missing}"
    )
