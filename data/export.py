"""Writing of a dataset as a tree of its own photos, unchanged: whole, or not there."""

import csv
import errno
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from core.errors import DISK_FULL_ERRNOS, DiskFull, ExportRefused
from data.dataset import Dataset
from data.sources.names import format_mapping

MAPPING, LABELS = "mapping.json", "labels.csv"
Layout = Literal["splits", "classes"]

_NAME_BYTES = 200
"""Most file systems allow 255 for a name; some room is left for a number."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was written, and where."""

    target: str
    photos: int
    classes: int
    bytes: int
    renamed: int
    """Class folders whose name had to differ from the class; labels.csv has the true name."""


def export_tree(
    dataset: Dataset,
    target: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    layout: Layout = "splits",
) -> ExportReport:
    """Write the photos as they were imported, byte for byte, in folders by split and class.

    Beside them are mapping.json (class number → class name) and labels.csv (path, class, split),
    which can be imported again.

    Args:
        target: A folder that is empty or not there yet.
        layout: “splits”: train/rose/1.jpg; “classes”: rose/1.jpg.

    Raises:
        ExportRefused: The target is a file, holds something, or may not be written.
        DiskFull: There is no room; nothing is left.
    """
    target = target.expanduser().resolve()
    _check_target(target)
    paths = plan_paths(dataset, layout)
    partial = target.with_name(f".{os.urandom(8).hex()}.part")
    with report_failure(target, "export again; nothing half-made was left."):
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            written = _write_photos(dataset, partial, paths, on_progress)
            _write_tables(dataset, partial, paths)
            partial.replace(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    folders = name_class_folders(dataset.classes)
    return ExportReport(
        target=str(target),
        photos=len(dataset),
        classes=len(dataset.classes),
        bytes=written,
        renamed=sum(folder != name for folder, name in zip(folders, dataset.classes, strict=True)),
    )


def describe_mapping(dataset: Dataset) -> str:
    """Return mapping.json of a dataset: {"1": "pink primrose", …}."""
    return format_mapping(dict(zip(dataset.numbers, dataset.classes, strict=True)))


def plan_paths(dataset: Dataset, layout: Layout) -> list[str]:
    """Return the relative path of each photo in the tree: safe everywhere, and unique."""
    folders = name_class_folders(dataset.classes)
    taken: set[str] = set()
    paths = []
    for path, label, split in zip(
        dataset.manifest["path"], dataset.labels, dataset.splits, strict=True
    ):
        folder = f"{split}/{folders[label]}" if layout == "splits" else folders[label]
        name = make_safe_name(PurePosixPath(path).name)
        paths.append(_find_free(f"{folder}/{name}", taken))
    return paths


def name_class_folders(classes: Sequence[str]) -> list[str]:
    """Return a folder name for each class: safe everywhere, and unique whatever the capitals."""
    taken: set[str] = set()
    return [_find_free(make_safe_name(name), taken) for name in classes]


def make_safe_name(name: str) -> str:
    """Return the name as every file system takes it; most names stay as they are."""
    safe = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(" ").rstrip(".")
    # Hidden names would be overlooked when the tree is imported again.
    safe = re.sub(r"^\.", "_", safe) or "_"
    if _RESERVED.match(safe):
        safe = f"_{safe}"
    if len(safe.encode()) > _NAME_BYTES:
        ending = PurePosixPath(safe).suffix[:20]
        room = _NAME_BYTES - len(ending.encode())
        safe = safe.encode()[:room].decode(errors="ignore") + ending
    return safe


def _find_free(path: str, taken: set[str]) -> str:
    """Return the path, or with “ 2”, “ 3” … before its ending; names it taken."""
    pure = PurePosixPath(path)
    free, number = path, 1
    while free.casefold() in taken:
        number += 1
        free = str(pure.with_name(f"{pure.stem} {number}{pure.suffix}"))
    taken.add(free.casefold())
    return free


def _write_photos(
    dataset: Dataset, folder: Path, paths: list[str], on_progress: Callable[[int, int], None] | None
) -> int:
    """Return the bytes written."""
    for place in {str(PurePosixPath(path).parent) for path in paths}:
        (folder / place).mkdir(parents=True, exist_ok=True)
    written = 0
    for photo, path in enumerate(paths):
        content = dataset.original(photo)
        (folder / path).write_bytes(content)
        written += len(content)
        if on_progress:
            on_progress(photo + 1, len(paths))
    return written


def _write_tables(dataset: Dataset, folder: Path, paths: list[str]) -> None:
    (folder / MAPPING).write_text(describe_mapping(dataset), encoding="utf-8")
    with (folder / LABELS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "class", "split"))
        writer.writerows(zip(paths, dataset.manifest["class"], dataset.splits, strict=True))


def _check_target(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise ExportRefused(f"“{target}” is a file.", "Name a folder that is empty or new.")
    if target.is_dir() and any(target.iterdir()):
        raise ExportRefused(
            f"The folder “{target}” is not empty.", "Name a folder that is empty or new."
        )


_REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS}
_REFUSALS |= {errno.ENOTDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG}


@contextmanager
def report_failure(target: Path, again: str) -> Iterator[None]:
    """Turn what the system refuses into an error of ours; `again`: “call it again: …”.

    Raises:
        DiskFull: There is no room.
        ExportRefused: The target may not be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL_ERRNOS:
            raise DiskFull(
                f"There is no room left on the disk for “{target}”.",
                f"Free some space, then {again}",
            ) from error
        if error.errno in _REFUSALS:
            raise ExportRefused(
                f"“{target}” could not be written ({error.strerror}).",
                "Name a folder that you may write to.",
            ) from error
        raise
