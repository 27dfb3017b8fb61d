"""One photo after another, by keyboard: arrows move, digits relabel, x excludes, u takes it back.

Nothing here changes the dataset: each deed is an edit in the tray, then the next photo comes. The
photo's number is in the URL (`review`), so a reload is where one was.
"""

from functools import partial

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.formats import count
from core.runs.store import RunRecord
from core.ui.mistakes.actions import (
    REVIEW,
    Waiting,
    go_to,
    read_waiting,
    show_deeds,
    show_done,
    undo,
)
from core.ui.mistakes.evidence import show_answer, show_evidence, show_photo
from core.ui.parts.frame import page_file
from core.ui.parts.messages import report_errors
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.panel import redraw_after_panel, show_photo_panel
from data.dataset import Dataset

_PANEL = "photo"
"""Name in the URL of the photo whose panel is open."""


def find_place(photos: np.ndarray) -> int:
    """Returns the place in the list of the photo that the URL names; 0 when it is not in it."""
    stated = read_choice(REVIEW) or ""
    places = [str(photo) for photo in photos.tolist()]
    return places.index(stated) if stated in places else 0


@st.fragment
def show_review(run: RunRecord, dataset: Dataset, photos: np.ndarray) -> None:
    """Draws the photo under review with all that helps to decide, and the deeds.

    Args:
        run: The run in question, on this dataset.
        dataset: That of the photos.
        photos: (m,) int, m > 0: the list that is gone through.
    """
    if not read_choice(REVIEW):  # back to the gallery, which stands outside of this fragment
        st.rerun()
    redraw_after_panel()
    with report_errors():
        _draw_step(run, dataset, photos)


def _draw_step(run: RunRecord, dataset: Dataset, photos: np.ndarray) -> None:
    place, keys = find_place(photos), _PANEL not in st.query_params
    photo, waiting = int(photos[place]), read_waiting(dataset)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _show_way(dataset, photos, place, waiting, keys)
    picture, words = st.columns([6, 5], gap="medium")
    # The buttons first: none of those that a person sees below a photo belongs to the one before.
    with words:
        show_answer(run, photo, waiting.words.get(photo, ""))
        show_deeds(run, dataset, photos, place, keys)
    with picture:
        show_photo(dataset, photo)
        show_done()
    opened = show_evidence(run, dataset, photo, photos[place + 1 : place + 4])
    if opened is not None and keys:
        _redraw()  # the keys belong to the panel while it is open
    if not keys:
        st.query_params[_PANEL] = st.query_params[_PANEL]  # the redraw kept it from the browser
    show_photo_panel(dataset)


def _redraw() -> None:
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


def _show_way(
    dataset: Dataset, photos: np.ndarray, place: int, waiting: Waiting, keys: bool
) -> None:
    """Draws the way back, previous and next, where one is, and what waits in the tray."""
    st.button(
        "Gallery",
        icon=":material/grid_view:",
        key="mistakes.gallery",
        shortcut="G" if keys else None,
        on_click=partial(keep_choice, REVIEW, None),
    )
    for label, icon, key, step in (
        ("Previous", "arrow_back", "Left", -1),
        ("Next", "arrow_forward", "Right", 1),
    ):
        st.button(
            label,
            icon=f":material/{icon}:",
            key=f"mistakes.{label}",
            shortcut=key if keys else None,
            disabled=not 0 <= place + step < len(photos),
            on_click=partial(go_to, photos, place + step),
        )
    settled = sum(int(photo) in waiting.words for photo in photos.tolist())
    words = f"**{place + 1:,} of {len(photos):,}**, {settled:,} in the tray"
    st.markdown(words, width="content")
    st.button(
        "Undo",
        icon=":material/undo:",
        key="mistakes.undo",
        type="tertiary",
        shortcut="U" if keys else None,
        disabled=waiting.last is None,
        on_click=partial(undo, dataset, photos, waiting.last),
        help="Takes the last step out of the tray and goes to its photo.",
    )
    if waiting.edits:
        st.page_link(
            page_file("dataset"),
            label="Tray",
            help=f"{count(waiting.edits, 'edit')} not applied yet: review and apply them.",
            icon=":material/checklist:",
            query_params={"dataset": dataset.id, "view": "edits"},
        )
