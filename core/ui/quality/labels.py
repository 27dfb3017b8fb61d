"""Label suspects: each with its evidence, and the three things to do about it.

A photo found right is hidden; that is remembered for the photo and its class, in all versions.
"""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.store import QualityResult
from core.datasets.quality.suspects import confirm_labels
from core.formats import count, percent, plain
from core.ui.parts import cache
from core.ui.parts.pickers import pick_page
from core.ui.quality.pairs import (
    PER_PAGE,
    exclude_photos,
    relabel_photo,
    show_filter,
    show_name,
    show_packed,
)
from core.ui.quality.reading import QualityPage
from data.dataset import Dataset

_LARGE, _SMALL = 150, 92


def show_suspects(page: QualityPage) -> None:
    """Draw the label suspects, the most doubtful first."""
    if page.result is None:
        return
    doubtful, right = page.suspects
    if len(doubtful):
        _show_list(page, page.result, doubtful)
    else:
        none = f"None among {count(len(page.dataset), 'photo')}."
        st.success(none, icon=":material/check_circle:")
    if len(right):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{count(len(right), 'photo')} found right and hidden.", width="content")
            back = partial(_confirm, page.dataset, right.tolist(), right=False)
            st.button("Show them again", type="tertiary", on_click=back)


def _confirm(dataset: Dataset, photos: list[int], *, right: bool = True) -> None:
    confirm_labels(cache.workspace(), dataset, photos, right=right)


def _show_list(page: QualityPage, result: QualityResult, doubtful: np.ndarray) -> None:
    classes = page.dataset.manifest["class"].to_numpy()[doubtful]
    counts = pd.Series(classes).value_counts().to_dict()
    picked = show_filter(page, "Given class", counts, len(doubtful))
    shown = doubtful if picked is None else doubtful[classes == picked]
    head, n = result.facts.get("head_accuracy"), result.facts.get("head_photos", len(page.dataset))
    judged = f" The model that judges them is right on {percent(head, n)} of {n:,}." if head else ""
    st.caption(
        f"{count(len(shown), 'photo')}, the most doubtful first. Each was judged by a model that "
        f"had not seen it.{judged} The percentages are its "
        "scores. They are hints: look at the photos, then decide."
    )
    for photo in shown[pick_page("suspect_page", len(shown), PER_PAGE)]:
        _show_suspect(page, result, int(photo))


def _show_suspect(page: QualityPage, result: QualityResult, photo: int) -> None:
    dataset, judged = page.dataset, result.photos.iloc[photo]
    classes = dataset.manifest["class"]
    with st.container(border=True, horizontal=True, gap="medium", vertical_alignment="top"):
        with st.container(width=_LARGE, gap="xxsmall"):
            show_packed(dataset, photo, _LARGE)
            show_name(dataset, photo, f"suspect.{photo}")
        with st.container(width=250, gap="small"):
            _show_judgement(str(classes.iat[photo]), judged)
            if words := page.tray.describe(photo):
                st.markdown(f":green[:material/check: In the tray: {words}]")
            else:
                _show_actions(dataset, photo, str(judged["suggested"]))
        with st.container(width="stretch", gap="xxsmall"):
            st.caption("The three nearest photos")
            with st.container(horizontal=True, gap="small"):
                for near in result.neighbours[photo][:3].tolist():
                    with st.container(width=_SMALL, gap="xxsmall"):
                        show_packed(dataset, near, _SMALL, plain(str(classes.iat[near]), 28))


def _show_judgement(given: str, judged: pd.Series) -> None:
    given_score = percent(float(judged["given_score"]), 100)
    suggested_score = percent(float(judged["suggested_score"]), 100)
    st.markdown(
        f"Given: {plain(given, 40)}, {given_score}  \n"
        f"**Suggested: {plain(str(judged['suggested']), 40)}, {suggested_score}**"
    )


def _show_actions(dataset: Dataset, photo: int, suggested: str) -> None:
    why = "label suspect"
    st.button(
        f"Relabel to {plain(suggested, 24)}",
        key=f"quality.relabel.{photo}",
        on_click=partial(relabel_photo, dataset, photo, suggested, why),
    )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "It is right",
            key=f"quality.right.{photo}",
            help="Hides the photo here; nothing changes in the dataset.",
            on_click=partial(_confirm, dataset, [photo]),
        )
        st.button(
            "Exclude",
            key=f"quality.exclude.{photo}",
            on_click=partial(exclude_photos, dataset, [photo], why),
        )
