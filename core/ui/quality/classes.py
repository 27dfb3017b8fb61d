"""How evenly the photos are spread over the classes: a sentence, a chart, a table."""

import numpy as np
import pandas as pd
import streamlit as st

from core.formats import count, plain
from core.ui.parts.charts import show_table_behind
from core.ui.parts.frame import is_dark
from core.ui.quality.charts import draw_class_sizes
from data.dataset import Dataset
from data.splits import SPLITS

_ALL = "all photos"
_MANY = 30
"""Classes from which on the chart is split in two, side by side."""


def count_classes(dataset: Dataset, split: str | None = None) -> pd.Series:
    """Returns the photos of each class, also of those without any; of one split or of all."""
    labels = dataset.labels[dataset.photo_numbers(split)]
    return pd.Series(np.bincount(labels, minlength=len(dataset.classes)), index=dataset.classes)


def measure_balance(counts: pd.Series) -> tuple[float, float]:
    """Returns largest over smallest class that has photos, and the effective number of classes.

    The latter is the exponential of the entropy of the shares: so many equally large classes would
    be as even as these.

    Source: Hill number of order 1 (Hill 1973).
    """
    there = counts[counts > 0].to_numpy(dtype=np.float64)
    if len(there) == 0:
        return np.nan, 0.0
    shares = there / there.sum()
    return float(there.max() / there.min()), float(np.exp(-(shares * np.log(shares)).sum()))


def show_imbalance(dataset: Dataset) -> None:
    """Draws the photos per class, largest first, and says how uneven they are."""
    present = [split for split in SPLITS if (dataset.splits == split).any()]
    picked = st.segmented_control(
        "Photos of",
        [_ALL, *present],
        default=_ALL,
        key="quality.balance",
        label_visibility="collapsed",
        required=True,
    )
    counts = count_classes(dataset, None if picked == _ALL else picked)
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
