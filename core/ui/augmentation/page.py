"""The augmentation page: controls on the left, what they do to photos on the right.

It is a fragment: moving a slider redraws this alone, not the frame and the list of datasets.
"""

import streamlit as st

from core.ui.augmentation.controls import show_controls
from core.ui.augmentation.draws import show_draws
from core.ui.augmentation.moves import pick_asked, show_moves
from core.ui.augmentation.parts import show_parts
from core.ui.augmentation.photos import pick_photos
from core.ui.augmentation.policy import read_draft
from core.ui.parts.messages import report_errors
from core.ui.parts.state import keep_choice, read_choice
from data.dataset import Dataset

_VIEWS = {"draws": "Draws", "parts": "Each part alone"}


@st.fragment
def show_augmentation(dataset: Dataset) -> None:
    """Draws the whole page of a dataset."""
    with report_errors():  # a fragment's errors do not reach those of its page
        left, right = st.columns([5, 9], gap="small")
        with left:
            show_controls()
        with right:
            _show_effect(dataset)


def _show_effect(dataset: Dataset) -> None:
    photos = pick_photos(dataset)
    stated = read_choice("view")
    view = st.segmented_control(
        "View",
        list(_VIEWS),
        default=stated if stated in _VIEWS else "draws",
        format_func=_VIEWS.__getitem__,
        key="augmentation.view",
        required=True,
        label_visibility="collapsed",
    )
    keep_choice("view", view)
    policy = read_draft()
    if view == "parts":
        show_parts(dataset, photos[0], policy)
        return
    drawn = show_draws(dataset, photos, policy)
    show_moves(dataset, drawn, pick_asked(dataset))
