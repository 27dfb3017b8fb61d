"""The photos of a list: as a gallery, or one by one; the photo under review lives in the URL.

`review` holds its number; without it the photos are a gallery.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.datasets.edits.tray import list_edits, resolve_edits
from core.runs.store import RunRecord
from core.ui.mistakes.actions import REVIEW, go_to
from core.ui.mistakes.reading import answers
from core.ui.mistakes.review import find_place, show_review
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.tray import show_tray
from data.dataset import Dataset

View = Literal["gallery", "review"]

GALLERY = "mistakes"
"""Name of the gallery: its ticked photos are kept under it."""
_LINE = 19
"""Letters that fit on a line under a photo."""
_HARD_SPACE = "\u00a0"


def read_view() -> View:
    """Returns how the photos are looked at: the URL names a photo while they are reviewed."""
    return "review" if read_choice(REVIEW) else "gallery"


def show_review_button(photos: np.ndarray) -> None:
    """Draws the button that begins the review of the photos with the first one."""
    st.button(
        "One by one",
        icon=":material/crop_portrait:",
        key="mistakes.begin",
        type="primary",
        disabled=len(photos) == 0,
        on_click=partial(go_to, photos, 0),
        help="Review by keyboard: arrows move, digits relabel, x excludes, u takes back.",
    )


def show_photos(run: RunRecord, dataset: Dataset, photos: np.ndarray) -> None:
    """Draws the photos of a list as a gallery, or the one under review."""
    if len(photos) == 0:
        keep_choice(REVIEW, None)
        st.info("No photo is listed here.", icon=":material/filter_alt_off:")
    elif read_view() == "review":
        keep_choice(REVIEW, str(photos[find_place(photos)]))
        show_review(run, dataset, photos)
    else:
        show_tray(dataset)
        st.caption(
            "Under each photo: the score of its true class, then that of the class it was taken "
            "for (→), or of the second best where it is right (2nd)."
        )
        show_gallery(
            dataset,
            photos,
            key=GALLERY,
            captions=_caption_photos(run),
            badges=mark_tray(dataset),
        )


def mark_tray(dataset: Dataset) -> Callable[[int], Sequence[str]]:
    """Returns what says of a photo, in a word, what the tray holds for it."""
    changes = resolve_edits(dataset, list_edits(cache.workspace(), dataset.id))
    words = {}
    for row in changes.to_dict("records"):
        relabelled = row["class"] != row["new_class"]
        word = "excluded" if row["excluded"] else f"→ {row['new_class']}" if relabelled else "moved"
        words[int(row["photo"])] = [word]
    return lambda photo: words.get(photo, ())


def _caption_photos(run: RunRecord) -> Callable[[int], str]:
    result, said = cache.result(run.id), answers(run.id)

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
    """Returns a line that stays one line under a photo."""
    cut = line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"
    return cut.replace(" ", _HARD_SPACE)
