"""Parallel reading of the photos of a source into one .npy of packed photos and a table."""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from core.ahead import work_ahead
from core.errors import PhotoRefused, PhotoUnreadable
from data.dataset import ORIGINALS, PHOTOS, THUMBNAILS, write_photos_header
from data.findings import MEASURES, measure_photo
from data.images import encode_thumbnail, read_packed_photo, read_photo_file
from data.sources.found import FoundPhoto

# One place for column types, so that an empty table is stored like any other.
_TABLE_TYPES = {
    "path": "str",
    "class": "str",
    "split": "str",
    "group": "str",
    "sha256": "str",
    "phash": "str",
    "width": "int64",
    "height": "int64",
    "bytes": "int64",
    "format": "str",
    "note": "str",
    "thumbnail_start": "int64",
    "thumbnail_bytes": "int64",
    "original_start": "int64",
    **dict.fromkeys(MEASURES, "float64"),
}
_SET_ASIDE_TYPES = dict.fromkeys(("path", "class", "split", "code", "problem"), "str")


class _Packed(NamedTuple):
    content: bytes
    photo: np.ndarray
    thumbnail: bytes
    row: dict[str, object]


def pack_photos(
    found: Sequence[FoundPhoto],
    folder: Path,
    on_progress: Callable[[int, int], None] = lambda *_: None,
    prefix: str = "",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of the photos, and the table of skipped photos, in the order of `found`.

    Packed photos, thumbnails and originals go into the folder, under their names in a dataset with
    the prefix. Row i of the first table is photo i; its `note` is for the report.
    """
    rows: list[dict[str, object]] = []
    set_aside: list[dict[str, object]] = []
    threads = min(os.cpu_count() or 1, 8)
    with (
        (folder / f"{prefix}{PHOTOS}").open("wb") as photos,
        (folder / f"{prefix}{THUMBNAILS}").open("wb") as thumbnails,
        (folder / f"{prefix}{ORIGINALS}").open("wb") as originals,
        closing(work_ahead(found, _pack, threads, 4 * threads)) as packing,
    ):
        write_photos_header(photos, len(found))
        for done, (photo, packed) in enumerate(packing, start=1):
            row: dict[str, object] = {
                "path": photo.path,
                "class": photo.class_name,
                "split": photo.split,
                "group": photo.group,
            }
            if isinstance(packed, PhotoRefused):
                set_aside.append(row | {"code": packed.code, "problem": packed.problem})
            else:
                places = {
                    "thumbnail_start": thumbnails.tell(),
                    "thumbnail_bytes": len(packed.thumbnail),
                    "original_start": originals.tell(),
                }
                rows.append(row | packed.row | places)
                thumbnails.write(packed.thumbnail)
                originals.write(packed.content)
                # Not through a memory map: its dirty pages would count as memory of this process.
                photos.write(packed.photo.data)
            on_progress(done, len(found))
        photos.seek(0)
        write_photos_header(photos, len(rows))
    return _make_table(rows, _TABLE_TYPES), _make_table(set_aside, _SET_ASIDE_TYPES)


def _pack(photo: FoundPhoto) -> _Packed | PhotoRefused:
    try:
        if not photo.class_name:
            raise PhotoUnreadable(
                "It lies outside of the class folders, so its class is unknown.",
                "Move it into the folder of its class.",
            )
        content = read_photo_file(photo.file)
        packed, facts = read_packed_photo(content)
    except PhotoRefused as refusal:
        return refusal
    row = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "phash": str(imagehash.phash(Image.fromarray(packed))),
        **asdict(facts),
        **measure_photo(packed),
    }
    return _Packed(content, packed, encode_thumbnail(packed), row)


def _make_table(rows: list[dict[str, object]], types: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(types)).astype(types)
