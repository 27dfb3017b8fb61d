"""A gallery: the wall with its selection bar and the panel of the photo that was clicked.

It is a fragment: selecting and opening photos redraws the gallery alone, not the page around it.
"""

import numpy as np
import streamlit as st

from core.ui.photos.panel import redraw_after_panel, show_photo_panel
from core.ui.photos.selection import show_selection_bar
from core.ui.wall import show_wall
from core.ui.wall.payload import Describe, Mark
from data.dataset import Dataset


@st.fragment
def show_gallery(
    dataset: Dataset,
    photos: np.ndarray,
    *,
    key: str = "photos",
    captions: Describe | None = None,
    badges: Mark | None = None,
) -> None:
    """Draws the photos of these numbers, to be selected, edited and opened.

    A page that draws galleries calls `show_photo_panel(dataset)` once at its end, for links.

    Args:
        photos: (m,) int, photo numbers in the order they are drawn.
        key: Name of the gallery; another one on the same page needs another.
        captions: What stands under a photo, as plain text; default: its class.
        badges: Small words on a photo.
    """
    redraw_after_panel()
    answer = show_wall(dataset, photos, key=key, captions=captions, badges=badges)
    show_selection_bar(dataset, answer.selected, key=key)
    if answer.opened is not None:
        show_photo_panel(dataset)
