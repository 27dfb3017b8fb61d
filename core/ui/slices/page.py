"""The slices page: which of its views is wanted, beside the photos of the chosen slice."""

import numpy as np
import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.evaluation.slices import say_rule
from core.formats import count, interval, percent, plain
from core.runs.store import RunRecord
from core.ui.parts.pickers import pick_one
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.slices.findings import show_shortcuts, show_worst
from core.ui.slices.properties import show_properties
from core.ui.slices.reading import VIEWS, SlicesPage, read_slices

_WRONG, _ALL = "wrong", "all"


def show_slices(run: RunRecord, split: str) -> None:
    """Draw the chosen view and, beside it, the photos of the chosen slice."""
    page = read_slices(run, split)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _pick_view(page)
        if page.view == "worst":
            show_worst(page)
        elif page.view == "shortcuts":
            show_shortcuts(page.study)
        else:
            show_properties(page)
    with right:
        _show_slice(page)
    show_photo_panel(page.dataset)


def _pick_view(page: SlicesPage) -> None:
    """Draw the choice of a view; those with findings say how many."""
    numbers = {
        "worst": sum(one.is_confirmed for one in page.study.search.slices),
        "shortcuts": sum(one.is_warned for one in page.study.shortcuts),
    }
    pick_one(
        "View",
        {
            name: f"{label} ({numbers[name]})" if numbers.get(name) else label
            for name, label in VIEWS.items()
        },
        bind_choice("by", page.view, key="slices.view"),
    )


def _show_slice(page: SlicesPage) -> None:
    """Draw accuracy and photos of the slice that the URL names, or says how to choose one."""
    study = page.study
    if page.rule is None:
        if page.stated:
            st.caption(":orange[The link names a slice that this dataset does not have.]")
        st.info("Choose a slice: its photos appear here.", icon=":material/ads_click:")
        return
    photos, right = study.photos_in(page.rule)
    words = say_rule(page.rule, study.properties)
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
        return
    low, high = wilson_interval(int(right.sum()), len(right))
    st.markdown(
        f"**{percent(float(right.mean()), len(right))}** right "
        f"({interval(low, high, len(right))}); all {study.split} photos: "
        f"{percent(study.accuracy, study.n)}."
    )
    _show_photos(page, photos, right)


def _show_photos(page: SlicesPage, photos: np.ndarray, right: np.ndarray) -> None:
    result = page.result
    words = {_WRONG: f"Wrong ({int((~right).sum()):,})", _ALL: f"All ({len(photos):,})"}
    shown = pick_one(
        "Photos",
        words,
        bind_choice("shown", _ALL if page.shows_all else _WRONG, key="slices.shown"),
    )
    listed = photos[~right] if shown == _WRONG else photos
    if not len(listed):
        st.success(
            f"None of these {count(len(photos), 'photo')} is wrong.", icon=":material/check_circle:"
        )
        return
    predicted = result.scores.argmax(axis=1)

    def describe(photo: int) -> str:
        true, answer = result.classes[result.labels[photo]], result.classes[predicted[photo]]
        score = percent(float(result.scores[photo, predicted[photo]]), 100).replace(" ", "\u00a0")
        return f"{true}\n{score} {answer}"

    st.caption("Below each photo: its true class, then score and class predicted; surest first.")
    show_gallery(
        page.dataset,
        page.order_photos(listed),
        key="slice",
        captions=describe,
        badges=lambda photo: (
            ["wrong"] * int(predicted[photo] != result.labels[photo]) if shown == _ALL else []
        ),
    )
