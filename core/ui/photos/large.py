"""A photo as large as a screen shows it, made from its own file."""

import io

import streamlit as st
from PIL import Image

from core.errors import PhotoRefused
from data.dataset import Dataset
from data.images import decode_photo

_LONGEST_SIDE = 1024
_DAMAGED = "The photo's own file can no longer be read; this is the square that was packed of it."


def read_large_photo(dataset: Dataset, photo: int) -> tuple[bytes, str]:
    """Returns a JPEG of at most 1024 px, upright, and a word when it is not the file's own."""
    return _encode_large(dataset.id, photo, dataset)


@st.cache_data(max_entries=64, show_spinner=False)
def _encode_large(dataset_id: str, photo: int, _dataset: Dataset) -> tuple[bytes, str]:  # noqa: ARG001
    try:
        image, note = decode_photo(_dataset.original(photo))[0], ""
    except (PhotoRefused, OSError):
        image, note = Image.fromarray(_dataset.photos[photo]), _DAMAGED
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return stream.getvalue(), note
