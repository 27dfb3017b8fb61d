"""Reading of a folder layout: which files are photos, and which class and split their folders name.

`data/sources/readings.py` knows the meanings of folders; a person chooses between likely ones.
"""

import contextlib
import mimetypes
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from core.errors import LayoutUnclear, SourceRefused
from data.images import START_BYTES, starts_like_photo
from data.sources.found import FoundPhoto, FoundSource, SourceKind
from data.sources.names import (
    list_names,
    note_classes,
    note_empty_folders,
    note_files,
    note_others,
    point_to_annotations,
    point_to_table,
    refuse_without_photos,
)
from data.sources.readings import FALLBACK, is_decided, list_readings
from data.sources.tree import Folders, Place, Reading, draw_tree, leave_masks
from data.sources.words import means_nothing

LAYOUTS = "One folder per class, or train, validation and test folders of classes."
_PLAIN = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_OF_PHONES = (".heic", ".heif", ".hif", ".avif")
_OLD = (".ppm", ".pgm", ".pbm", ".pnm", ".tga")
PHOTO_SUFFIXES = frozenset(_PLAIN + _OF_PHONES + _OLD)
_KINDS = mimetypes.MimeTypes()  # without the lists of the system, which differ
MOST_FILES = 1_000_000
"""Limit for the files and folders of an imported folder."""
_LEFT_BY_TOOLS = frozenset(
    ("__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini", ".ds_store")
)
Read = Callable[[Sequence[tuple[str, Path]], Iterable[str]], FoundSource]
"""Finds the photos among files and folders: `read_layout`, or one like it."""


def read_layout(
    files: Sequence[tuple[str, Path]], folders: Iterable[str] = (), layout: str = ""
) -> FoundSource:
    """Return the photos among the files of a source, with notes about them.

    Paths are relative and posix; `folders` are the known folders, so that empty ones are noted.

    Args:
        layout: The reading that a person chose; "": decided here.

    Raises:
        LayoutUnclear: The folders can be read in several ways; it lists them.
        SourceRefused: No photos, no class folders, one class only, or contradictory splits.
    """
    stored = {make_storable(path): file for path, file in files}
    paths = sorted(path for path, file in stored.items() if is_photo(path, file))
    tree, masks = leave_masks(paths)
    if not tree:
        raise refuse_without_photos([path for path in stored if not is_hidden(path)])
    outer = [path.rpartition("/")[0] for path in stored]
    names = {name for path in (*outer, *folders) for name in path.split("/")}
    reading = _choose_reading(tree, layout, names.difference(*(one.split("/") for one in tree)))
    places = {path: reading.place(path) for path in sorted(set(paths) - set(masks))}
    found = [
        FoundPhoto(path=path, class_name=name, split=split, file=stored[path])
        for path, (name, split, _) in places.items()
    ]
    others = sorted(stored.keys() - set(paths))
    class_folders = {place.class_folder for place in places.values() if place.class_folder}
    notes = (
        *_note_folders(places),
        *note_classes(found),
        *note_empty_folders(class_folders, [f for f in folders if not is_hidden(f)]),
        *note_files(masks, "a mask or annotation of a photo"),
        *note_others([path for path in others if not is_hidden(path)]),
        *note_files([path for path in others if is_hidden(path)], "hidden, or left by a tool"),
    )
    return FoundSource(
        photos=found, notes=notes, layout=reading.sentence, tree=draw_tree(tree, reading)
    )


def _choose_reading(tree: Folders, wanted: str, names: Collection[str]) -> Reading:
    """Return the reading that is wanted, or the only likely one.

    Args:
        names: The names of folders without photos.
    """
    readings = list_readings(tree)
    faults = [_find_fault(one) for one in readings]
    possible = [one for one, fault in zip(readings, faults, strict=True) if not fault]
    for one in possible:
        if one.name == wanted:
            return one
    if wanted:
        known = ", ".join(one.name for one in possible) or "none"
        raise SourceRefused(
            f"The folders cannot be read as “{wanted}”.", f"Possible readings: {known}."
        )
    if is_decided(readings) and not faults[0]:
        return readings[0]
    if faults[0] and all(one.score <= FALLBACK for one in possible):
        raise point_to_annotations(faults[0], names)
    first = f"{faults[0].problem} " if faults[0] else ""
    known = "".join(f"\n--layout {one.name}: {one.sentence}" for one in possible)
    raise LayoutUnclear(
        f"{first}It is not clear which folders are splits and which are classes.",
        f"Choose one of these readings:{known}",
        readings=[(one.name, one.sentence, draw_tree(tree, one)) for one in possible],
    )


def _find_fault(reading: Reading) -> SourceRefused | None:
    """Return the reason why a reading is not a dataset, or None."""
    places = set(reading.places.values())
    splits = {place.split for place in places if place.split}
    try:
        if splits and "train" not in splits:
            raise SourceRefused(
                f"There are folders of {list_names(splits)} but none called train.",
                "Name the folder with the training photos “train”.",
            )
        check_classes({place.class_name for place in places})
        check_trained(
            [(place.class_name, place.split) for place in places],
            "Give every class a folder of the same name in train, validation and test.",
        )
    except SourceRefused as fault:
        return fault
    return None


def _note_folders(places: Mapping[str, Place]) -> Iterator[str]:
    """Yield sentences on folders inside the class folders, and on the lack of test photos."""
    deeper = [
        (path, place.class_name)
        for path, place in places.items()
        if place.class_folder
        and not all(map(means_nothing, path.removeprefix(f"{place.class_folder}/").split("/")[:-1]))
    ]
    if deeper:
        path, name = deeper[0]
        yield (
            f"{len(deeper):,} photos lie in folders inside their class folder; the outer folder "
            f"counts (“{path}” is of class “{name}”)."
        )
    if {place.split for place in places.values() if place.class_name} == {"train", "validation"}:
        yield "There is no test folder, so scores are available for validation photos only."


def is_hidden(path: str) -> bool:
    """Return whether a path is hidden or left behind by a tool."""
    return any(
        part.startswith(".") or part.lower() in _LEFT_BY_TOOLS for part in PurePosixPath(path).parts
    )


def is_other(path: str) -> bool:
    """Return whether a path ends like a file of another kind, such as text."""
    kind = _KINDS.guess_type(PurePosixPath(path).name)[0]
    return kind is not None and not kind.startswith("image/")


def is_photo(path: str, file: Path | None = None) -> bool:
    """Return whether a path ends like a photo; a file of unknown ending must begin like one."""
    if is_hidden(path) or is_other(path):
        return False
    if PurePosixPath(path).suffix.lower() in PHOTO_SUFFIXES:
        return True
    with contextlib.suppress(OSError):
        if file is not None and file.is_file():  # a pipe would wait for ever
            with file.open("rb") as stream:
                return starts_like_photo(stream.read(START_BYTES))
    return False


def make_storable(path: str) -> str:
    """Return the path as valid Unicode; invalid bytes (old archives) are written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


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


def read_folder(folder: Path, layout: str = "") -> FoundSource:
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
    if not any(is_photo(*one) for one in files):
        refuse_links([*links, *(path for path, file in files if _is_written_link(file))])
    try:
        found = read_layout(files, folders, layout)
    except SourceRefused as refusal:
        point_to_table(refusal, [path for path, _ in files])
        raise
    noted = [f"Skipped the link “{name}”: links to folders are not followed." for name in links]
    whole = folder.resolve()
    name, notes = whole.name or str(whole), (*found.notes, *noted)
    return replace(found, name=name, origin=str(whole), notes=notes)


def refuse_links(links: Sequence[str]) -> None:
    """Refuse a folder that holds links to folders instead of photos."""
    if links:
        raise SourceRefused(
            f"There are no photos in it, but links: {list_names(links)}. Links to folders are not "
            "followed.",
            "Import the folder that they lead to, or copy the photos.",
        )


def _is_written_link(file: Path) -> bool:
    """Return whether a file holds nothing but a path: a link, copied to a system without links."""
    if file.suffix or not file.is_file() or file.stat().st_size > 1_000:
        return False
    with contextlib.suppress(OSError):
        return re.fullmatch(rb"(\.\.?)?/[^\0\n]+", file.read_bytes()) is not None
    return False


def refuse_unreadable(error: OSError) -> None:
    """Refuse a folder that `os.walk` could not read."""
    raise SourceRefused(
        f"The folder “{error.filename}” could not be read ({error.strerror}).",
        "Check its permissions.",
    ) from error


FOLDER = SourceKind(
    kind="folder",
    title="Folder",
    find=lambda request, _output: read_folder(request.place, request.layout),
)
