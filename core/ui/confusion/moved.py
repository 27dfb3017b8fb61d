"""The photos behind a difference: those that came into a cell with this run, those that left it."""

import numpy as np
import streamlit as st

from core.evaluation.confusion import find_moved
from core.formats import plain
from core.runs.common_photos import CommonPhotos
from core.ui.confusion.choice import Chosen
from core.ui.confusion.difference import RunPair
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel

_KINDS = {"came": "Came in", "left": "Left"}


def show_moved_photos(pair: RunPair, chosen: Chosen | None) -> None:
    """Draws the photos that came into the chosen cell with this run, and those that left it."""
    dataset = cache.dataset(pair.run.recipe.dataset)
    if chosen is None:
        st.info(
            "Choose a cell, a row or a column: the photos that came in and that left appear here.",
            icon=":material/ads_click:",
        )
        show_photo_panel(dataset)
        return
    common = pair.common
    came, left = find_moved(
        common.labels, common.predictions_a, common.predictions_b, chosen.true, chosen.predicted
    )
    moved = {"came": came, "left": left}
    st.subheader(_title(common, chosen), anchor=False)
    kind = _pick_kind(moved)
    st.caption(
        f"With run {pair.run.number}, compared with run {pair.other.number}. Under each photo: "
        "what the other run said → what this one says."
    )
    rows = moved[kind]
    if len(rows) == 0:
        st.info("No photo.", icon=":material/filter_alt_off:")
    else:
        photos = common.photos_b[rows]
        said = {
            int(photo): _say_photo(common, int(row), chosen)
            for photo, row in zip(photos, rows, strict=True)
        }
        show_gallery(dataset, photos, key="moved", captions=said.__getitem__)
    show_photo_panel(dataset)


def _title(common: CommonPhotos, chosen: Chosen) -> str:
    """Returns what the photos came into and left."""
    if chosen.predicted is None:
        assert chosen.true is not None
        return f"{plain(common.classes[chosen.true], 60)}: recognised now, or no longer"
    predicted = plain(common.classes[chosen.predicted], 60)
    if chosen.true is None:
        return f"Taken for {predicted}: now, or no longer"
    true = plain(common.classes[chosen.true], 60)
    verb = "recognised as" if chosen.true == chosen.predicted else "taken for"
    return f"{true} {verb} {predicted}: now, or no longer"


def _pick_kind(moved: dict[str, np.ndarray]) -> str:
    key, stated = "confusion.moved", read_choice("moved")
    first = next((name for name, rows in moved.items() if len(rows)), "came")
    st.session_state[key] = stated if stated in moved and len(moved[stated]) else first
    return str(
        st.segmented_control(
            "Photos that",
            list(moved),
            key=key,
            format_func=lambda one: f"{_KINDS[one]} ({len(moved[one]):,})",
            on_change=lambda: keep_choice("moved", st.session_state[key]),
            label_visibility="collapsed",
            required=True,
        )
    )


def _say_photo(common: CommonPhotos, row: int, chosen: Chosen) -> str:
    before, after = common.predictions_a[row], common.predictions_b[row]
    names = common.classes
    change = f"{names[before]} → {names[after]}"
    return change if chosen.true is not None else f"{names[common.labels[row]]}\n{change}"
