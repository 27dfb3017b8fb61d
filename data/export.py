"""Export of a dataset as folders of its original photos: complete, or nothing."""

import errno
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Literal

import pandas as pd

from core.errors import ExportRefused
from core.formats import guard_cells
from data.dataset import Dataset
from data.importing import report_full_disk
from data.sources.found import OnProgress

MAPPING, LABELS = "mapping.json", "labels.csv"
Layout = Literal["splits", "classes"]

_NAME_BYTES = 200
"""Most file systems allow 255 for a name; the rest is room for a number."""
_REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS}
_REFUSALS |= {errno.ENOTDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG}
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def export_tree(
    dataset: Dataset,
    target: Path,
    *,
    on_progress: OnProgress = lambda *_: None,
    layout: Layout = "splits",
) -> dict[str, str | int]:
    """Write the original photos in folders by split and class, with two tables.

    mapping.json has class number → class name; labels.csv (path, class, split) can be imported.

    Returns:
        target, and the numbers of photos, classes, bytes and renamed class folders (labels.csv has
        the names of their classes).

    Args:
        target: An empty or new folder.
        layout: “splits”: train/rose/1.jpg; “classes”: rose/1.jpg.

    Raises:
        ExportRefused: The target is a file, is not empty, or may not be written.
        DiskFull: The disk is full; nothing is left.
    """
    target = target.expanduser().resolve()
    _check_target(target)
    paths = plan_paths(dataset, layout)
    partial = target.with_name(f".{os.urandom(8).hex()}.part")
    with report_failure(target, "export again. No partial export was left."):
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            written = _write_photos(dataset, partial, paths, on_progress)
            (partial / MAPPING).write_text(describe_mapping(dataset), encoding="utf-8")
            table = pd.DataFrame({"path": paths, "class": dataset.manifest["class"]})
            guard_cells(table.assign(split=dataset.splits)).to_csv(partial / LABELS, index=False)
            partial.replace(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    folders = name_class_folders(dataset.classes)
    return {
        "target": str(target),
        "photos": len(dataset),
        "classes": len(dataset.classes),
        "bytes": written,
        "renamed": sum(
            folder != name for folder, name in zip(folders, dataset.classes, strict=True)
        ),
    }


def describe_mapping(dataset: Dataset) -> str:
    """Return the content of mapping.json: {"1": "pink primrose", …}."""
    names = {
        str(number): name
        for number, name in sorted(zip(dataset.numbers, dataset.classes, strict=True))
    }
    return json.dumps(names, ensure_ascii=False, indent=1) + "\n"


def plan_paths(dataset: Dataset, layout: Layout) -> list[str]:
    """Return a relative path for each photo, unique and safe on every system."""
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
    """Return a folder name for each class, safe on every system and unique in any case."""
    taken: set[str] = set()
    return [_find_free(make_safe_name(name), taken) for name in classes]


def make_safe_name(name: str) -> str:
    """Return the name with characters that every file system takes."""
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
    """Return the path, with “ 2”, “ 3” … before its ending if taken; add it to the taken ones."""
    pure = PurePosixPath(path)
    free, number = path, 1
    while free.casefold() in taken:
        number += 1
        free = str(pure.with_name(f"{pure.stem} {number}{pure.suffix}"))
    taken.add(free.casefold())
    return free


def _write_photos(dataset: Dataset, folder: Path, paths: list[str], on_progress: OnProgress) -> int:
    """Write the photos and return the number of bytes."""
    for place in {str(PurePosixPath(path).parent) for path in paths}:
        (folder / place).mkdir(parents=True, exist_ok=True)
    written = 0
    for photo, path in enumerate(paths):
        content = dataset.original(photo)
        (folder / path).write_bytes(content)
        written += len(content)
        on_progress(photo + 1, len(paths))
    return written


def _check_target(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise ExportRefused(f"“{target}” is a file.", "Name an empty or new folder.")
    if target.is_dir() and any(target.iterdir()):
        raise ExportRefused(f"The folder “{target}” is not empty.", "Name an empty or new folder.")


@contextmanager
def report_failure(target: Path, again: str) -> Iterator[None]:
    """Turn an error of the system into one of ours; `again` completes “Free some space, then …”.

    Raises:
        DiskFull: The disk is full.
        ExportRefused: The target may not be written.
    """
    try:
        with report_full_disk(f"“{target}”", f"Free some space, then {again}"):
            yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise ExportRefused(
            f"“{target}” could not be written ({error.strerror}).",
            "Name a folder with write permission.",
        ) from error
