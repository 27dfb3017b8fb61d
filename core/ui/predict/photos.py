"""How photos come to the predict page: chosen, dropped, pasted or taken; one, many or an archive.

What came last counts: a photo just taken is answered although files are still listed, and the
other way round.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.config import read_settings
from core.prediction.album import NamedPhoto
from core.ui.predict.clipboard import show_clipboard
from data.sources.archive import ARCHIVE_ENDINGS

_ROUND = "predict.round"
_SOURCE = "predict.source"
_BEFORE = "predict.before"
_NEWEST = "predict.newest"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a person gave, in the order they gave it."""

    photos: tuple[NamedPhoto, ...] = ()
    archives: tuple[UploadedFile, ...] = ()
    key: str = ""
    """The same for the same files."""
    is_fresh: bool = False
    """The page was just opened: what is missing was not taken away."""
    newest: int | None = None
    """Which of several photos came alone after the others; None: they came together."""


def take_photos() -> Taken:
    """Returns what a person gave; draws the ways to give it."""
    turn = st.session_state.setdefault(_ROUND, 0)
    name = f"predict.upload.{turn}"
    is_fresh = name not in st.session_state
    chosen = st.file_uploader(
        "Your photos: one, or many at once",
        accept_multiple_files=True,
        key=name,
        max_upload_size=read_settings().photo_limit_mb,
        on_change=_remember,
        args=("upload",),
        help="JPEG, PNG, WebP, BMP, GIF or TIFF.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        show_clipboard(name, key="predict.clipboard")
        # A camera asks for permission as soon as it is drawn, so it is drawn when it is wanted.
        by_camera = st.toggle("Use the camera", key="predict.camera_on")
    taken = _use_camera(turn) if by_camera else None
    chosen = [*chosen, *_take_archives(turn)]
    newest = st.session_state.get(_SOURCE, "upload")
    if taken is not None and (not chosen or newest == "camera"):
        return _sort_out([taken], is_fresh=is_fresh)
    return _sort_out(chosen, is_fresh=is_fresh)


def start_over() -> None:
    """Lets go of all photos that were given: the uploader begins anew."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    for name in (_SOURCE, _BEFORE, _NEWEST):
        st.session_state.pop(name, None)


def _use_camera(turn: int) -> UploadedFile | None:
    return st.camera_input(
        "Take a photo", key=f"predict.camera.{turn}", on_change=_remember, args=("camera",)
    )


def _take_archives(turn: int) -> list[UploadedFile]:
    limit_mb = min(read_settings().upload_limit_mb, int(st.get_option("server.maxUploadSize")))
    with st.popover("A .zip of photos", icon=":material/folder_zip:", width="stretch"):
        return st.file_uploader(
            "A .zip or .tgz, with or without folders",
            accept_multiple_files=True,
            key=f"predict.archive.{turn}",
            max_upload_size=limit_mb,
            on_change=_remember,
            args=("upload",),
        )


def _sort_out(files: Sequence[UploadedFile], *, is_fresh: bool) -> Taken:
    archives = tuple(file for file in files if file.name.lower().endswith(ARCHIVE_ENDINGS))
    photos = [file for file in files if file not in archives]
    known = [file.file_id for file in files]
    return Taken(
        photos=tuple(NamedPhoto(name=_name(file), read=_reading(file)) for file in photos),
        archives=archives,
        key=" ".join(known),
        is_fresh=is_fresh,
        newest=_find_newest(known, [file.file_id for file in photos]),
    )


def _find_newest(known: Sequence[str], photos: Sequence[str]) -> int | None:
    """Returns the place of the photo that came alone after others, as long as no more come."""
    before = st.session_state.get(_BEFORE, "").split()
    if list(known) != before:
        added = [name for name in known if name not in before]
        st.session_state[_NEWEST] = added[0] if before and len(added) == 1 else ""
        st.session_state[_BEFORE] = " ".join(known)
    newest = st.session_state.get(_NEWEST, "")
    return list(photos).index(newest) if newest in photos else None


def _name(file: UploadedFile) -> str:
    return Path(file.name).name or "photo"


def _reading(file: UploadedFile) -> Callable[[], bytes]:
    return file.getvalue


def _remember(source: str) -> None:
    st.session_state[_SOURCE] = source
