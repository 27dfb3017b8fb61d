"""The augmentation page: controls on the left, what they do to photos on the right."""

import numpy as np
import streamlit as st

from core.ui.augmentation.answers import show_asked, show_moves, show_parts
from core.ui.augmentation.controls import show_controls
from core.ui.augmentation.draws import show_draws
from core.ui.augmentation.reading import (
    MOST,
    VIEWS,
    WAYS,
    AugmentationPage,
    keep_photos,
    read_augmentation_page,
)
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_one
from core.ui.parts.state import bind_choice
from core.ui.wall import Wall, read_chosen, show_wall
from data.dataset import Dataset

_WALL = "augmentation_wall"
_PER_PAGE = 24


@st.fragment
def show_augmentation(dataset: Dataset) -> None:
    """Draw the whole page of a dataset.

    It is a fragment: moving a slider redraws this alone, not the frame and the list of datasets.
    """
    with report_errors():  # a fragment's errors do not reach those of its page
        page = read_augmentation_page(dataset)
        left, right = st.columns([5, 9], gap="small")
        with left:
            show_controls(page)
        with right:
            _show_photo_choice(page)
            pick_one("View", VIEWS, bind_choice("view", page.view, key="augmentation.view"))
            if page.view == "parts":
                show_parts(page)
                return
            drawn = show_draws(page)
            show_asked(page)
            show_moves(page, drawn)


def _show_photo_choice(page: AugmentationPage) -> None:
    """Draw how the photos are chosen: one, several, or one of each class."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        way = bind_choice("show", page.way, key="augmentation.show", then=keep_photos)
        pick_one("Photos", WAYS, way)
        st.button(
            "Another" if page.way == "one" else "Others",
            icon=":material/shuffle:",
            type="tertiary",
            key="augmentation.others",
            on_click=keep_photos,
        )
        if page.way != "classes" and st.button(
            "Choose", icon=":material/photo_library:", type="tertiary", key="augmentation.choose"
        ):
            _choose(page.dataset, 1 if page.way == "one" else MOST)


@st.dialog("Choose photos", width="large")
def _choose(dataset: Dataset, most: int) -> None:
    present = [dataset.classes[label] for label in np.unique(dataset.labels)]
    name = st.selectbox("Class", ["all classes", *present], key="augmentation.class")
    photos = dataset.photo_numbers(class_name=None if name == "all classes" else name)
    show_wall(dataset, photos, Wall(_WALL, opens=False, per_page=_PER_PAGE))
    chosen = read_chosen(_WALL, dataset.id)
    if len(chosen) > most:
        st.caption(f"Of {len(chosen)} the {'first is' if most == 1 else f'first {most} are'} used.")
    if st.button("Use them", type="primary", disabled=not chosen, key="augmentation.use"):
        keep_photos(chosen[:most])
        st.rerun()
