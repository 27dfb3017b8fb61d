"""Reading of all photos of a source in parallel, into one .npy of packed photos and their table.

Threads decode (Pillow lets go of the interpreter meanwhile), this thread writes, in order; only a
few photos are in memory at any time, however many there are.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from core.errors import PhotoRefused, PhotoUnreadable
from data.dataset import write_photos_header
from data.findings import MEASURES, measure_photo
from data.images import PhotoFacts, encode_thumbnail, read_packed_photo, read_photo_file
from data.sources.found import FoundPhoto

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")

_MOST_THREADS = 8

# One place for column types, so that an empty table is stored like any other.
_TABLE_TYPES = {
    "path": "str",
    "class": "str",
    "split": "str",
    "sha256": "str",
    "phash": "str",
    "width": "int64",
    "height": "int64",
    "bytes": "int64",
    "format": "str",
    "thumbnail_start": "int64",
    "thumbnail_bytes": "int64",
    "original_start": "int64",
    **dict.fromkeys(MEASURES, "float64"),
}
_SET_ASIDE_TYPES = dict.fromkeys(("path", "class", "split", "code", "problem"), "str")


@dataclass(frozen=True, kw_only=True)
class _Packed:
    content: bytes
    photo: np.ndarray
    facts: PhotoFacts
    thumbnail: bytes
    sha256: str
    phash: str
    measures: dict[str, float]


def pack_photos(
    found: Sequence[FoundPhoto],
    *,
    photos_file: Path,
    thumbnails_file: Path,
    originals_file: Path,
    on_progress: Callable[[int, int], None],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of the photos that could be read, and that of those set aside.

    Row i of the first table is photo i of `photos_file`, (n, 224, 224, 3) uint8 RGB; the order is
    that of `found`. The files are written anew; `originals_file` takes the photos' own bytes.
    """
    rows: list[dict[str, object]] = []
    set_aside: list[dict[str, object]] = []
    threads = min(os.cpu_count() or 1, _MOST_THREADS)
    with (
        photos_file.open("wb") as photos,
        thumbnails_file.open("wb") as thumbnails,
        originals_file.open("wb") as originals,
        closing(work_ahead(found, _pack, threads, 4 * threads)) as packing,
    ):
        write_photos_header(photos, len(found))
        for done, (photo, packed) in enumerate(packing, start=1):
            row: dict[str, object] = {
                "path": photo.path,
                "class": photo.class_name,
                "split": photo.split,
            }
            if isinstance(packed, PhotoRefused):
                set_aside.append(row | {"code": packed.code, "problem": packed.problem})
            else:
                rows.append(row | _describe(packed, thumbnails.tell(), originals.tell()))
                thumbnails.write(packed.thumbnail)
                originals.write(packed.content)
                # Not through a memory map: its dirty pages would count as memory of this process.
                photos.write(packed.photo.data)
            on_progress(done, len(found))
        photos.seek(0)
        write_photos_header(photos, len(rows))
    return _make_table(rows, _TABLE_TYPES), _make_table(set_aside, _SET_ASIDE_TYPES)


def work_ahead(
    items: Sequence[_Item], work: Callable[[_Item], _Made], threads: int, ahead: int
) -> Generator[tuple[_Item, _Made], None, None]:
    """Yield each item with what was made of it, in order; threads work on the next ones meanwhile.

    Only `ahead` of them are in memory at a time. Closing the generator ends the work.
    """
    upcoming = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="working ahead") as pool:
        window: deque[tuple[_Item, Future[_Made]]] = deque(
            (item, pool.submit(work, item)) for item in islice(upcoming, ahead)
        )
        try:
            while window:
                item, future = window.popleft()
                yield item, future.result()
                window.extend((new, pool.submit(work, new)) for new in islice(upcoming, 1))
        finally:
            pool.shutdown(cancel_futures=True)


def _pack(photo: FoundPhoto) -> _Packed | PhotoRefused:
    try:
        if not photo.class_name:
            raise PhotoUnreadable(
                "It lies outside of the class folders, so its class is not known.",
                "Move it into the folder of its class.",
            )
        content = read_photo_file(photo.file)
        packed, facts = read_packed_photo(content)
    except PhotoRefused as refusal:
        return refusal
    return _Packed(
        content=content,
        photo=packed,
        facts=facts,
        thumbnail=encode_thumbnail(packed),
        sha256=hashlib.sha256(content).hexdigest(),
        phash=str(imagehash.phash(Image.fromarray(packed))),
        measures=measure_photo(packed),
    )


def _describe(packed: _Packed, thumbnail_start: int, original_start: int) -> dict[str, object]:
    return {
        "sha256": packed.sha256,
        "phash": packed.phash,
        "width": packed.facts.width,
        "height": packed.facts.height,
        "bytes": packed.facts.bytes,
        "format": packed.facts.format,
        "thumbnail_start": thumbnail_start,
        "thumbnail_bytes": len(packed.thumbnail),
        "original_start": original_start,
        **packed.measures,
    }


def _make_table(rows: list[dict[str, object]], types: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(types)).astype(types)
