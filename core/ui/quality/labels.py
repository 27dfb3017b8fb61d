"""Label suspects: each with its evidence, and the three things to do about it.

A photo found right is hidden; that is remembered for the photo and its class, in all versions.
"""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.store import QualityResult
from core.datasets.quality.suspects import confirm_labels, read_confirmed
from core.formats import count, percent, plain
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, read_choice
from core.ui.quality import edits as quality_edits
from core.ui.quality.edits import TrayState
from core.ui.quality.pairs import packed_photo, show_name
from data.dataset import Dataset

PER_PAGE = 8
_LARGE, _SMALL = 150, 92
_ALL = "All"


def list_suspects(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Returns the suspects still in doubt, and those found right, both the most doubtful first."""
    result = cache.quality(dataset.id)
    if result is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    suspects = np.flatnonzero(result.photos["suspect"].to_numpy(dtype=bool))
    doubt = result.photos["label_score"].to_numpy()[suspects]
    suspects = suspects[np.argsort(doubt, kind="stable")]
    confirmed = read_confirmed(cache.workspace())
    rows = dataset.manifest.iloc[suspects][["sha256", "class"]].itertuples(index=False, name=None)
    right = np.array([row in confirmed for row in rows], dtype=bool)
    return suspects[~right], suspects[right]


def show_suspects(dataset: Dataset) -> None:
    """Draws the label suspects, the most doubtful first."""
    result = cache.quality(dataset.id)
    if result is None:
        return
    doubtful, right = list_suspects(dataset)
    if len(doubtful):
        _show_list(dataset, result, doubtful)
    else:
        st.success(f"None among {count(len(dataset), 'photo')}.", icon=":material/check_circle:")
    if len(right):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{count(len(right), 'photo')} found right and hidden.", width="content")
            back = partial(confirm_labels, cache.workspace(), dataset, right.tolist(), right=False)
            st.button("Show them again", type="tertiary", on_click=back)


def _show_list(dataset: Dataset, result: QualityResult, doubtful: np.ndarray) -> None:
    shown = _filter_class(dataset, doubtful)
    head, n = result.facts.get("head_accuracy"), result.facts.get("head_photos", len(dataset))
    judged = f" The model that judges them is right on {percent(head, n)} of {n:,}." if head else ""
    st.caption(
        f"{count(len(shown), 'photo')}, the most doubtful first. Each was judged by a model that "
        f"had not seen it.{judged} The percentages are its "
        "scores. They are hints: look at the photos, then decide."
    )
    tray = TrayState(dataset)
    for photo in _turn_pages(shown):
        _show_suspect(dataset, result, int(photo), tray)


def _turn_pages(photos: np.ndarray) -> np.ndarray:
    pages, name = -(-len(photos) // PER_PAGE), "suspect_page"
    if pages < 2:
        return photos
    if int(st.session_state.get(name, 1)) > pages:
        st.session_state[name] = pages
    first = (st.pagination(pages, key=name, bind="query-params") - 1) * PER_PAGE
    return photos[first : first + PER_PAGE]


def _filter_class(dataset: Dataset, photos: np.ndarray) -> np.ndarray:
    """Returns the photos of the chosen given class; the choice lives in the URL."""
    classes = dataset.manifest["class"].to_numpy()[photos]
    counts = pd.Series(classes).value_counts()
    if len(counts) < 2:
        return photos
    options, stated = [_ALL, *sorted(counts.index)], read_choice("quality_class")
    picked = st.selectbox(
        "Given class",
        options,
        index=options.index(stated) if stated in options else 0,
        format_func=lambda name: f"{name} ({len(photos) if name == _ALL else counts[name]:,})",
        key="quality.suspect.class",
        width=300,
    )
    keep_choice("quality_class", None if picked == _ALL else picked)
    return photos if picked == _ALL else photos[classes == picked]


def _show_suspect(dataset: Dataset, result: QualityResult, photo: int, tray: TrayState) -> None:
    row, judged = dataset.manifest.iloc[photo], result.photos.iloc[photo]
    place = f"suspect.{photo}"
    with st.container(border=True, horizontal=True, gap="medium", vertical_alignment="top"):
        with st.container(width=_LARGE, gap="xxsmall"):
            alt = f"{row['class']}, {row['path']}"
            st.image(packed_photo(dataset.id, photo), width=_LARGE, alt=alt)
            show_name(dataset, photo, place)
        with st.container(width=250, gap="small"):
            _show_judgement(str(row["class"]), judged)
            if words := tray.describe(photo):
                st.markdown(f":green[:material/check: In the tray: {words}]")
            else:
                _show_deeds(dataset, photo, str(judged["suggested"]))
        with st.container(width="stretch", gap="xxsmall"):
            st.caption("The three nearest photos")
            with st.container(horizontal=True, gap="small"):
                for near in result.neighbours[photo][:3]:
                    _show_neighbour(dataset, int(near))


def _show_judgement(given: str, judged: pd.Series) -> None:
    given_score = percent(float(judged["given_score"]), 100)
    suggested_score = percent(float(judged["suggested_score"]), 100)
    st.markdown(
        f"Given: {plain(given, 40)}, {given_score}  \n"
        f"**Suggested: {plain(str(judged['suggested']), 40)}, {suggested_score}**"
    )


def _show_deeds(dataset: Dataset, photo: int, suggested: str) -> None:
    why = "label suspect"
    st.button(
        f"Relabel to {plain(suggested, 24)}",
        key=f"quality.relabel.{photo}",
        on_click=partial(quality_edits.relabel, dataset, photo, suggested, why),
    )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "It is right",
            key=f"quality.right.{photo}",
            help="Hides the photo here; nothing changes in the dataset.",
            on_click=partial(confirm_labels, cache.workspace(), dataset, [photo]),
        )
        st.button(
            "Exclude",
            key=f"quality.exclude.{photo}",
            on_click=partial(quality_edits.exclude, dataset, [photo], why),
        )


def _show_neighbour(dataset: Dataset, photo: int) -> None:
    row = dataset.manifest.iloc[photo]
    with st.container(width=_SMALL, gap="xxsmall"):
        st.image(
            packed_photo(dataset.id, photo),
            width=_SMALL,
            alt=f"{row['class']}, {row['path']}",
            caption=plain(str(row["class"]), 28),
        )
