"""Photos that a person brings to see what a model says of things it never learnt."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import PhotoRefused
from data.images import read_packed_photo
from data.sources.archive import (
    ARCHIVE_ENDINGS,
    ArchiveContents,
    number_files,
    unpack_chosen,
)

MOST_OWN = 200
"""Photos that are looked at; further ones are counted as left out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnPhotos:
    """Photos that could be read."""

    photos: np.ndarray
    """(n, 224, 224, 3) uint8 RGB; n is at most MOST_OWN."""
    names: tuple[str, ...]
    """Their file names."""
    refused: dict[str, str]
    """Name → what is wrong with it."""


def read_own_photos(files: Iterable[tuple[str, bytes]]) -> OwnPhotos:
    """Returns the photos of files (name and bytes), and of archives among them, in their order.

    Raises:
        ArchiveRefused: An archive is broken, hostile or too large.
    """
    photos: list[np.ndarray] = []
    names: list[str] = []
    refused: dict[str, str] = {}
    for name, content in _open_archives(files):
        if len(photos) >= MOST_OWN:
            refused[name] = f"Only the first {MOST_OWN} photos are looked at."
            continue
        try:
            photos.append(read_packed_photo(content)[0])
            names.append(name)
        except PhotoRefused as error:
            refused[name] = error.problem
    stacked = np.stack(photos) if photos else np.empty((0, 224, 224, 3), dtype=np.uint8)
    return OwnPhotos(photos=stacked, names=tuple(names), refused=refused)


def _open_archives(files: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, bytes]]:
    for name, content in files:
        if name.lower().endswith(ARCHIVE_ENDINGS):
            yield from _unpack(content)
        else:
            yield name, content


def _unpack(content: bytes) -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory(prefix="petalscope-own-") as folder:
        archive, target = Path(folder) / "archive", Path(folder) / "files"
        target.mkdir()
        archive.write_bytes(content)

        def choose(contents: ArchiveContents) -> tuple[None, dict[str, Path]]:
            # A tenth more than is looked at: what is no photo does not count.
            return None, number_files(contents.files[: MOST_OWN * 11 // 10], target)

        _, contents = unpack_chosen(archive, choose)
        places = number_files(contents.files[: MOST_OWN * 11 // 10], target)
        return [(Path(path).name, place.read_bytes()) for path, place in places.items()]
