"""Differences between splits: the comparisons, worst first, and both walls of the chosen one."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.slicing import list_properties
from core.evaluation.slices import Property
from core.evaluation.split_differences import EVERY, FEWEST, LEVEL
from core.formats import count, percent, plain, say_p, span
from core.ui.parts.state import choose_by_row, choose_from, keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.quality.reading import QualityPage
from data.dataset import Dataset

_FEWEST_ROWS, _MOST_ROWS = 10, 100
_SPLITS = (
    "Light, colour, sharpness, size, format, source folder and the features (in the 8 main "
    "directions of the class), in each class and over all classes (with the class mix of the "
    f"other split). Each side needs {FEWEST} photos. Kolmogorov-Smirnov tests; p-values are "
    "adjusted for all comparisons by Holm, so random splits rarely (at most 5 %) show any."
)
_HIGHER = (
    "Share of the pairs of a photo of the split and one of train in which the first is higher, "
    "with its 95 % interval; 50 % without a difference. Features: along the direction that "
    "differs most."
)


def show_splits(page: QualityPage) -> None:
    """Draw the comparisons that differ, the worst first, and both walls of the chosen one."""
    table = page.result.splits if page.result else None
    if table is None or table.empty:
        st.info(
            f"A comparison needs {FEWEST} photos of a class in train and in another split.",
            icon=":material/data_thresholding:",
        )
        return
    differing = int((table["adjusted"] < LEVEL).sum())
    properties = _list_properties(page.dataset)
    shown = table.head(min(max(differing, _FEWEST_ROWS), _MOST_ROWS))
    words = pd.DataFrame([_describe(row, properties) for row in shown.to_dict("records")])
    said = f"{differing or 'None'} of {count(len(table), 'comparison')}"
    if differing:
        worst = words.iloc[0]
        measure = worst["Measure"][0].lower() + worst["Measure"][1:]
        name = f"{worst['Class']}, {measure} in {worst['Split']}"
        said += f" differ{'s' if differing == 1 else ''}: {plain(name, 90)}"
        said += f" and {differing - 1:,} more" if differing > 1 else ""
        st.markdown(f"**{said}**", help=_SPLITS)
    else:
        st.markdown(f":material/check_circle: **{said} differs**", help=_SPLITS)
    keys = (table["split"] + "." + table["measure"] + "." + table["class"]).tolist()

    def choose(row: int | None) -> None:
        if row is not None:
            keep_choice("differs", keys[row])

    st.dataframe(
        words,
        hide_index=True,
        column_config={
            "Class": st.column_config.TextColumn(width=150),
            "Higher": st.column_config.TextColumn("Higher than train", help=_HIGHER),
        },
        alt="Comparisons between splits",
        **choose_by_row(f"quality.splits.{page.dataset.id}", choose),
    )
    st.caption(f"{len(shown)} of {len(table):,} shown. Click a row to see the photos of both.")
    chosen = choose_from("differs", keys, keys[0] if differing else None)
    if chosen is not None:
        _show_walls(page, table.iloc[keys.index(chosen)], properties)


def _describe(row: dict[str, Any], properties: dict[str, Property]) -> dict[str, str]:
    """Return a comparison in words by column."""
    of = properties.get(row["measure"])
    label = of.label if of else "Features"

    def say(value: float, n: int) -> str:
        if of is None:
            return f"n = {n:,}"
        said = f"{value:,.{of.digits}f} {of.unit}".rstrip() if of.is_number else percent(value, n)
        return f"{said} (n = {n:,})"

    return {
        "Class": row["class"] or "all classes",
        "Split": row["split"],
        "Measure": f"{label}: {row['kind']}" if row["kind"] else label,
        "Train": say(row["before"], row["m"]),
        "The split": say(row["now"], row["n"]),
        "Higher": f"{percent(row['area'], 100)} ({span(row['low'], row['high'], 100)})",
        "Adjusted p": say_p(row["adjusted"]),
    }


def _show_walls(page: QualityPage, row: pd.Series, properties: dict[str, Property]) -> None:
    """Draw the photos of train and of the split, in the same order: first what the split has."""
    of = properties.get(row["measure"])
    name = None if row["class"] == EVERY else row["class"]
    if of is None:
        assert page.result is not None
        rank = page.result.photos["typicality"].to_numpy()
        captions = [f"typicality {value:.2f}" for value in rank]
    elif of.is_number:
        rank = of.values * (1 if row["area"] < 0.5 else -1)
        captions = [f"{value:,.{of.digits}f} {of.unit}".strip() for value in of.values]
    else:
        rank, captions = of.values != row["kind"], of.values.tolist()
    for place, split in zip(st.columns(2, gap="medium"), ("train", row["split"]), strict=True):
        photos = page.dataset.photo_numbers(split, name)
        with place:
            st.markdown(f"**{plain(name or 'all classes', 40)} in {split}**")
            show_gallery(
                page.dataset,
                photos[np.argsort(rank[photos], kind="stable")],
                key=f"splits_{'train' if split == 'train' else 'other'}",
                captions=captions.__getitem__,
            )


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _list_properties(dataset: Dataset) -> dict[str, Property]:
    return list_properties(dataset, dataset.splits)
