"""The slices page: the photos of the chosen slice, the wrong ones first."""

import numpy as np
import streamlit as st

from core.datasets.quality.slicing import SliceStudy
from core.evaluation.intervals import wilson_interval
from core.evaluation.slices import say_rule
from core.formats import count, interval, percent, plain
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.slices.reading import read_chosen

_WRONG, _ALL = "wrong", "all"


def show_slice_photos(run: RunRecord, study: SliceStudy) -> None:
    """Draws accuracy and photos of the slice that the URL names, or says how to choose one."""
    rule = read_chosen(study)
    if rule is None:
        if read_choice("slice"):
            st.caption(":orange[The link names a slice that this dataset does not have.]")
        st.info("Choose a slice: its photos appear here.", icon=":material/ads_click:")
        show_photo_panel(cache.dataset(run.recipe.dataset))
        return
    photos, right = study.photos_in(rule)
    words = say_rule(rule, study.properties)
    with st.container(horizontal=True, vertical_alignment="top", horizontal_alignment="distribute"):
        st.subheader(plain(words[0].upper() + words[1:]), anchor=False)
        st.button(
            "Close",
            icon=":material/close:",
            type="tertiary",
            key="slices.close",
            on_click=lambda: keep_choice("slice", None),
        )
    if not len(photos):
        st.info(f"No {study.split} photo is in this slice.", icon=":material/filter_alt_off:")
        show_photo_panel(cache.dataset(run.recipe.dataset))
        return
    low, high = wilson_interval(int(right.sum()), len(right))
    st.markdown(
        f"**{percent(float(right.mean()), len(right))}** right "
        f"({interval(low, high, len(right))}); all {study.split} photos: "
        f"{percent(study.accuracy, study.n)}."
    )
    _show_wall(run, photos, right)


def _show_wall(run: RunRecord, photos: np.ndarray, right: np.ndarray) -> None:
    result, dataset = cache.result(run.id), cache.dataset(run.recipe.dataset)
    wrong = int((~right).sum())
    shown = _pick_shown(wrong, len(photos))
    listed = photos[~right] if shown == _WRONG else photos
    if not len(listed):
        st.success(
            f"None of these {count(len(photos), 'photo')} is wrong.", icon=":material/check_circle:"
        )
        show_photo_panel(dataset)
        return
    predicted = result.scores.argmax(axis=1)
    sure = result.scores[listed, predicted[listed]]
    is_wrong = predicted[listed] != result.labels[listed]
    order = np.lexsort((-sure, ~is_wrong))

    def describe(photo: int) -> str:
        true, answer = result.classes[result.labels[photo]], result.classes[predicted[photo]]
        score = percent(float(result.scores[photo, predicted[photo]]), 100).replace(" ", "\u00a0")
        return f"{true}\n{score} {answer}"

    st.caption("Below each photo: its true class, then score and class predicted; surest first.")
    show_gallery(
        dataset,
        listed[order],
        key="slice",
        captions=describe,
        badges=lambda photo: (
            ["wrong"] * int(predicted[photo] != result.labels[photo]) if shown == _ALL else []
        ),
    )
    show_photo_panel(dataset)


def _pick_shown(wrong: int, photos: int) -> str:
    """Returns whether wrong photos or all are wanted; it lives in the URL as `shown`."""
    words = {_WRONG: f"Wrong ({wrong:,})", _ALL: f"All ({photos:,})"}
    st.session_state["slices.shown"] = _ALL if read_choice("shown") == _ALL else _WRONG
    return str(
        st.segmented_control(
            "Photos",
            list(words),
            key="slices.shown",
            format_func=words.__getitem__,
            on_change=lambda: keep_choice("shown", st.session_state["slices.shown"]),
            label_visibility="collapsed",
            required=True,
        )
    )
