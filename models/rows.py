"""Files of rows (.npy): packed photos, features and activations; and the cache of them.

A hidden file has the rows until all are computed; the next call continues it. A view has features,
or activations of conv4, of photos that are each augmented once.
"""

import hashlib
import io
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from core import kept
from core.ahead import work_ahead
from core.config import PHOTO_SIZE, Framing, fingerprint
from core.errors import ResultDamaged
from core.workspace import Workspace, write_whole
from models.catalogue import FEATURE_WIDTH

Change = Callable[[np.ndarray, list[int]], np.ndarray]
"""Photos (b, 224, 224, 3) uint8 and their numbers → augmented photos."""


RowForm = np.dtype[Any]
"""Type and shape of a row; `itemsize` is its bytes."""
PHOTOS = np.dtype(("|u1", (PHOTO_SIZE, PHOTO_SIZE, 3)))
POOLED = np.dtype(("<f4", (FEATURE_WIDTH,)))
CONV4 = np.dtype(("<f2", (PHOTO_SIZE // 16, PHOTO_SIZE // 16, 1024)))
"""Forms of packed photos, features and activations of conv4."""


def keep_whole_rows(rows: BinaryIO, total: int, form: RowForm) -> int:
    """Truncate a partial file after its last whole row and return the number of rows."""
    header = make_header(total, form)
    size = rows.seek(0, os.SEEK_END)
    done = (size - len(header)) // form.itemsize
    rows.seek(0)
    if rows.read(len(header)) == header and done <= total:
        rows.truncate(len(header) + done * form.itemsize)
        return done
    rows.truncate(0)
    write_whole(rows, header)
    return 0


def make_header(total: int, form: RowForm) -> bytes:
    """Return the header of a file of `total` rows."""
    stream = io.BytesIO()
    facts = {"descr": form.base.str, "fortran_order": False, "shape": (total, *form.shape)}
    np.lib.format.write_array_header_1_0(stream, facts)
    return stream.getvalue()


def read_header(photos: BinaryIO, file: Path) -> int:
    """Read the header of an open .npy of photos and return their number."""
    try:
        if np.lib.format.read_magic(photos) != (1, 0):
            raise ValueError("not written by this program")
        shape, _, kind = np.lib.format.read_array_header_1_0(photos)
    except ValueError as error:
        raise _damaged(file) from error
    if shape[1:] != PHOTOS.shape or kind != np.uint8:
        raise _damaged(file)
    if file.stat().st_size - photos.tell() != math.prod(shape):
        raise _damaged(file)
    return int(shape[0])


Batch = tuple[np.ndarray, list[int]]
"""Photos (b, 224, 224, 3) uint8 and their numbers."""


def read_batches(photos: BinaryIO, numbers: np.ndarray, batch_size: int) -> Generator[Batch]:
    """Yield batches of photos, by plain reads, as mapping fills memory."""
    first = photos.tell()
    for start in range(0, len(numbers), batch_size):
        chosen = numbers[start : start + batch_size].tolist()
        batch = np.empty((len(chosen), *PHOTOS.shape), np.uint8)
        for place, number in enumerate(chosen):
            photos.seek(first + number * PHOTOS.itemsize)
            photos.readinto(batch[place])  # type: ignore[attr-defined]
        yield batch, chosen


def are_finite(rows: np.ndarray) -> bool:
    """Return whether all numbers of the rows are finite."""
    if rows.dtype != np.float16:
        return bool(np.isfinite(rows).all())
    bits = rows.view(np.uint16) & 0x7FFF  # without the sign; five times as fast as isfinite
    return bool(bits.max() < 0x7C00)


def change_batches(batches: Iterable[Batch], change: Change, threads: int) -> Generator[np.ndarray]:
    """Yield the augmented batches in order; threads work a few batches ahead."""
    with closing(work_ahead(batches, lambda one: change(*one), threads, threads + 2)) as changed:
        for _, batch in changed:
            yield batch


def _damaged(file: Path) -> ResultDamaged:
    return ResultDamaged(
        f"The photos of the dataset ({file}) were cut short or altered.",
        "Delete the dataset and import it again.",
        file=str(file),
    )


@dataclass(frozen=True, eq=False)
class SomeRows:
    """Some rows of an array, read on access: a copy of very many would fill the memory."""

    kept: np.ndarray
    numbers: np.ndarray
    """(m,) int."""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.kept.shape[1:])

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        return np.asarray(np.asarray(self.kept)[self.numbers[rows]])


Rows = np.ndarray | SomeRows
_MOST_COPIED = 2**30
"""Most bytes of a copy."""


def take_rows(kept: np.ndarray, numbers: np.ndarray) -> Rows:
    """Return some rows of an array: a copy, or `SomeRows` of very many.

    A copy has one address: sums in single precision are the same in each epoch.
    """
    size = len(numbers) * kept.nbytes // max(len(kept), 1)
    return np.asarray(kept[numbers]) if size <= _MOST_COPIED else SomeRows(kept, numbers)


_BLOCK_ROWS = 4096


def split_rows(n: int) -> Iterator[slice]:
    """Yield slices that cover n rows, few enough for a copy in memory."""
    return (slice(start, min(start + _BLOCK_ROWS, n)) for start in range(0, n, _BLOCK_ROWS))


_BLOCK_BYTES = 8_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Donors:
    """Cached rows of n photos in other files, of the same form, backbone, precision and view."""

    features: tuple[np.ndarray, ...]
    """Arrays (m, …), such as features (m, 2048) float32."""
    source: np.ndarray
    """(n,) int: index into `features`, or -1."""
    row: np.ndarray
    """(n,) int: its row there."""

    def __len__(self) -> int:
        return len(self.source)

    def find_unknown(self, first: int) -> np.ndarray:
        """Return the photos from `first` without a row, ascending."""
        return np.flatnonzero(self.source[first:] < 0) + first

    def write_rows(self, file: BinaryIO, start: int, end: int) -> None:
        """Write the rows of the photos from `start` to before `end`."""
        if start == end:
            return
        form = self.features[0]
        block_rows = max(1, _BLOCK_BYTES // form[:1].nbytes)
        for at in range(start, end, block_rows):
            block = slice(at, min(at + block_rows, end))
            source, row = self.source[block], self.row[block]
            values = np.empty((len(source), *form.shape[1:]), form.dtype)
            for number in np.unique(source).tolist():
                here = source == number
                values[here] = self.features[number][row[here]]
            write_whole(file, values.tobytes())


def find_no_donors(photos: int) -> Donors:
    """Return donors without rows."""
    return Donors(features=(), source=np.full(photos, -1), row=np.zeros(photos, np.int64))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of cached rows, with all facts that decide its content."""

    id: str
    facts: dict[str, Any]
    """JSON values; "dataset" is the dataset of the photos."""
    form: RowForm


def name_partial(workspace: Workspace, entry: Entry) -> Path:
    """Return the hidden file of the rows of an entry until all are there."""
    kind = entry.facts.get("view", "features")
    return workspace.features / f".{entry.facts['dataset']}.{kind}.{entry.id}.part"


def count_partial_rows(workspace: Workspace, entry: Entry) -> int:
    """Return the number of rows of an incomplete entry, by the size of its file."""
    try:
        return name_partial(workspace, entry).stat().st_size // entry.form.itemsize
    except FileNotFoundError:
        return 0


def read_kept(workspace: Workspace, identifier: str) -> np.ndarray | None:
    """Return the rows (n, …), memory-mapped; None if they are missing or altered."""
    return kept.read_rows(workspace.features_file(identifier))


def is_kept(workspace: Workspace, identifier: str) -> bool:
    """Return whether the rows are cached, by the names of the files alone: fast."""
    return kept.has_rows(workspace.features_file(identifier))


def keep_rows(
    workspace: Workspace,
    entry: Entry,
    complete: Callable[[Path], None],
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """Return the rows of the entry, memory-mapped; `complete` adds what the partial file lacks.

    Raises:
        RunStopped: `should_stop` returned True while another process computed the rows.
    """
    partial, file = name_partial(workspace, entry), workspace.features_file(entry.id)
    return kept.keep_rows(file, partial, entry.facts, complete, should_stop)


ViewKind = Literal["pooled", "conv4"]

FRAMED = "photos"

_VERSION = 1


def describe_photos(framing: Framing, dataset_id: str) -> Entry:
    """Return the cache entry of all photos of a dataset with this framing."""
    facts = {"view": FRAMED, "version": _VERSION, "dataset": dataset_id}
    facts |= {"framing": framing.how, "photo_size": PHOTO_SIZE}
    return Entry(id=fingerprint(facts), facts=facts, form=PHOTOS)


def describe_view(facts: Mapping[str, Any], photos: np.ndarray) -> Entry:
    """Return the cache entry of a view of some photos (m,) int of a dataset.

    Args:
        facts: “dataset”, “view” (a `ViewKind`), “backbone”, “precision”, “policy” (its fingerprint;
            empty without augmentation), “seed”, and “number” of the draw, from 0.
    """
    rows = np.ascontiguousarray(photos, dtype="<i8")
    known = {**facts, "version": _VERSION}
    identifier = fingerprint({**known, "photos": hashlib.sha256(rows.tobytes()).hexdigest()})
    form = POOLED if facts["view"] == "pooled" else CONV4
    return Entry(id=identifier, facts={**known, "photos": rows.tolist()}, form=form)
