"""Photos that stand out by themselves: a measure with its threshold, outliers, unreadable files.

All are shown worst first and none is ever removed by itself: what to do with them is chosen on the
wall, and goes to the tray.
"""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pandas as pd
import streamlit as st

from core.formats import count
from core.ui.parts import cache
from core.ui.parts.charts import show_table_behind
from core.ui.parts.frame import is_dark
from core.ui.parts.state import keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.quality.charts import count_bins, draw_threshold
from core.ui.quality.findings import (
    MEASURES,
    find_flagged,
    read_thresholds,
)
from data.dataset import Dataset
from data.findings import Measured, Thresholds, measure_issue


def show_measured(dataset: Dataset, finding: str) -> None:
    """Draws a measure with its threshold, and the photos beyond it, the worst first."""
    measured = MEASURES[finding]
    values = measure_issue(dataset.manifest, finding)
    limit = asdict(read_thresholds())[finding]
    with st.container(border=True):
        _show_threshold(measured, values, limit)
    flagged = find_flagged(dataset, finding)
    if len(flagged) == 0:
        none = f"None of {count(len(dataset), 'photo')} lies beyond the threshold."
        st.success(none, icon=":material/check_circle:")
        return
    digits = _digits(measured)
    unit = f" {measured.unit}" if measured.unit else ""
    classes = dataset.manifest["class"].to_numpy()
    _show_photos(
        dataset,
        flagged,
        finding,
        lambda photo: f"{classes[photo]} {values[photo]:,.{digits}f}{unit}",
    )


def show_outliers(dataset: Dataset) -> None:
    """Draws the photos whose features lie far from their class, the farthest first."""
    result = cache.quality(dataset.id)
    if result is None:
        return
    scores = result.photos["outlier_score"].to_numpy()
    photos = np.flatnonzero(result.photos["outlier"].to_numpy(dtype=bool))
    if len(photos) == 0:
        st.success(f"None among {count(len(dataset), 'photo')}.", icon=":material/check_circle:")
        return
    classes = dataset.manifest["class"].to_numpy()
    st.caption(
        f"{count(len(photos), 'photo')} of {len(dataset):,}. The number says how far a "
        "photo lies from its class, in units of the usual spread there. Some are mistakes, some "
        "are only rare."
    )
    order = photos[np.argsort(-scores[photos], kind="stable")]
    _show_photos(dataset, order, "outlier", lambda photo: f"{classes[photo]} {scores[photo]:.1f}")


def show_unreadable(dataset: Dataset) -> None:
    """Draws the files that were set aside at the import, with the reason."""
    aside = dataset.set_aside
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


def _show_threshold(measured: Measured, values: np.ndarray, limit: float) -> None:
    span = (float(measured.lowest), float(measured.highest))
    name = f"{measured.label}, {measured.unit}" if measured.unit else measured.label
    chart = draw_threshold(
        values,
        limit,
        label=name,
        worse=measured.worse,
        span=span,
        digits=_digits(measured),
        dark=is_dark(),
    )
    alt = f"Histogram of {measured.label.lower()}; the same numbers stand in the table below."
    st.altair_chart(chart, theme=None, alt=alt)
    key, default = f"quality.{measured.name}", float(getattr(Thresholds(), measured.name))
    st.slider(
        f"{_say_rule(measured)} the threshold",
        min_value=span[0],
        max_value=span[1],
        value=float(limit),
        step=float(measured.step),
        format=f"%.{_digits(measured)}f",
        key=key,
        on_change=lambda: keep_choice(measured.name, f"{st.session_state[key]:g}"),
        label_visibility="collapsed",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{_say_rule(measured)} {limit:.{_digits(measured)}f}"
            f"{' ' + measured.unit if measured.unit else ''}. The worst come first; nothing "
            "is removed by itself."
        )
        st.button(
            f"Back to {default:g}",
            icon=":material/restart_alt:",
            type="tertiary",
            disabled=limit == default,
            key=f"{key}.reset",
            on_click=_reset,
            args=(measured.name, key),
        )
    bins = count_bins(values, limit, measured.worse, span).sort_values("start")
    show_table_behind(pd.DataFrame(bins).reset_index(drop=True), "The histogram as a table")


def _say_rule(measured: Measured) -> str:
    side = "below" if measured.worse == "low" else "above"
    return f"Flagged: {measured.label.lower()} {side}"


def _reset(name: str, key: str) -> None:
    keep_choice(name, None)
    st.session_state.pop(key, None)


def _digits(measured: Measured) -> int:
    return 0 if measured.step >= 1 else 2


def _show_photos(
    dataset: Dataset, photos: np.ndarray, finding: str, describe: Callable[[int], str]
) -> None:
    show_gallery(dataset, photos, key=f"quality_{finding}", captions=describe)
