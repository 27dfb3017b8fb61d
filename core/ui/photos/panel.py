"""The panel of one photo (`photo` in the URL): facts, predictions, reasons and actions.

Previous and next go through the list from which it was opened.
"""

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.datasets.edits.tray import add_edits, undo_edits
from core.formats import plain, size
from core.ui.parts import cache
from core.ui.parts.components import KeyQueue
from core.ui.parts.frame import link_page, page_file
from core.ui.parts.state import read_number, read_stated, refuse_link
from core.ui.photos.explaining import show_looked_at, show_reasons
from core.ui.photos.reading import PhotoPage, read_large_photo
from core.ui.photos.tray import Selection, describe_edits, show_edit_buttons, show_tag_button
from core.ui.wall import Wall, show_wall
from core.ui.wall.showing import LIST
from data.dataset import Dataset

_PHOTO = "photo"
_EDITED = "panel.edited"
_HIGHEST = 560
_BESIDE = 430
"""Pixels: photo, answer and buttons fit on the screen together."""
_NEAREST = 12
_MOST_RUNS = 8
_MEASURES = {"brightness": "%.2f", "contrast": "%.2f", "sharpness": "%.2f", "colourfulness": "%.0f"}


def show_photo_panel(dataset: Dataset) -> None:
    """Open the panel of the photo in the URL, if there is one."""
    context = get_script_run_ctx()
    if read_stated(_PHOTO) is None or (context and context.has_dialog_opened):
        return
    if _read_photo(dataset) is None:
        refuse_link("This dataset has no photo with that number.", _PHOTO)
    _show_panel(dataset)


def redraw_after_panel() -> None:
    """Redraw the page after a panel that changed the tray or a tag was closed."""
    if _PHOTO not in st.query_params and st.session_state.pop(_EDITED, False):
        st.rerun(scope="app")


def _read_photo(dataset: Dataset) -> int | None:
    return read_number(st.query_params.get(_PHOTO, ""), len(dataset))


def _close() -> None:
    st.query_params.pop(_PHOTO, None)


@st.dialog("Photo", width="large", on_dismiss=_close)
def _show_panel(dataset: Dataset) -> None:
    photo = _read_photo(dataset)
    if photo is None:  # closed in another way
        return
    page = PhotoPage(dataset, photo)
    _show_way(page)
    picture, words = st.columns([6, 5], gap="medium")
    with picture:
        content, note = read_large_photo(page.dataset, page.photo)
        width, height = page.row["width"], page.row["height"]
        # A tall photo is drawn narrower, so that it fits.
        st.image(
            content,
            alt=f"{page.row['class']}, {page.row['path']}",
            width="stretch" if width >= height else max(round(_HIGHEST * width / height), 40),
        )
        if note:
            st.caption(note)
    with words:
        show_facts(page)
        if wish := describe_edits(page.dataset, page.edits).get(page.photo):
            _show_waiting(page, wish)
        _show_actions(page)
        show_measures(page)
    show_predictions(page)
    show_looked_at(page)
    if show_reasons(page):
        redraw(edited=True)
    if show_relatives(page) is not None:
        redraw()


def _show_way(page: PhotoPage) -> None:
    """Draw previous and next, and the place in the list."""
    dataset_id, listed = st.session_state.get(LIST, ("", np.array([], dtype=np.int64)))
    places = np.flatnonzero(listed == page.photo)
    if dataset_id != page.dataset.id or len(places) == 0:
        return
    place = int(places[0])

    def go(number: int) -> None:
        st.query_params[_PHOTO] = str(listed[number])

    keys = KeyQueue("panel", _PHOTO)
    with st.container(horizontal=True, vertical_alignment="center"):
        keys.show_steps(place, len(listed), go)
        st.caption(f"{place + 1:,} of {len(listed):,}", width="content")
    keys.listen("Left", "Right")


def _show_waiting(page: PhotoPage, wish: str) -> None:
    """Draw what the tray will do to this photo, and how to undo it."""
    dataset = page.dataset
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/edit_note: In the tray: {plain(wish)}", width="content")
        if cache.edit_button("Undo", type="tertiary", icon=":material/undo:", key="panel.undo"):
            if undo_edits(cache.workspace(), dataset.id, page.edits[-1].batch) != 1:
                # The last step was another one, or for many photos: only this photo is restored.
                add_edits(cache.workspace(), dataset, [page.photo], "restore")
            redraw(edited=True)


def _show_actions(page: PhotoPage) -> None:
    dataset, photo = page.dataset, page.photo
    chosen = Selection(
        dataset=dataset, photos=[photo], what="this photo", key=f"panel.{photo}", tags=page.tags
    )
    with st.container(horizontal=True):
        edited, tagged = show_edit_buttons(chosen), show_tag_button(chosen)
        if st.button("More like this", icon=":material/image_search:"):
            query = {"dataset": dataset.id, "view": "photos", "like": str(photo)}
            st.switch_page(page_file("dataset"), query_params=query)
    if edited or tagged:
        redraw(edited=True)


def redraw(*, edited: bool = False) -> None:
    """Redraw the panel, or another fragment, without the page around it if possible."""
    st.session_state[_EDITED] = edited or st.session_state.get(_EDITED, False)
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


def show_facts(page: PhotoPage) -> None:
    """Draw class, split, issues, tags and facts of the file."""
    row = page.row
    st.header(plain(str(row["class"])), anchor=False)
    with st.container(horizontal=True, gap="small"):
        st.badge(str(row["split"]), color="gray")
        for word in page.issues:
            st.badge(word, color="orange")
        for name in page.tags.name_tags(page.photo):
            st.badge(plain(name), icon=":material/sell:", color="blue")
    st.markdown(
        f"{plain(str(row['path']))}  \n"
        f"{row['width']:,} × {row['height']:,} px · {size(row['bytes'])} · {plain(row['format'])}"
    )
    st.caption(f"Photo {page.photo} · SHA-256 {row['sha256'][:16]}…", help=str(row["sha256"]))


def show_measures(page: PhotoPage) -> None:
    """Draw the measures of a photo and their rank in the dataset."""
    rows = []
    for name, form in _MEASURES.items():
        values = page.dataset.manifest[name].to_numpy()
        value = values[page.photo]
        rows.append((name.capitalize(), form % value, 100 * float((values < value).mean())))
    st.dataframe(
        pd.DataFrame(rows, columns=["Measure", "Value", "below"]),
        hide_index=True,
        column_config={
            "below": st.column_config.ProgressColumn(
                "Higher than",
                format="%.0f %%",
                min_value=0,
                max_value=100,
                help="Share of the photos in this dataset with a lower value.",
            )
        },
        alt="Measures of the photo",
    )


def show_predictions(page: PhotoPage) -> None:
    """Draw the prediction of each finished run of this dataset."""
    st.markdown("**Predictions**")
    if not page.runs:
        st.caption("This dataset has no finished run yet. Train one on the page Training.")
        return
    rows = [page.describe_answer(run) for run in page.runs[:_MOST_RUNS]]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Prediction of each run for this photo")
    if any(row["Answer"] == "sealed" for row in rows):
        st.caption("Sealed: this is a test photo, and the test split has not been opened.")
    if len(page.runs) > _MOST_RUNS:
        st.caption(f"The newest {_MOST_RUNS} of {len(page.runs)} runs.")


def show_relatives(page: PhotoPage) -> int | None:
    """Draw copies and nearest photos; return the opened photo, if any."""
    quality, twins, opened = page.quality, page.twins, None
    classes, splits = page.dataset.manifest["class"].to_numpy(), page.dataset.splits

    def say(photo: int) -> str:
        return f"{classes[photo]}\n{splits[photo]}"

    if twins:
        st.markdown("**Copies and near-duplicates**")
        alike = Wall("twins", selectable=False, captions=say, badges=lambda twin: [twins[twin]])
        opened = show_wall(page.dataset, np.array(list(twins)), alike).opened
    st.markdown("**Nearest photos**")
    if quality is None:
        st.caption("The quality analysis finds the nearest photos.")
        link_page("quality", "Start it on Quality", "fact_check", dataset=page.dataset.id)
        return opened
    nearest = quality.neighbours[page.photo, :_NEAREST]
    cosines = dict(zip(nearest.tolist(), quality.similarities[page.photo, :_NEAREST], strict=True))
    near = Wall(
        "nearest", selectable=False, captions=lambda one: f"{say(one)} · {cosines[one]:.2f}"
    )
    shown = show_wall(page.dataset, np.asarray(nearest), near)
    st.caption(f"Cosine of the features ({plain(quality.features_label)}); 1 is equal.")
    return shown.opened if shown.opened is not None else opened


def show_photo(dataset: Dataset, photo: int) -> None:
    """Draw the photo in the height of the screen, above its path."""
    content, note = read_large_photo(dataset, photo)
    row = dataset.manifest.iloc[photo]
    width = round(_BESIDE * row["width"] / row["height"])
    st.image(content, alt=f"{row['class']}, {row['path']}", width=max(width, 40))
    st.caption(f"{plain(str(row['path']))} · {row['width']:,} × {row['height']:,} px  \n{note}")
