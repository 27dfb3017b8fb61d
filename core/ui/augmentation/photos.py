"""Which photos the augmentation page shows: one, several, or one of each class.

The choice lives in the URL: `show` says which way, `photos` the photo numbers.
"""

import numpy as np
import streamlit as st

from core.ui.parts.state import keep_choice, read_choice, read_number
from core.ui.wall import show_wall
from core.ui.wall.showing import read_chosen
from data.dataset import Dataset

_WAYS = {"one": "One photo", "some": "Several", "classes": "One of each class"}
MOST = 6
"""Photos that are shown at a time."""
_WALL = "augmentation_wall"
_PER_PAGE = 24
_OF = "augmentation.photos_of"
"""Key of the dataset that the photo numbers belong to."""


def pick_photos(dataset: Dataset) -> list[int]:
    """Returns the numbers of the chosen photos; draws how they are chosen."""
    if st.session_state.get(_OF, dataset.id) != dataset.id:
        keep_choice("photos", None)  # the same numbers are other photos here
    st.session_state[_OF] = dataset.id
    stated = read_choice("show")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        way = st.segmented_control(
            "Photos",
            list(_WAYS),
            default=stated if stated in _WAYS else "one",
            format_func=_WAYS.__getitem__,
            key="augmentation.show",
            required=True,
            label_visibility="collapsed",
        )
        if way != (stated or "one"):
            keep_choice("photos", None)
        keep_choice("show", way)
        others = st.button(
            "Another" if way == "one" else "Others",
            icon=":material/shuffle:",
            type="tertiary",
            key="augmentation.others",
        )
        if way != "classes" and st.button(
            "Choose", icon=":material/photo_library:", type="tertiary", key="augmentation.choose"
        ):
            _choose(dataset, 1 if way == "one" else MOST)
    photos = [] if others else _read_photos(dataset)
    if not photos:
        photos = _draw_photos(dataset, way)
        keep_choice("photos", ",".join(str(photo) for photo in photos))
    return photos[:1] if way == "one" else photos


def _read_photos(dataset: Dataset) -> list[int]:
    numbers = (read_choice("photos") or "").split(",")[:MOST]
    photos = [read_number(number, len(dataset)) for number in numbers]
    return [photo for photo in dict.fromkeys(photos) if photo is not None]


def _draw_photos(dataset: Dataset, way: str) -> list[int]:
    """Returns photos at random, none of the test split; of many classes some, at random too."""
    rng = np.random.default_rng()
    usable = np.flatnonzero(dataset.splits != "test")  # what is learnt here must not rest on those
    usable = usable if len(usable) else np.arange(len(dataset))
    if way != "classes":
        wanted = min(1 if way == "one" else 4, len(usable))
        return [int(photo) for photo in rng.choice(usable, wanted, replace=False)]
    labels = dataset.labels[usable]
    classes = np.sort(rng.permutation(np.unique(labels))[:MOST])
    return [int(rng.choice(usable[labels == label])) for label in classes]


@st.dialog("Choose photos", width="large")
def _choose(dataset: Dataset, most: int) -> None:
    present = [dataset.classes[label] for label in np.unique(dataset.labels)]
    name = st.selectbox("Class", ["all classes", *present], key="augmentation.class")
    photos = dataset.photo_numbers(class_name=None if name == "all classes" else name)
    show_wall(dataset, photos, key=_WALL, opens=False, per_page=_PER_PAGE)
    chosen = read_chosen(_WALL, dataset.id)
    if len(chosen) > most:
        st.caption(f"Of {len(chosen)} the {'first is' if most == 1 else f'first {most} are'} used.")
    if st.button("Use them", type="primary", disabled=not chosen, key="augmentation.use"):
        keep_choice("photos", ",".join(str(photo) for photo in chosen[:most]))
        st.rerun()
