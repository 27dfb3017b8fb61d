"""Reading of a folder layout: which files are photos, and which class and split their folders name.

Known are class folders and train, val|valid|validation and test folders of them, each possibly
inside further folders. The steps of `read_layout` come first, then the rules that they use.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from core.errors import SourceRefused
from data.sources.found import FoundPhoto, FoundSource, SourceKind, Tell
from data.sources.names import (
    list_names,
    note_classes,
    note_empty_folders,
    note_files,
    unify_spellings,
)

LAYOUTS = "One folder per class, or train, validation and test folders of classes."
_PLAIN = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_OF_PHONES = (".heic", ".heif", ".hif", ".avif")
PHOTO_SUFFIXES = frozenset(_PLAIN + _OF_PHONES)
MOST_FILES = 1_000_000
"""Limit for the files and folders of an imported folder."""
_LEFT_BY_TOOLS = frozenset(
    ("__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini", ".ds_store")
)
_SPLIT_OF_FOLDER = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "eval", "evaluation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_SET_ENDING = re.compile(r"[ _-]?(set|data|images|photos)$")

Read = Callable[[Sequence[tuple[str, Path]], Iterable[str]], FoundSource]
"""Finds the photos among files and folders: `read_layout`, or one like it."""


class _Photo(NamedTuple):
    """A photo with its unread folders."""

    path: str
    """In the source, whole."""
    parts: tuple[str, ...]
    """The end of the path: the class folder (once all others are read), …, the file."""
    split: str | None = None

    @property
    def folder(self) -> str:
        """The outermost unread folder, or "" if only the file is left."""
        return self.parts[0] if len(self.parts) > 1 else ""

    @property
    def class_folder(self) -> str:
        """The path of the class folder in the source."""
        return "/".join(self.path.split("/")[: 1 - len(self.parts)])

    @property
    def class_name(self) -> str:
        # macOS writes é as two characters, others as one: the same class must not become two.
        return unicodedata.normalize("NFC", self.folder)

    def enter(self) -> "_Photo":
        """Return the photo without its outermost folder; a photo outside of folders stays."""
        return self._replace(parts=self.parts[1:]) if self.folder else self


def read_layout(files: Sequence[tuple[str, Path]], folders: Iterable[str] = ()) -> FoundSource:
    """Return the photos among the files of a source, with notes about them.

    Paths are relative and posix; `folders` are the known folders, so that empty ones are noted.

    Raises:
        SourceRefused: No photos, no class folders, one class only, or contradictory splits.
    """
    stored = {make_storable(path): file for path, file in files}
    paths = sorted(filter(is_photo, stored))
    if not paths:
        raise SourceRefused(
            "There are no photos in it.",
            "Choose a folder or archive with one folder of photos for each class.",
        )
    photos = _enter_common_folders([_Photo(path, PurePosixPath(path).parts) for path in paths])
    photos, copies = _enter_copies(photos)
    photos = _enter_splits(photos) if _has_splits(photos) else photos
    check_classes({photo.class_name for photo in photos})
    counts = Counter(photo.class_name for photo in photos if photo.folder)
    spellings, spelling_notes = unify_spellings(counts)
    found = [
        FoundPhoto(
            path=photo.path,
            class_name=spellings.get(photo.class_name, ""),
            split=photo.split,
            file=stored[photo.path],
        )
        for photo in sorted(photos)
    ]
    check_classes({photo.class_name for photo in found})
    pairs = [(photo.class_name, photo.split) for photo in found]
    check_trained(
        pairs, "Give every class a folder of the same name in train, validation and test."
    )
    others = sorted(stored.keys() - set(paths))
    class_folders = {photo.class_folder for photo in photos if photo.folder}
    notes = (
        *_note_folders(photos, copies),
        *spelling_notes,
        *note_classes(found),
        *note_empty_folders(class_folders, [f for f in folders if not is_hidden(f)]),
        *note_files([path for path in others if not is_hidden(path)], "not a photo"),
        *note_files([path for path in others if is_hidden(path)], "hidden, or left by a tool"),
    )
    return FoundSource(photos=found, notes=notes)


def _enter_common_folders(photos: list[_Photo]) -> list[_Photo]:
    """Enter folders around all photos while there are folders inside."""
    # A photo outside of the folder does not make the folder a class.
    while max(len(photo.parts) for photo in photos) > 2 and len(_list_folders(photos)) == 1:
        photos = [photo.enter() for photo in photos]
    return photos


def _list_folders(photos: Iterable[_Photo]) -> set[str]:
    return {photo.folder for photo in photos if photo.folder}


def _enter_copies(photos: list[_Photo]) -> tuple[list[_Photo], list[str]]:
    """Enter folders that hold the class folders again (flowers/daisy and flowers/flowers/daisy)."""
    inside: dict[str, set[str]] = {folder: set() for folder in _list_folders(photos)}
    for photo in photos:
        if photo.folder:
            inside[photo.folder].add(photo.enter().folder)
    copies = [
        folder
        for folder, names in sorted(inside.items())
        if len(names) > 1 and names <= inside.keys() - {folder}
    ]
    return [photo.enter() if photo.folder in copies else photo for photo in photos], copies


def _has_splits(photos: list[_Photo]) -> bool:
    """Return whether the outermost folders are splits.

    Raises:
        SourceRefused: Some are splits and others are not, or there is no train folder.
    """
    folders = _list_folders(photos)
    known = {folder for folder in folders if read_split_name(folder)}
    splits = {read_split_name(folder) for folder in known}
    if len(splits) < 2:
        return False
    if "train" not in splits:
        raise SourceRefused(
            f"There are {list_names(known)} folders but none called train.",
            "Name the folder with the training photos “train”.",
        )
    if folders != known:
        raise SourceRefused(
            f"Next to {list_names(known)} there is {list_names(folders - known)}: "
            "it is not clear whether the folders are splits or classes.",
            "Keep only train, validation and test folders at the top, or only class folders.",
        )
    return True


def _enter_splits(photos: list[_Photo]) -> list[_Photo]:
    """Set the splits of photos in split folders, and enter these folders."""
    inside: dict[str, list[_Photo]] = {}
    for photo in photos:
        split = read_split_name(photo.folder) if photo.folder else "train"
        inside.setdefault(photo.folder, []).append(photo.enter()._replace(split=split))
    trained: set[str] = set()
    for folder in inside.keys() - {""}:
        if read_split_name(folder) == "train":
            trained |= _list_folders(_enter_common_folders(inside[folder]))
    entered = inside.pop("", [])
    for some in inside.values():
        # The only folder of a split may be a class, or a folder around all classes.
        entered += some if _list_folders(some) & trained else _enter_common_folders(some)
    return entered


def _note_folders(photos: list[_Photo], copies: list[str]) -> Iterable[str]:
    """Yield sentences on folders around the class folders and inside them."""
    if copies:
        yield (
            f"{list_names(copies)} holds the same class folders again; its photos were added to "
            "these classes."
        )
    deeper = [photo for photo in photos if len(photo.parts) > 2]
    if deeper:
        yield (
            f"{len(deeper):,} photos lie in folders inside their class folder; the outer folder "
            f"counts (“{deeper[0].path}” is of class “{deeper[0].class_name}”)."
        )
    if {photo.split for photo in photos if photo.split} == {"train", "validation"}:
        yield "There is no test folder, so scores are available for validation photos only."


def is_hidden(path: str) -> bool:
    """Return whether a path is hidden or left behind by a tool."""
    return any(
        part.startswith(".") or part.lower() in _LEFT_BY_TOOLS for part in PurePosixPath(path).parts
    )


def is_photo(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in PHOTO_SUFFIXES and not is_hidden(path)


def make_storable(path: str) -> str:
    """Return the path as valid Unicode; invalid bytes (old archives) are written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def read_split_name(name: str) -> str | None:
    """Return the split that a folder or cell names (“val”, “Test set”), or None."""
    return _SPLIT_OF_FOLDER.get(_SET_ENDING.sub("", name.strip().casefold()))


def check_classes(classes: Collection[str]) -> None:
    """Check that there are at least two classes, not counting "".

    Raises:
        SourceRefused: There are fewer.
    """
    named = {name for name in classes if name}
    if not named:
        raise SourceRefused(
            "The photos lie side by side, without folders that name their classes.",
            "Put the photos of each class into a folder with the name of the class.",
        )
    if len(named) == 1:
        raise SourceRefused(
            f"There is only one class with photos: {list_names(named)}.",
            "Add a folder with photos of another class next to it.",
        )


def check_trained(placed: Iterable[tuple[str, str | None]], remedy: str) -> None:
    """Check that each class has training photos, in pairs of class and split; "" is no class.

    Raises:
        SourceRefused: A class has none.
    """
    known = {(name, split) for name, split in placed if name}
    trained = {name for name, split in known if split in ("train", None)}
    if untrained := {name for name, _ in known} - trained:
        raise SourceRefused(f"There are no training photos of {list_names(untrained)}.", remedy)


def find_in_folder(folder: Path, _unpacked: Path, _tell: Tell) -> FoundSource:
    """Return the photos of a folder of class folders or split folders."""
    place, found = folder.resolve(), read_folder(folder)
    return replace(found, name=place.name or str(place), origin=str(place))


def read_folder(folder: Path) -> FoundSource:
    """Return the photos in a folder and in all folders inside it, sorted by path.

    Links to files are followed; links to folders are not, because they could lead in circles.

    Raises:
        SourceRefused: The folder is missing, unreadable or too large, or its layout is unknown.
    """
    if not folder.is_dir():
        raise SourceRefused(
            f"There is no folder “{folder}”.", "Check the path; it is one on the server's machine."
        )
    files = []
    folders: list[str] = []
    links: list[str] = []
    for place, inside, names in os.walk(folder, onerror=refuse_unreadable):
        for name in inside:
            kind = links if Path(place, name).is_symlink() else folders
            kind.append(Path(place, name).relative_to(folder).as_posix())
        paths = [Path(place, name) for name in names]
        files += [(path.relative_to(folder).as_posix(), path) for path in paths]
        if len(files) + len(folders) > MOST_FILES:
            raise SourceRefused(
                f"“{folder}” holds more than {MOST_FILES:,} files.",
                "Name the folder of the photos.",
            )
    found = read_layout(files, folders)
    noted = [f"Skipped the link “{name}”: links to folders are not followed." for name in links]
    return replace(found, notes=(*found.notes, *noted))


def refuse_unreadable(error: OSError) -> None:
    """Refuse a folder that `os.walk` could not read."""
    raise SourceRefused(
        f"The folder “{error.filename}” could not be read ({error.strerror}).",
        "Check its permissions.",
    ) from error


FOLDER = SourceKind(
    kind="folder",
    title="Folder",
    open=lambda request, _downloads: partial(find_in_folder, request.place),
)
