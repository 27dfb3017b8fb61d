"""A gallery: the wall with its selection bar and the panel of the photo that was clicked.

It is a fragment: selecting and opening photos redraws the gallery alone, not the page around it.
"""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.datasets.edits.tray import Action, add_edits, list_classes, merge_duplicates, undo_edits
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.photos.panel import redraw_after_panel, show_photo_panel
from core.ui.photos.tray import DONE, note_edit
from core.ui.wall import forget_photos, show_wall
from core.ui.wall.showing import Describe, Mark
from data.dataset import Dataset
from data.duplicates import find_exact_groups
from data.splits import SPLITS


@st.fragment
def show_gallery(
    dataset: Dataset,
    photos: np.ndarray,
    *,
    key: str = "photos",
    captions: Describe | None = None,
    badges: Mark | None = None,
) -> None:
    """Draw the photos of these numbers, to be selected, edited and opened.

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


def show_selection_bar(dataset: Dataset, selected: Sequence[int], *, key: str = "photos") -> None:
    """Draw what can be done with the selected photos; without any, what was done last.

    Args:
        selected: Photo numbers.
        key: Name of the wall above; another bar on the same page needs another.
    """
    if not selected:
        _show_last_deed(dataset, key)
        return
    st.session_state.pop(DONE, None)
    # The name of the container is known to wall.css, which keeps the bar in sight.
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"selection_bar_{key}"
    ):
        st.markdown(f"**{count(len(selected), 'photo')} selected**", width="content")
        with st.popover("Relabel", icon=":material/label:"):
            _show_relabel(dataset, selected, key)
        with st.popover("Move", icon=":material/drive_file_move:"):
            _show_move(dataset, selected, key)
        exclude = st.button("Exclude", icon=":material/block:", key=f"selection.exclude.{key}")
        if len(selected) > 1:
            with st.popover("Merge duplicates", icon=":material/merge:"):
                _show_merge(dataset, selected, key)
        st.button(
            "Clear",
            key=f"selection.clear.{key}",
            type="tertiary",
            on_click=lambda: forget_photos(dataset.id, selected),
        )
    if exclude:
        _edit(dataset, selected, "exclude", "", f"{count(len(selected), 'photo')} excluded")


def _show_relabel(dataset: Dataset, selected: Sequence[int], key: str) -> None:
    chosen = st.selectbox(
        "New class",
        list_classes(cache.workspace(), dataset),
        index=None,
        placeholder="Choose a class, or type a new one",
        accept_new_options=True,
        key=f"selection.class.{key}",
    )
    if st.button(
        f"Relabel {count(len(selected), 'photo')}",
        type="primary",
        disabled=not chosen,
        key=f"selection.relabel.{key}",
    ):
        done = f"{count(len(selected), 'photo')} relabelled to “{plain(str(chosen), 40)}”"
        _edit(dataset, selected, "relabel", str(chosen), done)


def _show_move(dataset: Dataset, selected: Sequence[int], key: str) -> None:
    st.caption("To which split?")
    for split in SPLITS:
        if st.button(split.capitalize(), width="stretch", key=f"selection.{split}.{key}"):
            done = f"{count(len(selected), 'photo')} moved to {split}"
            _edit(dataset, selected, "move", split, done)


def _show_merge(dataset: Dataset, selected: Sequence[int], key: str) -> None:
    digests = dataset.manifest.iloc[list(selected)]
    groups = [[selected[row] for row in group] for group in find_exact_groups(digests)]
    leaving = sum(len(group) - 1 for group in groups)
    if groups:
        st.caption(
            f"{count(len(groups), 'group')} of identical files among the selected photos: one of "
            f"each stays (of train first), {count(leaving, 'photo')} will be excluded."
        )
    else:
        groups, leaving = [list(selected)], len(selected) - 1
        st.caption(
            "None of these files is identical. If you see that they all show the same photo: one "
            f"stays (of train first), {count(leaving, 'photo')} will be excluded."
        )
    if st.button(
        f"Exclude {count(leaving, 'photo')}", type="primary", key=f"selection.merge.{key}"
    ) and note_edit(
        dataset,
        lambda: merge_duplicates(cache.workspace(), dataset, groups),
        f"{count(leaving, 'duplicate')} excluded",
    ):
        _finish(dataset, selected)


def _edit(
    dataset: Dataset, selected: Sequence[int], action: Action, value: str, sentence: str
) -> None:
    make = lambda: add_edits(cache.workspace(), dataset, selected, action, value)  # noqa: E731
    if note_edit(dataset, make, sentence):
        _finish(dataset, selected)


def _finish(dataset: Dataset, selected: Sequence[int]) -> None:
    """Let go of the photos and draws the whole page, whose tray has changed."""
    forget_photos(dataset.id, selected)
    st.rerun()


def _show_last_deed(dataset: Dataset, key: str) -> None:
    dataset_id, batch, sentence = st.session_state.get(DONE, (None, 0, ""))
    if dataset_id != dataset.id:
        return
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"selection_bar_{key}"
    ):
        st.markdown(f":material/check: {sentence}, when the tray is applied.", width="content")
        if st.button("Undo", icon=":material/undo:", key=f"selection.undo.{key}"):
            undo_edits(cache.workspace(), dataset.id, batch)
            st.session_state.pop(DONE, None)
            st.rerun()
