"""The photos of a list: as a gallery, or one by one."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.ui.mistakes.reading import REVIEW, Listed, is_reviewing, mark_tray
from core.ui.mistakes.review import go_to, show_review
from core.ui.parts.state import keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.tray import show_tray

GALLERY = "mistakes"
"""Name of the gallery: its ticked photos are kept under it."""
_LINE = 19
"""Letters that fit on a line under a photo."""
_HARD_SPACE = "\u00a0"


def show_review_button(photos: np.ndarray) -> None:
    """Draw the button that begins the review of the photos with the first."""
    st.button(
        "One by one",
        icon=":material/crop_portrait:",
        key="mistakes.begin",
        type="primary",
        disabled=len(photos) == 0,
        on_click=partial(go_to, photos, 0),
        help="Review by keyboard: arrows move, digits relabel, x excludes, u takes back.",
    )


def show_photos(listed: Listed) -> None:
    """Draw the photos of a list as a gallery, or the one under review."""
    photos, dataset = listed.photos, listed.dataset
    if len(photos) == 0:
        keep_choice(REVIEW, None)
        st.info("No photo is listed here.", icon=":material/filter_alt_off:")
    elif is_reviewing():
        keep_choice(REVIEW, str(photos[listed.find_place()]))
        show_review(listed)
    else:
        show_tray(dataset)
        st.caption(
            "Under each photo: the score of its true class, then that of the class it was taken "
            "for (→), or of the second best where it is right (2nd)."
        )
        captions = _caption_photos(listed)
        show_gallery(dataset, photos, key=GALLERY, captions=captions, badges=mark_tray(dataset))


def _caption_photos(listed: Listed) -> Callable[[int], str]:
    result, said = listed.result, listed.answers

    def caption(photo: int) -> str:
        scores, label = result.scores[photo], int(result.labels[photo])
        other, mark = int(said.predictions[photo]), "→"
        if not said.wrong[photo]:
            other, mark = int(np.argsort(-scores, kind="stable")[1]), "2nd"
        lines = ((label, ""), (other, f"{mark} "))
        return "\n".join(
            _fit(f"{before}{format_share(float(scores[number]))} {result.classes[number]}")
            for number, before in lines
        )

    return caption


def _fit(line: str) -> str:
    """Cut a line so that it stays one line under a photo."""
    cut = line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"
    return cut.replace(" ", _HARD_SPACE)
