"""The wall of photos: 60 to 100 thumbnails per page, selected and opened by mouse and keyboard.

The address holds `<key>_page` and `photo`, the session the selection. `turn` counts the messages
of the browser, so that only its newest selection is applied.
"""

import json
import math
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.formats import count, data_uri
from core.ui.parts import cache
from core.ui.parts.components import load_component
from core.ui.parts.pickers import check_page, pick_page_of
from core.ui.parts.state import read_number
from data.dataset import Dataset

LIST = "wall.list"
"""Session key of the photos around an opened one: (dataset id, photo numbers)."""
_CHOSEN = "wall.chosen"
MOST_CHOSEN = 20_000
"""Limit for “Select all”, because the browser gets the number of each photo."""
_TURN = "wall.turn"
Describe = Callable[[int], str]
Mark = Callable[[int], Sequence[str]]


@dataclass(frozen=True)
class WallAnswer:
    """The photo that was just opened on a wall, and all selected photos."""

    opened: int | None
    selected: tuple[int, ...]


@dataclass(frozen=True)
class Wall:
    """A wall of photos: captions, badges, and the actions that it allows."""

    key: str
    captions: Describe | None = None
    """Returns the caption of a photo as plain text (no Markdown); default: its class."""
    badges: Mark | None = None
    selectable: bool = True
    """False for evidence: photos can only be opened, and the panel does not page through them."""
    opens: bool = True
    per_page: int = 60


def show_wall(dataset: Dataset, photos: np.ndarray, wall: Wall) -> WallAnswer:
    """Draw photos (m,) int in that order; return the answer, and put an opened photo in the URL."""
    cache.workspace()  # checks the access of this visitor again
    if len(photos) == 0:
        st.info("No photo matches.", icon=":material/filter_alt_off:")
        return WallAnswer(None, read_chosen(wall.key, dataset.id))
    shown = show_head(dataset, photos, wall)
    told = _mount(dataset, shown, wall)
    opened = told.get("opened")
    if isinstance(opened, int) and 0 <= opened < len(dataset):
        st.query_params["photo"] = str(opened)
    else:
        opened = None
    if wall.selectable:
        keep_list(dataset.id, photos, opened)
    return WallAnswer(opened, read_chosen(wall.key, dataset.id))


def keep_list(dataset_id: str, photos: np.ndarray, opened: int | None) -> None:
    """Remember the photos for previous and next in the panel."""
    linked = read_number(st.query_params.get("photo", ""), sys.maxsize)
    known = st.session_state.get(LIST, ("", None))[0] == dataset_id
    by_link = not known and linked is not None and bool((photos == linked).any())
    if opened is not None or by_link:
        st.session_state[LIST] = (dataset_id, np.asarray(photos))


def show_head(
    dataset: Dataset, photos: np.ndarray, wall: Wall, *, always: bool = False
) -> list[int]:
    """Draw pages and count above the wall; return the photos of the chosen page.

    Evidence of one page has no head, except with `always`.
    """
    pages = math.ceil(len(photos) / wall.per_page)
    name = f"{wall.key}_page"
    check_page(pages, name)
    listed = (dataset.id, len(photos), zlib.crc32(np.ascontiguousarray(photos).tobytes()))
    before = st.session_state.get(f"{name}.listed", listed)
    st.session_state[f"{name}.listed"] = listed
    if before != listed or int(st.session_state.get(name, 1)) > pages:
        st.session_state[name] = 1  # the list of photos has changed
    if pages == 1 and not (wall.selectable or always):  # evidence has its own heading
        return [int(photo) for photo in photos]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        page = pick_page_of(pages, key=name) if pages > 1 else 1
        first = (page - 1) * wall.per_page
        shown = [int(photo) for photo in photos[first : first + wall.per_page]]
        place = f"{first + 1:,} to {first + len(shown):,} of {len(photos):,}"
        st.caption(place if pages > 1 else count(len(photos), "photo"), width="content")
        if wall.selectable and len(photos) > 1:
            offered = "Select all" if pages == 1 else f"Select all {len(photos):,}"
            st.button(
                offered if len(photos) <= MOST_CHOSEN else f"Select the first {MOST_CHOSEN:,}",
                key=f"wall.all.{wall.key}",
                type="tertiary",
                icon=":material/select_all:",
                on_click=partial(choose_photos, wall.key, dataset.id, photos[:MOST_CHOSEN]),
            )
    return shown


def _mount(dataset: Dataset, shown: list[int], wall: Wall) -> dict[str, Any]:
    key, widget = wall.key, f"wall.{dataset.id}.{wall.key}"

    def keep() -> None:
        told = st.session_state.get(widget) or {}
        keep_told(key, dataset.id, told.get("selected"), len(dataset))

    def turn() -> None:
        by = (st.session_state.get(widget) or {}).get("turned")
        page = int(st.session_state.get(f"{key}_page", 1))
        if isinstance(by, int):
            st.session_state[f"{key}_page"] = max(1, page + by)

    component = load_component(__file__, "wall.css", "wall.js")
    selected = read_chosen(key, dataset.id) if wall.selectable else ()
    told = component(
        key=widget,
        data=pack_page(dataset, shown, wall, selected, read_turn(key, dataset.id)),
        on_opened_change=_nothing,
        on_selected_change=keep,
        on_turned_change=turn,
    )
    return dict(told)


def _nothing() -> None:
    """Do nothing: Streamlit reports an event only with a callback."""


def read_chosen(key: str, dataset_id: str) -> tuple[int, ...]:
    """Return the photos selected on a wall, in the order they were selected."""
    return tuple(st.session_state.get(f"{_CHOSEN}.{dataset_id}.{key}", ()))


def choose_photos(key: str, dataset_id: str, photos: Iterable[int] | np.ndarray) -> None:
    """Make these photos the selection of a wall."""
    st.session_state[f"{_CHOSEN}.{dataset_id}.{key}"] = [int(photo) for photo in photos]


def forget_photos(dataset_id: str, photos: Iterable[int] | None = None) -> None:
    """Remove photos from the selections of all walls of a dataset; None: all photos."""
    gone = None if photos is None else set(photos)
    for name in [str(name) for name in st.session_state]:
        if name.startswith(f"{_CHOSEN}.{dataset_id}."):
            kept = [] if gone is None else [n for n in st.session_state[name] if n not in gone]
            st.session_state[name] = kept


def read_turn(key: str, dataset_id: str) -> int:
    """Return the number of the last selection from the browser."""
    return int(st.session_state.get(f"{_TURN}.{dataset_id}.{key}", 0))


def keep_told(key: str, dataset_id: str, told: object, photos: int) -> None:
    """Apply a selection of the browser, {"photos": [...], "turn": n}; ignore anything else."""
    if not isinstance(told, dict) or told.get("turn") == read_turn(key, dataset_id):
        return
    numbers, turn = told.get("photos"), told.get("turn")
    if isinstance(numbers, list) and isinstance(turn, int):
        known = (n for n in dict.fromkeys(numbers) if isinstance(n, int) and 0 <= n < photos)
        choose_photos(key, dataset_id, known)
        st.session_state[f"{_TURN}.{dataset_id}.{key}"] = turn


def pack_page(
    dataset: Dataset, photos: Sequence[int], wall: Wall, selected: Sequence[int], turn: int
) -> bytes:
    """Return a page of photos as one block of bytes.

    Four bytes (little-endian) hold the length of the JSON head; the head follows, then the
    thumbnails, one after another.
    """
    rows = dataset.manifest.iloc[list(photos)]
    thumbnails = [dataset.thumbnail(photo) for photo in photos]
    drawn = [
        {
            "photo": photo,
            # In a quiz, the text that is read aloud must not be the answer.
            "alt": f"{class_name}, {path}" if wall.opens else f"photo {number}",
            "caption": wall.captions(photo) if wall.captions else class_name,
            "badges": list(wall.badges(photo)) if wall.badges else [],
            "bytes": len(thumbnail),
        }
        for number, (photo, class_name, path, thumbnail) in enumerate(
            zip(photos, rows["class"], rows["path"], thumbnails, strict=True), 1
        )
    ]
    ways = ["arrows move"]
    ways += ["Enter opens"] if wall.opens else []
    ways += ["Space selects"] if wall.selectable else []
    head = {
        "selected": selected,
        "turn": turn,
        "selectable": wall.selectable,
        "opens": wall.opens,
        "label": f"{count(len(photos), 'photo')}: {', '.join(ways)}",  # read aloud on entering
        "photos": drawn,
    }
    text = json.dumps(head, ensure_ascii=False).encode()
    return b"".join((struct.pack("<I", len(text)), text, *thumbnails))


_NEAR = 16


def open_pointed(key: str) -> DeltaGenerator:
    """Return the place for a Plotly chart (`customdata`: photo numbers) and its `show_pointed`."""
    return st.container(key=f"pointed-{key}")


@st.fragment
def show_pointed(dataset: Dataset, positions: np.ndarray, key: str, window: str = "") -> None:
    """Show the photo under the pointer, and preload its neighbours by positions (n, 2).

    Args:
        window: Session key of the visible part of the chart (ends of x, ends of y; None: all); a
            zoom changes it and redraws the page.
    """
    widget, asked = f"hover.{dataset.id}.{key}", f"pointed.{key}.asked"

    def keep() -> None:
        st.session_state[asked] = (st.session_state.get(widget) or {}).get("pointed")

    def zoom() -> None:
        ends = (st.session_state.get(widget) or {}).get("window")
        if isinstance(ends, list):
            known = len(ends) == 4 and all(isinstance(end, int | float) for end in ends)
            st.session_state[window] = tuple(ends) if known else None
            st.session_state[f"{asked}.zoomed"] = True

    if st.session_state.pop(f"{asked}.zoomed", False):
        st.rerun()  # the chart is outside of the fragment
    photo = st.session_state.get(asked)
    pictures = {}
    if isinstance(photo, int) and 0 <= photo < len(dataset):
        for one in find_near(positions, photo):
            pictures[str(one)] = data_uri(dataset.thumbnail(one))
    load_component(__file__, "hover.css", "hover.js")(
        key=widget,
        data={"dataset": dataset.id, "pictures": pictures, "zooms": bool(window)},
        on_pointed_change=keep,
        on_window_change=zoom,
    )


def find_near(positions: np.ndarray, photo: int) -> list[int]:
    """Return the photo and its neighbours, the nearest first."""
    distances = np.square(positions - positions[photo]).sum(axis=1)
    distances[photo] = -1
    near = np.argpartition(distances, min(_NEAR, len(distances)) - 1)[:_NEAR]
    return [int(one) for one in near[np.argsort(distances[near], kind="stable")]]
