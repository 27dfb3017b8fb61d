"""The panel of one photo: all that is known about it, and what can be done with it.

The photo's number lives in the URL (`photo`), so a link opens the panel again; closing it takes the
number out. Previous and next go through the photos among which it was seen last.
"""

from functools import partial

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.datasets.edits.tray import add_edits, list_classes, list_edits, resolve_edits, undo_edits
from core.formats import plain
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.state import read_number
from core.ui.photos.explaining import show_looked_at
from core.ui.photos.facts import show_facts, show_measures, show_predictions, show_relatives
from core.ui.photos.reading import read_large_photo
from core.ui.photos.tray import note_edit
from core.ui.wall.showing import LIST
from data.dataset import Dataset
from data.splits import SPLITS

_PHOTO = "photo"
_EDITED = "panel.edited"
_HIGHEST = 560
"""Pixels on screen."""


def show_photo_panel(dataset: Dataset) -> None:
    """Open the panel of the photo that the URL names; does nothing when it names none."""
    context = get_script_run_ctx()
    if _PHOTO not in st.query_params or (context and context.has_dialog_opened):
        return
    if _read_photo(dataset) is None:
        st.toast("The link names a photo that is not in this dataset.", icon=":material/link_off:")
        del st.query_params[_PHOTO]
        return
    _show_panel(dataset)


def redraw_after_panel() -> None:
    """Draw the page anew when a panel that is closed now has changed the tray.

    Closing a panel reruns only the fragment that opened it; the tray's line stands outside of it.
    """
    if _PHOTO not in st.query_params and st.session_state.pop(_EDITED, False):
        st.rerun(scope="app")


def _read_photo(dataset: Dataset) -> int | None:
    return read_number(st.query_params.get(_PHOTO, ""), len(dataset))


def _close() -> None:
    st.query_params.pop(_PHOTO, None)


@st.dialog("Photo", width="large", on_dismiss=_close)
def _show_panel(dataset: Dataset) -> None:
    photo = _read_photo(dataset)
    if photo is None:  # closed in another way meanwhile
        return
    _show_way(dataset, photo)
    picture, words = st.columns([6, 5], gap="medium")
    with picture:
        _show_picture(dataset, photo)
    with words:
        show_facts(dataset, photo)
        _show_waiting(dataset, photo)
        _show_deeds(dataset, photo)
        show_measures(dataset, photo)
    show_predictions(dataset, photo)
    show_looked_at(dataset, photo)
    opened = show_relatives(dataset, photo)
    if opened is not None:
        _redraw()


def _show_picture(dataset: Dataset, photo: int) -> None:
    content, note = read_large_photo(dataset, photo)
    row = dataset.manifest.iloc[photo]
    # A tall photo is drawn narrower, so that all of it is in sight.
    width = round(_HIGHEST * row["width"] / row["height"])
    st.image(
        content,
        alt=f"{row['class']}, {row['path']}",
        width="stretch" if row["width"] >= row["height"] else max(width, 40),
    )
    if note:
        st.caption(note)


def _show_way(dataset: Dataset, photo: int) -> None:
    """Draw previous and next, and the place among the photos that were listed."""
    dataset_id, listed = st.session_state.get(LIST, ("", np.array([], dtype=np.int64)))
    places = np.flatnonzero(listed == photo)
    if dataset_id != dataset.id or len(places) == 0:
        return
    place = int(places[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, key, step in (
            ("Previous", "arrow_back", "Left", -1),
            ("Next", "arrow_forward", "Right", 1),
        ):
            there = 0 <= place + step < len(listed)
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"panel.{label}",
                shortcut=key,
                disabled=not there,
                on_click=partial(_go_to, int(listed[place + step]) if there else photo),
            )
        st.caption(f"{place + 1:,} of {len(listed):,} photos listed", width="content")


def _go_to(photo: int) -> None:
    st.query_params[_PHOTO] = str(photo)


def _show_waiting(dataset: Dataset, photo: int) -> None:
    """Say what the tray holds for this photo."""
    path = dataset.manifest["path"].iat[photo]
    edits = [edit for edit in list_edits(cache.workspace(), dataset.id) if edit.path == path]
    changes = resolve_edits(dataset, edits)
    if changes.empty:
        return
    change = changes.iloc[0]
    wishes = [
        f"{plain(str(change[old]), 30)} → {plain(str(change[new]), 30)}"
        for old, new in (("class", "new_class"), ("split", "new_split"))
        if change[old] != change[new]
    ]
    if change["excluded"]:
        wishes = ["exclude"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/edit_note: In the tray: {', '.join(wishes)}", width="content")
        if st.button("Undo", type="tertiary", icon=":material/undo:", key="panel.undo"):
            if undo_edits(cache.workspace(), dataset.id, edits[-1].batch) != 1:
                # Not the last step, or one for many photos: only this photo is let out.
                add_edits(cache.workspace(), dataset, [photo], "restore")
            _redraw(edited=True)


def _show_deeds(dataset: Dataset, photo: int) -> None:
    with st.container(horizontal=True):
        with st.popover("Relabel", icon=":material/label:"):
            chosen = st.selectbox(
                "New class",
                list_classes(cache.workspace(), dataset),
                index=None,
                placeholder="Choose a class, or type a new one",
                accept_new_options=True,
                key=f"panel.class.{photo}",
            )
            if st.button("Relabel this photo", type="primary", disabled=not chosen):
                _edit(dataset, photo, "relabel", str(chosen))
        with st.popover("Move", icon=":material/drive_file_move:"):
            st.caption("To which split?")
            for split in SPLITS:
                here = dataset.manifest["split"].iat[photo] == split
                if st.button(split.capitalize(), width="stretch", disabled=here):
                    _edit(dataset, photo, "move", split)
        if st.button("Exclude", icon=":material/block:", key="panel.exclude"):
            _edit(dataset, photo, "exclude", "")
        if st.button("More like this", icon=":material/image_search:"):
            query = {"dataset": dataset.id, "view": "photos", "like": str(photo)}
            st.switch_page(page_file("dataset"), query_params=query)


def _redraw(*, edited: bool = False) -> None:
    """Draw the panel again, without the page behind it where that is possible."""
    st.session_state[_EDITED] = edited or st.session_state.get(_EDITED, False)
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


def _edit(dataset: Dataset, photo: int, action: str, value: str) -> None:
    make = partial(add_edits, cache.workspace(), dataset, [photo], action, value)  # type: ignore[arg-type]
    if note_edit(dataset, make, "1 photo changed"):
        _redraw(edited=True)
