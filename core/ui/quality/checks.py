"""Differences between splits with both walls, and constant patches with their photos."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.patches import LEAST_PHOTOS, MOST_PAINTED, outline_patch
from core.datasets.quality.slicing import list_properties
from core.evaluation.intervals import wilson_interval
from core.evaluation.slices import Property
from core.evaluation.split_differences import EVERY, FEWEST, LEVEL
from core.formats import count, interval, percent, plain, say_p, span
from core.ui.parts.state import choose_by_row, choose_from, choose_number, keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.quality.pairs import show_none
from core.ui.quality.reading import QualityPage
from data.dataset import Dataset
from data.images import encode_jpeg

_FEWEST_ROWS, _MOST_ROWS = 10, 100
_SPLITS = (
    "Light, colour, sharpness, size, format, source folder and the features (in the 8 main "
    "directions of the class), in each class and over all classes (with the class mix of the "
    f"other split). Each side needs {FEWEST} photos. Kolmogorov-Smirnov tests; p-values are "
    "adjusted for all comparisons by Holm, so random splits rarely (at most 5 %) show any."
)
_HIGHER = (
    "Over all pairs of a photo of the split and a photo of train: how often the first has the "
    "higher value, with the 95 % interval. 50 % means no difference. Features: along the "
    "direction that differs most."
)
_PATCHES = (
    "Small cells of the photos are compared by place (in the packed photo, and from each corner of "
    f"the file) and colour. A patch has one colour in {LEAST_PHOTOS} photos and 20 % of a class or "
    "more, is rare elsewhere, and ends at an edge. A date is a short line of thin strokes in one "
    "colour near a corner of the packed photo. Fisher's exact test, Bonferroni for classes, places "
    "and colours, p < 0.05 (a date: p < 0.000001). Not found: transparent logos, and margins "
    "outside the centre crop, which only runs on padded or squeezed photos see. Up to "
    f"{MOST_PAINTED} photos (none of test) are painted in the colour around the patch; the exact "
    "head answers, for a training photo the head fitted without it. Of more than 10,000 photos, "
    "10,000 are searched."
)
_WIDTH = 150


def show_splits(page: QualityPage) -> None:
    """Draw the comparisons that differ, the worst first, and both walls of the chosen one."""
    table = page.result.splits if page.result else None
    keys: list[str] = []
    differing = 0
    if table is not None:
        keys = (table["split"] + "." + table["measure"] + "." + table["class"]).tolist()
        differing = int((table["adjusted"] < LEVEL).sum())
    chosen = choose_from("differs", keys, keys[0] if differing else None)
    if table is None or table.empty:
        st.info(
            f"A comparison needs {FEWEST} photos of a class in train and in another split.",
            icon=":material/data_thresholding:",
        )
        return
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


def show_patches(page: QualityPage) -> None:
    """Draw the constant patches, the most photos first, and the photos of the chosen one."""
    table, sizes = page.result.patches if page.result else None, page.count_classes()
    chosen = choose_number("patch", 0 if table is None else len(table)) or 0
    if table is None or (sizes > 0).sum() < 2 or sizes.max() < LEAST_PHOTOS:
        st.info(
            f"The search needs {LEAST_PHOTOS} photos of a class, and photos of another class.",
            icon=":material/data_thresholding:",
        )
        return
    if table.empty:
        show_none(page)
        st.caption("Searched for a patch or a date in many photos of a class.", help=_PATCHES)
        return
    names = [plain(str(name), 40) for name in table["class"].unique()]
    said = f"{count(len(table), 'patch')} in photos of {', '.join(names[:3])}"
    said += f" and {count(len(names) - 3, 'more class')}" if len(names) > 3 else ""
    st.markdown(f"**{said}**", help=_PATCHES)
    for place, row in enumerate(table.to_dict("records")):
        _show_patch(page.dataset, row, place, chosen=place == chosen)
    show_gallery(page.dataset, np.asarray(table["photos"].iat[chosen]), key="quality_patch")


def _show_patch(dataset: Dataset, row: dict[str, Any], place: int, *, chosen: bool) -> None:
    n, k, judged = row["n"], len(row["photos"]), row["painted"]
    said = "The exact head needs training photos, a backbone and photos outside of test."
    if judged:
        before, after = (
            f"**{percent(right / judged, judged)}** "
            f"({span(*wilson_interval(right, judged), judged)})"
            for right in (row["right_before"], row["right_after"])
        )
        said = f"Accuracy of the exact head {before}; painted over {after}; n = {judged:,}."
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        picture = _outline(dataset, row["photos"][0], row["frame"], tuple(row["cells"]))
        st.image(picture, width=_WIDTH, alt=f"{row['class']}, with the patch outlined")
        with st.container(width="stretch", gap="xxsmall"):
            st.markdown(
                f"**{plain(row['class'], 40)}: in {k:,} of {n:,} photos, {percent(k / n, n)}** "
                f"({interval(*wilson_interval(k, n), n)})"
            )
            st.markdown(said)
            st.caption(
                f"In {row['others']:,} of {count(row['m'], 'photo')} of other classes. Adjusted "
                f"{say_p(row['p_value'])}."
            )
        st.button(
            "Photos",
            icon=":material/photo_library:",
            key=f"quality.patch.{place}",
            type="primary" if chosen else "secondary",
            on_click=partial(keep_choice, "patch", str(place)),
        )


@st.cache_resource(max_entries=100, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _outline(dataset: Dataset, photo: int, frame: int, cells: tuple[int, ...]) -> bytes:
    lined, _ = outline_patch(dataset, np.array([photo]), frame, np.array(cells))
    return encode_jpeg(lined[0], 88)
