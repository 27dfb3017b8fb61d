"""Sentences for people about what a source held beside its photos, and which classes are odd."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from core.formats import count
from data.sources.found import FoundPhoto


def list_names(names: Collection[str]) -> str:
    """Returns “a”, “b” and 3 more: at most five names, sorted."""
    shown = ", ".join(f"“{name}”" for name in sorted(names)[:5])
    return shown + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def note_classes(photos: Sequence[FoundPhoto]) -> Iterator[str]:
    """Yields a sentence on classes of one photo, and one on photos without a class."""
    per_class = Counter(photo.class_name for photo in photos)
    if outside := per_class.pop("", 0):
        yield f"{count(outside, 'photo')} outside of the class folders will be set aside."
    if lonely := [name for name, photos_of in per_class.items() if photos_of == 1]:
        yield f"There is only one photo of {list_names(lonely)}: none is left to judge it by."


def note_empty_folders(class_folders: set[str], folders: Iterable[str]) -> Iterator[str]:
    """Yields a sentence on folders beside class folders that hold no photo."""
    parents = {folder.rpartition("/")[0] for folder in class_folders}
    above = {outer.as_posix() for parent in parents for outer in PurePosixPath(parent).parents}
    taken = class_folders | parents | above
    empty = {
        path.rpartition("/")[2]
        for path in (folder.rstrip("/") for folder in folders)
        if path.rpartition("/")[0] in parents and path and path not in taken
    }
    if empty:
        yield f"No photo lies in {list_names(empty)}, so it is no class."


def note_files(paths: Sequence[str], what: str) -> Iterator[str]:
    """Yields a sentence on files that were left out because they are `what`."""
    if len(paths) == 1:
        yield f"“{paths[0]}” was left out: it is {what}."
    elif paths:
        yield f"{len(paths):,} files were left out: each is {what} (the first: “{min(paths)}”)."
