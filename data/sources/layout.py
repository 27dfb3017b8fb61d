"""Reading of a layout: which files are photos, and which class and split their folders say.

Class folders, or train, val|valid|validation, test folders of them; further folders around them.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from core.errors import SourceRefused
from data.sources.found import FoundPhoto, FoundSource, SourceKind, Tell
from data.sources.names import (
    list_names,
    note_classes,
    note_empty_folders,
    note_files,
    unify_spellings,
)

LAYOUTS = "One folder a class, or train, validation and test folders of classes."
_PLAIN = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_OF_PHONES = (".heic", ".heif", ".hif", ".avif")
PHOTO_SUFFIXES = frozenset(_PLAIN + _OF_PHONES)
MOST_FILES = 1_000_000
"""Files and folders that are looked at in a folder that is imported."""
_LEFT_BY_TOOLS = frozenset(
    ("__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini", ".ds_store")
)
_SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "eval", "evaluation"),
    "test": ("test", "testing"),
}
_SPLIT_OF_FOLDER = {name: split for split, names in _SPLIT_FOLDERS.items() for name in names}
_SET_ENDING = re.compile(r"[ _-]?(set|data|images|photos)$")

_Parts = tuple[str, ...]
_Entry = tuple[_Parts, str]
"""What is left of a photo's path, and its whole path in the source."""


Read = Callable[[Sequence[tuple[str, Path]], Iterable[str]], FoundSource]
"""Finds the photos among files and folders: `read_layout`, or one like it."""


@dataclass(frozen=True)
class _Placed:
    """A photo with the class and split its folders say; `depth` is that of its class folder."""

    path: str
    class_name: str
    split: str | None
    depth: int
    """Parts of the path down to the class folder; 0 outside of class folders."""


def read_layout(files: Sequence[tuple[str, Path]], folders: Iterable[str] = ()) -> FoundSource:
    """Return the photos among the files of a source, and what there is to say about them.

    Paths are relative, posix; folders as far as known: empty ones are noted.

    Raises:
        SourceRefused: No photos, no class folders, one class only, or splits that do not fit.
    """
    seen = [(make_storable(path), file) for path, file in files]
    places = {path: file for path, file in seen if is_photo(path)}
    if not places:
        raise SourceRefused(
            "There are no photos in it.",
            "Choose a folder or archive with one folder of photos for each class.",
        )
    entries = _strip_common_folder([(PurePosixPath(path).parts, path) for path in sorted(places)])
    entries, copies = _unfold_nested_copies(entries)
    placed = _read_splits(entries) if _has_splits(entries) else _read_classes(entries, None)
    check_classes({photo.class_name for photo in placed})
    names, spelling_notes = unify_spellings(Counter(p.class_name for p in placed if p.class_name))
    check_learned(
        [(names.get(photo.class_name, ""), photo.split) for photo in placed],
        "Give every class a folder of the same name in train, validation and test.",
    )
    photos = [
        FoundPhoto(
            path=photo.path,
            class_name=names.get(photo.class_name, ""),
            split=photo.split,
            file=places[photo.path],
        )
        for photo in sorted(placed, key=lambda photo: photo.path)
    ]
    check_classes({photo.class_name for photo in photos})
    left_out = [path for path, _ in seen if path not in places]
    class_folders = {"/".join(p.path.split("/")[: p.depth]) for p in placed if p.depth}
    notes = (
        *_note_depth(placed, copies),
        *spelling_notes,
        *note_classes(photos),
        *note_empty_folders(class_folders, [f for f in folders if not is_hidden(f)]),
        *note_files([path for path in left_out if not is_hidden(path)], "no photo"),
        *note_files([p for p in left_out if is_hidden(p)], "hidden or left behind by a tool"),
    )
    return FoundSource(photos=photos, notes=notes)


def is_hidden(path: str) -> bool:
    """Tell whether a path is hidden or one of those that tools leave behind."""
    return any(
        part.startswith(".") or part.lower() in _LEFT_BY_TOOLS for part in PurePosixPath(path).parts
    )


def make_storable(path: str) -> str:
    """Return the path as valid Unicode: bytes that are none (old archives) are written out."""
    return path.encode("utf-8", "backslashreplace").decode()


def read_split_name(name: str) -> str | None:
    """Return the split a folder or cell names (“val”, “Test set”), or None."""
    return _SPLIT_OF_FOLDER.get(_SET_ENDING.sub("", name.strip().casefold()))


def check_classes(classes: Collection[str]) -> None:
    """Check that there are at least two classes; "" is none.

    Raises:
        SourceRefused: There are not.
    """
    named = {name for name in classes if name}
    if not named:
        raise SourceRefused(
            "The photos lie side by side, so nothing says which class each is of.",
            "Put the photos of each class into a folder with the name of the class.",
        )
    if len(named) == 1:
        raise SourceRefused(
            f"There is only one class with photos: {list_names(named)}.",
            "Add a folder of photos of at least one other class beside it.",
        )


def check_learned(placed: Iterable[tuple[str, str | None]], remedy: str) -> None:
    """Check that each class has train photos, of pairs of class and split; "" is no class.

    Raises:
        SourceRefused: One has none.
    """
    known = {(name, split) for name, split in placed if name}
    learned = {name for name, split in known if split in ("train", None)}
    if unlearned := {name for name, _ in known} - learned:
        raise SourceRefused(f"There are no train photos of {list_names(unlearned)}.", remedy)


def is_photo(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in PHOTO_SUFFIXES and not is_hidden(path)


def _strip_common_folder(entries: list[_Entry]) -> list[_Entry]:
    """Drop folders around everything, as long as folders of photos are left inside."""
    while max(len(parts) for parts, _ in entries) > 2:
        # A photo that lies beside the folder is stray: it does not make the folder a class.
        if len({parts[0] for parts, _ in entries if len(parts) > 1}) != 1:
            break
        entries = [(parts[1:] if len(parts) > 1 else parts, path) for parts, path in entries]
    return entries


def _unfold_nested_copies(entries: list[_Entry]) -> tuple[list[_Entry], tuple[str, ...]]:
    """Drop the outer folder where one holds the same class folders as lie beside it."""
    tops = {parts[0] for parts, _ in entries if len(parts) > 1}
    inside: dict[str, set[str]] = {}
    for parts, _ in entries:
        if len(parts) > 1:
            inside.setdefault(parts[0], set()).add(parts[1] if len(parts) > 2 else "")
    copies = {top for top, names in inside.items() if len(names) > 1 and names <= tops - {top}}
    unfolded = [(p[1:] if len(p) > 1 and p[0] in copies else p, path) for p, path in entries]
    return unfolded, tuple(sorted(copies))


def _has_splits(entries: list[_Entry]) -> bool:
    """Tell whether the first folders are splits; refuse what is half one, half the other."""
    tops = {parts[0] for parts, _ in entries if len(parts) > 1}
    known = {top for top in tops if read_split_name(top)}
    splits = {read_split_name(top) for top in known}
    if len(splits) < 2:
        return False
    if "train" not in splits:
        raise SourceRefused(
            f"There are {list_names(known)} folders but none called train.",
            "Name the folder with the photos to learn from “train”.",
        )
    if tops != known:
        raise SourceRefused(
            f"Beside {list_names(known)} there is {list_names(tops - known)}: "
            "it is not clear whether the folders are splits or classes.",
            "Keep only train, validation and test folders at the top, or only class folders.",
        )
    return True


def _read_splits(entries: list[_Entry]) -> list[_Placed]:
    of_split: dict[str, list[_Entry]] = {}
    placed: list[_Placed] = []
    for parts, path in entries:
        if len(parts) > 1:
            of_split.setdefault(parts[0], []).append((parts[1:], path))
        else:
            placed.append(_Placed(path, "", "train", 0))
    train = [inside for folder, inside in of_split.items() if read_split_name(folder) == "train"]
    learned = {p[0] for inside in train for p, _ in _strip_common_folder(inside) if len(p) > 1}
    for folder, inside in of_split.items():
        # The only folder of a split may be a class as well as a folder around all classes.
        if not {parts[0] for parts, _ in inside if len(parts) > 1} & learned:
            inside = _strip_common_folder(inside)
        placed += _read_classes(inside, read_split_name(folder))
    return placed


def _read_classes(entries: list[_Entry], split: str | None) -> list[_Placed]:
    # macOS writes é as two characters, others as one: the same class must not become two.
    return [
        _Placed(
            path,
            unicodedata.normalize("NFC", parts[0]) if len(parts) > 1 else "",
            split,
            path.count("/") + 2 - len(parts) if len(parts) > 1 else 0,
        )
        for parts, path in entries
    ]


def _note_depth(placed: list[_Placed], copies: tuple[str, ...]) -> Iterable[str]:
    """Yield sentences on folders around the class folders and inside them."""
    if copies:
        yield (
            f"{list_names(copies)} holds the same class folders as lie beside it; "
            "its photos were taken into these classes."
        )
    deeper = [p for p in placed if p.depth and p.path.count("/") > p.depth]
    if deeper:
        first = deeper[0]
        yield (
            f"{len(deeper):,} photos lie in folders inside their class folder; they count for the "
            f"outer one (“{first.path}” is of class “{first.class_name}”)."
        )
    if {p.split for p in placed if p.split} == {"train", "validation"}:
        yield "There is no test folder, so scores can only be told for validation photos."


def find_in_folder(folder: Path, _unpacked: Path, _tell: Tell) -> FoundSource:
    """Return the photos of class folders, or split folders of them, where they lie."""
    place, found = folder.resolve(), read_folder(folder)
    return replace(found, name=place.name or str(place), origin=str(place))


def read_folder(folder: Path) -> FoundSource:
    """Return the photos in the folder and all folders inside, sorted by path.

    Links to files are followed, links to folders are not (they could lead round in circles).

    Raises:
        SourceRefused: There is no such folder, it may not be read, it holds more files than are
            looked at, or its layout is none we know.
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
            of_kind = links if Path(place, name).is_symlink() else folders
            of_kind.append(Path(place, name).relative_to(folder).as_posix())
        for name in names:
            file = Path(place, name)
            files.append((file.relative_to(folder).as_posix(), file))
        if len(files) + len(folders) > MOST_FILES:
            raise SourceRefused(
                f"“{folder}” holds more than {MOST_FILES:,} files.",
                "Name the folder of the photos.",
            )
    layout = read_layout(files, folders)
    noted = [
        f"“{name}” is a link to a folder; links to folders are not followed." for name in links
    ]
    return replace(layout, notes=(*layout.notes, *noted))


def refuse_unreadable(error: OSError) -> None:
    """Refuse a folder that `os.walk` could not read."""
    raise SourceRefused(
        f"The folder “{error.filename}” could not be read ({error.strerror}).",
        "Check who may read it.",
    ) from error


FOLDER = SourceKind(
    kind="folder",
    title="Folder",
    open=lambda request, _downloads: partial(find_in_folder, request.place),
)
