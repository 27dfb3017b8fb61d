"""A dataset version: table, packed photos, thumbnails and originals; only its name may change.

The row in the manifest is the photo number everywhere: in images.npy, features and scores.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from core.config import FRAMING, PHOTO_SIZE, Framing, fingerprint
from data.images import PACKED_ALIKE, PACKING, read_packed_photo
from data.splits import draw_splits, join_groups

VERSION = 2
MANIFEST, SET_ASIDE = "manifest.parquet", "set_aside.parquet"
PHOTOS, THUMBNAILS, ORIGINALS = "images.npy", "thumbnails.bin", "originals.bin"
FACTS = "dataset.json"
FILES = (MANIFEST, SET_ASIDE, PHOTOS, THUMBNAILS, ORIGINALS)
PHOTO_BYTES = PHOTO_SIZE * PHOTO_SIZE * 3
"""Size of one packed photo."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """One dataset version, read-only.

    `manifest` columns: path, class, label, split, sha256, phash, width, height, bytes, format,
    thumbnail_start, thumbnail_bytes, original_start, and the MEASURES of data.findings. `set_aside`
    (the skipped photos) columns: path, class, split, code, problem.
    """

    id: str
    name: str
    source: str
    created: str
    split_origin: str
    classes: tuple[str, ...]
    numbers: tuple[int, ...]
    """Number of each class in its source's list (Oxford 102: 1..102), else 1..k."""
    parent: str | None
    """The version that edits turned into this one; None for an import."""
    edition: int
    """1 for an import; one more than the parent's for a version made by edits."""
    packing: int
    """Version of the packing of its pixels; see data/images.py."""
    folder: Path
    manifest: pd.DataFrame
    set_aside: pd.DataFrame

    def __len__(self) -> int:
        return len(self.manifest)

    @cached_property
    def labels(self) -> np.ndarray:
        """Class number of each photo, (n,) int64, read-only."""
        return _freeze(np.array(self.manifest["label"], dtype=np.int64))

    @cached_property
    def splits(self) -> np.ndarray:
        """Split of each photo, (n,) str, read-only."""
        return _freeze(np.array(self.manifest["split"], dtype=np.str_))

    @property
    def photos_file(self) -> Path:
        """The .npy of all packed photos."""
        return self.folder / PHOTOS

    @property
    def photos(self) -> np.memmap:
        """All packed photos, (n, 224, 224, 3) uint8 RGB, mapped read-only."""
        return np.lib.format.open_memmap(self.photos_file, mode="r")

    def read_photo(self, photo: int, framing: Framing = FRAMING) -> np.ndarray:
        """Return a photo as network input, (side, side, 3) uint8 RGB.

        Another framing than the packed one is made from the original file.
        """
        if framing.is_packed:
            return np.array(self.photos[photo])
        return read_packed_photo(self.original(photo), framing)[0]

    def thumbnail(self, photo: int) -> bytes:
        """Return the 128 px WebP of a photo."""
        return self._read_piece(THUMBNAILS, photo, "thumbnail_start", "thumbnail_bytes")

    def original(self, photo: int) -> bytes:
        """Return the bytes of the original file of a photo."""
        return self._read_piece(ORIGINALS, photo, "original_start", "bytes")

    def choose_splits(self, seed: int | None) -> np.ndarray:
        """Return the split of each photo, (n,) str: stored, or drawn with a seed."""
        if seed is None:
            return self.splits
        return draw_splits(self.labels, join_groups(self.manifest), seed=seed)

    def photo_numbers(self, split: str | None = None, class_name: str | None = None) -> np.ndarray:
        """Return the numbers of the photos of a split and class, (m,) int64; None: of any."""
        chosen = np.ones(len(self), dtype=bool)
        if split is not None:
            chosen &= self.splits == split
        if class_name is not None:
            known = class_name in self.classes
            chosen &= self.labels == (self.classes.index(class_name) if known else -1)
        return np.flatnonzero(chosen)

    def _read_piece(self, name: str, photo: int, start: str, length: str) -> bytes:
        with (self.folder / name).open("rb") as file:
            file.seek(int(self.manifest[start].iat[photo]))
            return file.read(int(self.manifest[length].iat[photo]))


def write_photos_header(file: IO[bytes], photos: int) -> None:
    """Write the header of the .npy of packed photos; its length is the same for any number."""
    shape = (photos, PHOTO_SIZE, PHOTO_SIZE, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _freeze(array: np.ndarray) -> np.ndarray:
    """Return the array, read-only because all readers of the dataset share it."""
    array.setflags(write=False)
    return array


def identify_dataset(
    manifest: pd.DataFrame, classes: tuple[str, ...], packing: int = PACKING
) -> str:
    """Return the id of a dataset: equal photos, classes and splits have an equal id.

    The packing is part of the id only if it changes the pixels of a photo.
    """
    short = manifest[["width", "height"]].min(axis=1)
    large = (manifest["format"] == "JPEG") & (short >= PACKED_ALIKE)
    packed = {"packing": packing} if packing > 1 and bool(large.any()) else {}
    columns = manifest[["path", "sha256", "class", "split"]].sort_values("path")
    return fingerprint(
        packed
        | {
            "photos": columns.to_numpy().tolist(),
            "classes": list(classes),
            "photo_size": PHOTO_SIZE,
            "version": VERSION,
        }
    )
