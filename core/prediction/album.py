"""Photos to classify, from a folder or one by one; a bad photo does not stop the others."""

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from core.ahead import work_ahead
from core.errors import PhotoRefused, SourceRefused
from data.images import read_photo_file
from data.sources.layout import (
    is_hidden,
    is_photo,
    make_storable,
    refuse_links,
    refuse_unreadable,
)
from data.sources.names import refuse_without_photos


@dataclass(frozen=True, kw_only=True)
class NamedPhoto:
    """A photo to classify: its name, and a function that reads its bytes."""

    name: str
    read: Callable[[], bytes]
    """May raise PhotoUnreadable."""


def find_photos(folder: Path) -> tuple[list[NamedPhoto], int]:
    """Return the photos in a folder and its subfolders by name, and the number of other files.

    Links to folders are not followed.

    Raises:
        SourceRefused: There is no such folder, it may not be read, or it holds no photos.
    """
    if not folder.is_dir():
        raise SourceRefused(
            f"There is no folder “{folder}”.", "Check the path; it is one on this machine."
        )
    files = {
        make_storable(file.relative_to(folder).as_posix()): file
        for place, _, names in os.walk(folder, onerror=refuse_unreadable)
        for file in (Path(place, name) for name in names)
    }
    chosen = sorted(path for path, file in files.items() if is_photo(path, file))
    if not chosen:
        refuse_links(
            [path.name for path in folder.iterdir() if path.is_symlink() and path.is_dir()]
        )
        problem = refuse_without_photos([path for path in files if not is_hidden(path)]).problem
        raise SourceRefused(problem, "Name a folder with photos, or the photos themselves.")
    photos = [NamedPhoto(name=path, read=partial(read_photo_file, files[path])) for path in chosen]
    others = [path for path in files.keys() - set(chosen) if not is_hidden(path)]
    return photos, len(others)


_THREADS = min(os.cpu_count() or 1, 4)
"""One waits for the network while the others decode."""

T = TypeVar("T")


def answer_photos(
    photos: Sequence[NamedPhoto], answer: Callable[[bytes], T]
) -> Generator[tuple[NamedPhoto, T | PhotoRefused], None, None]:
    """Yield each photo with its answer or its error, in order.

    `answer` is called in several threads with the bytes of a photo; it may raise PhotoRefused. Few
    photos are in memory at a time. Closing the generator ends the work.
    """

    def work(photo: NamedPhoto) -> T | PhotoRefused:
        try:
            return answer(photo.read())
        except PhotoRefused as refusal:
            return refusal

    yield from work_ahead(photos, work, _THREADS, 2 * _THREADS)
