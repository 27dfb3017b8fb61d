"""Photos without labels: a folder, an archive, or those that were sent and kept; any folders in it.

They are of one class; 15 % are drawn for validation before anybody has seen them, none for test.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from core.errors import SourceRefused
from core.workspace import open_workspace
from data.sources.archive import strip_archive_ending, unpack_photos
from data.sources.found import READING, Field, FoundPhoto, FoundSource, SourceKind, Tell, Way
from data.sources.layout import is_photo, make_storable, read_folder
from data.sources.names import fold_name, note_files

NO_LABEL = "unlabelled"
"""Class of a photo that nobody has labelled yet."""
_SPELLINGS = ("unlabelled", "unlabeled", "without label", "without labels", "no label")


def is_no_label(class_name: str) -> bool:
    """Return whether a class says that its photos have no label yet."""
    return fold_name(class_name) in _SPELLINGS


def find_unlabelled(classes: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """Return which photos have no label yet, of labels (n,) int; (n,) bool."""
    numbers = [number for number, name in enumerate(classes) if is_no_label(name)]
    return np.isin(labels, numbers)


def find_unlabelled_photos(path: Path, unpacked: Path, tell: Tell) -> FoundSource:
    """Return the photos of a folder or archive, whatever their folders say."""
    if path.is_dir():
        found, origin = read_folder(path, _read_photos), str(path.resolve())
    else:
        found = unpack_photos(path, unpacked, partial(tell, READING), _read_photos)
        origin = path.name
    name = strip_archive_ending(path.resolve().name) or origin
    return replace(found, name=name, origin=origin)


def copy_kept_photos(folder: Path, unpacked: Path, tell: Tell) -> FoundSource:
    """Return copies of the photos that were sent to the model, and are kept."""
    kept = sorted(folder.glob("[!.]*")) if folder.is_dir() else []
    if not kept:
        raise SourceRefused(
            "No photo that was sent is kept.",
            "Photos are kept where PETALSCOPE_KEEP_PHOTOS_DAYS is above 0; or bring a folder.",
        )
    for done, file in enumerate(kept, start=1):
        shutil.copyfile(file, unpacked / file.name)
        tell("copying the photos that are kept", done, len(kept))
    found = _describe([_make_photo(file.name, unpacked / file.name) for file in kept])
    return replace(found, name="Photos in use", origin="photos that were sent and kept")


def _describe(photos: list[FoundPhoto], notes: Iterable[str] = ()) -> FoundSource:
    return FoundSource(
        photos=photos, notes=tuple(notes), split_origin="all to learn from", fewest_classes=1
    )


def _make_photo(path: str, file: Path) -> FoundPhoto:
    return FoundPhoto(path=path, class_name=NO_LABEL, split="train", file=file)


def _read_photos(files: Sequence[tuple[str, Path]], _folders: Iterable[str] = ()) -> FoundSource:
    """Return the photos among the files, all of the one class; none are refused."""
    photos = [
        _make_photo(make_storable(path), file)
        for path, file in sorted(files)
        if is_photo(make_storable(path))
    ]
    if not photos:
        raise SourceRefused(
            "There are no photos in it.",
            "Photos are told by the ending of their names: .jpg, .png, .webp, .heic, .avif …",
        )
    taken = {photo.file for photo in photos}
    others = [make_storable(path) for path, file in files if file not in taken]
    return _describe(photos, note_files(others, "no photo"))


UNLABELLED = SourceKind(
    kind="unlabelled",
    title="Photos without labels",
    open=lambda request, _downloads: (
        partial(find_unlabelled_photos, request.place)
        if request.path
        else partial(copy_kept_photos, open_workspace().kept_photos)
    ),
    needs_path=False,
    about="You label them here, one by one, the most useful first.",
    ways=(
        Way(
            key="path",
            title="A folder or archive on this machine",
            fields=(Field("path", "Path of the folder or archive", "/home/me/garden"),),
            note="Any photos in any folders; the names of folders say nothing.",
        ),
        Way(
            key="kept",
            title="Photos that were sent to the model and are kept",
            note="They are copied: the dataset keeps them when their answers are deleted.",
        ),
    ),
)
