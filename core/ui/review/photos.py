"""Kept photos as the review shows them: small in the list, large beside the answer.

Pictures stay in memory for ten minutes only: a photo that is deleted is soon gone from here, too.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from PIL import Image

from core.errors import PhotoRefused
from core.monitoring.kept_photos import read_kept_photo
from core.ui.parts import cache
from data.images import ROW_SIZE, THUMBNAIL_SIZE, decode_photo, encode_thumbnail, pack_photo

_LONGEST_SIDE = 720
_SECONDS = 600
_SHOWN = 24


@dataclass(frozen=True, kw_only=True)
class LargePhoto:
    """A JPEG of at most 720 px, upright."""

    content: bytes
    width: int
    height: int

    def fit(self, side: int) -> int:
        """Returns how wide it is drawn, so that neither side is longer than that."""
        return round(self.width * min(1.0, side / max(self.width, self.height)))


def read_large(digest: str) -> LargePhoto | None:
    """Returns a kept photo for the eye; None where it is not kept."""
    return _read_large(digest) if _is_kept(digest) else None


def read_thumbnail(digest: str) -> bytes | None:
    """Returns the 128 px WebP of a kept photo; None where it is not kept."""
    return _read_thumbnail(digest, THUMBNAIL_SIZE) if _is_kept(digest) else None


def show_thumbnails(digests: Sequence[str]) -> None:
    """Draws the first of these photos, as far as they are kept, and how many more there are."""
    kept = [one for one in map(read_thumbnail, digests[:_SHOWN]) if one is not None]
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
        for thumbnail in kept:
            st.image(thumbnail, width=72)
        if len(digests) > _SHOWN:
            st.caption(f"and {len(digests) - _SHOWN:,} more", width="content")


def link_thumbnail(digest: str) -> str | None:
    """Returns the thumbnail as an address that a table shows; None where it is not kept."""
    content = _read_thumbnail(digest, ROW_SIZE) if _is_kept(digest) else None
    if content is None:
        return None
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"


def _is_kept(digest: str) -> bool:
    return cache.workspace().kept_photo_file(digest).is_file()


@st.cache_data(max_entries=64, ttl=_SECONDS, show_spinner=False)
def _read_large(digest: str) -> LargePhoto | None:
    image = _decode(digest)
    if image is None:
        return None
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return LargePhoto(content=stream.getvalue(), width=image.width, height=image.height)


@st.cache_data(max_entries=500, ttl=_SECONDS, show_spinner=False)
def _read_thumbnail(digest: str, side: int) -> bytes | None:
    image = _decode(digest)
    return None if image is None else encode_thumbnail(pack_photo(image), side)


def _decode(digest: str) -> Image.Image | None:
    content = read_kept_photo(cache.workspace(), digest)
    try:
        return None if content is None else decode_photo(content)[0]
    except PhotoRefused:
        return None
