"""A gallery: a wall of photos with a selection bar and the panel of an opened photo."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.datasets.edits.tray import merge_duplicates, undo_edits
from core.formats import count
from core.ui.parts import cache
from core.ui.photos.panel import redraw_after_panel, show_photo_panel
from core.ui.photos.tray import DONE, mark_tags, note_edit, show_edit_buttons, show_tag_button
from core.ui.wall import Wall, forget_photos, show_wall
from core.ui.wall.showing import Describe, Mark
from data.dataset import Dataset
from data.duplicates import find_exact_groups


@st.fragment
def show_gallery(
    dataset: Dataset,
    photos: np.ndarray,
    *,
    key: str = "photos",
    captions: Describe | None = None,
    badges: Mark | None = None,
) -> None:
    """Draw photos (m,) int in this order as a fragment: they can be selected, edited and opened.

    A page with galleries calls `show_photo_panel(dataset)` once at its end, for links.
    """
    redraw_after_panel()
    wall = Wall(key, captions=captions, badges=mark_tags(dataset, badges))
    answer = show_wall(dataset, photos, wall)
    show_selection_bar(dataset, answer.selected, key=key)
    if answer.opened is not None:
        show_photo_panel(dataset)


def show_selection_bar(dataset: Dataset, selected: Sequence[int], *, key: str = "photos") -> None:
    """Draw the actions for the selected photos; without a selection, the last edit."""
    if not selected:
        _show_last_edit(dataset, key)
        return
    st.session_state.pop(DONE, None)
    # The name of the container is known to wall.css, which keeps the bar in sight.
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"selection_bar_{key}"
    ):
        what = count(len(selected), "photo")
        st.markdown(f"**{what} selected**", width="content")
        edited = bool(show_edit_buttons(dataset, selected, what, key=f"selection.{key}"))
        if show_tag_button(dataset, selected, what, key=f"selection.{key}"):
            st.rerun()  # the whole page: it may list photos by their tags
        if len(selected) > 1 and not cache.workspace().read_only:
            with st.popover("Merge duplicates", icon=":material/merge:"):
                edited = _show_merge(dataset, selected, key) or edited
        st.button(
            "Clear",
            key=f"selection.clear.{key}",
            type="tertiary",
            on_click=lambda: forget_photos(dataset.id, selected),
        )
    if edited:
        forget_photos(dataset.id, selected)
        st.rerun()  # the whole page: its tray has changed


def _show_merge(dataset: Dataset, selected: Sequence[int], key: str) -> bool:
    """Draw the effect of merging; return whether it was added to the tray."""
    digests = dataset.manifest.iloc[list(selected)]
    groups = [[selected[row] for row in group] for group in find_exact_groups(digests)]
    leaving = sum(len(group) - 1 for group in groups)
    if groups:
        st.caption(
            f"{count(len(groups), 'group')} of identical files: one of each stays (from train if "
            f"possible), {count(leaving, 'photo')} will be excluded."
        )
    else:
        groups, leaving = [list(selected)], len(selected) - 1
        st.caption(
            "These files differ. Merge them only if they all show the same photo: one stays (from "
            f"train if possible), {count(leaving, 'photo')} will be excluded."
        )
    label = f"Exclude {count(leaving, 'photo')}"
    return st.button(label, type="primary", key=f"selection.merge.{key}") and note_edit(
        dataset,
        lambda: merge_duplicates(cache.workspace(), dataset, groups),
        f"{count(leaving, 'duplicate')} excluded",
    )


def _show_last_edit(dataset: Dataset, key: str) -> None:
    dataset_id, batch, sentence = st.session_state.get(DONE, (None, 0, ""))
    if dataset_id != dataset.id:
        return
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"selection_bar_{key}"
    ):
        st.markdown(f":material/check: {sentence} in the tray.", width="content")
        if st.button("Undo", icon=":material/undo:", key=f"selection.undo.{key}"):
            undo_edits(cache.workspace(), dataset.id, batch)
            st.session_state.pop(DONE, None)
            st.rerun()
