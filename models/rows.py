"""The two .npy files of an extraction, read and written in order: packed photos, and features."""

import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.config import FEATURE_SIZE, PHOTO_SIZE
from core.errors import ResultDamaged
from core.workspace import write_whole

_ROW_BYTES = FEATURE_SIZE * 4
_PHOTO_SHAPE = (PHOTO_SIZE, PHOTO_SIZE, 3)


def keep_whole_rows(rows: BinaryIO, total: int) -> int:
    """Returns the photos done in a partial file, which then ends behind its last whole row."""
    header = _make_header(total)
    size = rows.seek(0, os.SEEK_END)
    done = (size - len(header)) // _ROW_BYTES
    rows.seek(0)
    if rows.read(len(header)) == header and done <= total:
        rows.truncate(len(header) + done * _ROW_BYTES)
        return done
    rows.truncate(0)
    write_whole(rows, header)
    return 0


def _make_header(total: int) -> bytes:
    stream = io.BytesIO()
    facts = {"descr": "<f4", "fortran_order": False, "shape": (total, FEATURE_SIZE)}
    np.lib.format.write_array_header_1_0(stream, facts)
    return stream.getvalue()


def read_header(photos: BinaryIO, file: Path) -> int:
    """Returns the number of photos in an open .npy, which then stands at the first of them."""
    try:
        if np.lib.format.read_magic(photos) != (1, 0):
            raise ValueError("not written by this program")
        shape, _, kind = np.lib.format.read_array_header_1_0(photos)
    except ValueError as error:
        raise _damaged(file) from error
    if shape[1:] != _PHOTO_SHAPE or kind != np.uint8:
        raise _damaged(file)
    if file.stat().st_size - photos.tell() != math.prod(shape):
        raise _damaged(file)
    return int(shape[0])


def read_batches(photos: BinaryIO, numbers: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Yields batches (b, 224, 224, 3) uint8, by plain reads: mapped pages would fill our memory."""
    first = photos.tell()
    for start in range(0, len(numbers), batch_size):
        chosen = numbers[start : start + batch_size].tolist()
        batch = np.empty((len(chosen), *_PHOTO_SHAPE), np.uint8)
        for place, number in enumerate(chosen):
            photos.seek(first + number * math.prod(_PHOTO_SHAPE))
            photos.readinto(batch[place])  # type: ignore[attr-defined]
        yield batch


def _damaged(file: Path) -> ResultDamaged:
    return ResultDamaged(
        f"The photos of the dataset ({file}) were cut short or altered.",
        "Delete the dataset and import it again.",
        file=str(file),
    )
