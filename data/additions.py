"""A new version of a dataset with added photos; the old ones keep their numbers.

All files are copied; the parent stays as it is.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from core.errors import EditRefused
from core.workspace import Workspace
from data.dataset import (
    MANIFEST,
    ORIGINALS,
    PHOTOS,
    SET_ASIDE,
    THUMBNAILS,
    Dataset,
    identify_dataset,
    measure_photos_header,
    write_photos_header,
)
from data.importing import keep_dataset, label_classes, make_staging_folder, report_full_disk
from data.manifest import read_facts, read_whole, report_damage, write_facts
from data.packing import pack_photos
from data.sources.found import FoundPhoto, Tell
from data.versions import NO_ROOM, describe_child

_BLOCK = 16_000_000
_NEW = "new-"
_JOINED = (THUMBNAILS, ORIGINALS, PHOTOS)


def add_photos(
    workspace: Workspace,
    parent: Dataset,
    photos: Sequence[FoundPhoto],
    *,
    on_progress: Tell = lambda *_: None,
) -> Dataset:
    """Return the version of the parent with these photos added; an existing one if it is the same.

    Args:
        photos: At least one, each with class, split and a new path.

    Raises:
        EditRefused: No photo, a repeated path, or an unreadable photo.
        ResultDamaged: The photos of the parent were altered.
        DiskFull: The disk is full; nothing is left.
    """
    _check_paths(parent, photos)
    with report_full_disk(*NO_ROOM), make_staging_folder(workspace) as folder:
        added = _pack(folder, photos)
        table = _join_tables(parent, added)
        classes = label_classes(table)
        identifier = identify_dataset(table, classes, parent.packing)
        if (existing := read_whole(workspace, identifier)) is not None:
            return existing
        table.to_parquet(folder / MANIFEST, index=False)
        parent.set_aside.to_parquet(folder / SET_ASIDE, index=False)
        _join_files(parent, folder, len(added), on_progress)
        facts = describe_child(workspace, parent, classes, len(table))
        write_facts(folder, facts | {"added": len(added)})
        return keep_dataset(workspace, folder)


def count_added(dataset: Dataset) -> int:
    """Return the number of photos that this version added to its parent."""
    return int(read_facts(dataset.folder).get("added", 0))


def _check_paths(parent: Dataset, photos: Sequence[FoundPhoto]) -> None:
    if not photos:
        raise EditRefused("There is no photo to add.", "Review some photos first.")
    paths = [photo.path for photo in photos]
    twice = set(paths) & set(parent.manifest["path"])
    if twice or len(set(paths)) < len(paths):
        raise EditRefused("Another photo has the same path.", "Leave it out or rename it.")


def _pack(folder: Path, photos: Sequence[FoundPhoto]) -> pd.DataFrame:
    """Pack the new photos into files of their own and return their rows."""
    added, refused = pack_photos(sorted(photos, key=lambda photo: photo.path), folder, prefix=_NEW)
    if len(refused):
        raise EditRefused(
            f"The photo “{refused['path'].iat[0]}” cannot be read: {refused['problem'].iat[0]}",
            "Leave it out.",
        )
    return added


def _join_tables(parent: Dataset, added: pd.DataFrame) -> pd.DataFrame:
    """Return the manifest of the version; the labels of new photos are not yet set."""
    new = added.assign(label=0)[parent.manifest.columns]
    for column, file in (("thumbnail_start", THUMBNAILS), ("original_start", ORIGINALS)):
        new[column] += (parent.folder / file).stat().st_size
    return pd.concat([parent.manifest, new], ignore_index=True).astype(parent.manifest.dtypes)


def _join_files(parent: Dataset, folder: Path, added: int, on_progress: Tell) -> None:
    """Write photos, thumbnails and originals, first the parent's, and verify the parent's."""
    known = read_facts(parent.folder)["files"]
    total = sum(int(known[name]["bytes"]) for name in _JOINED)
    done, tell = 0, partial(on_progress, "copying photos")

    def report(copied: int) -> None:
        nonlocal done
        done += copied
        tell(done, total)

    for name in _JOINED:
        old, new = parent.folder / name, folder / f"{_NEW}{name}"
        with (folder / name).open("wb") as target:
            before = header = 0
            if name == PHOTOS:
                write_photos_header(target, len(parent) + added)
                before, header = measure_photos_header(old, len(parent)), target.tell()
            digest = _copy(old, target, before, report)
            _copy(new, target, header)
        new.unlink()
        if digest != known[name]["sha256"]:
            raise report_damage(parent.folder, f"{name} was altered")


def _copy(
    source: Path, target: BinaryIO, skipped: int, report: Callable[[int], None] = lambda _: None
) -> str:
    """Write the source without its first bytes; return the digest of the whole source."""
    digest = hashlib.sha256()
    # Plain reads: mapped pages of a gigabyte would fill the memory of the page server.
    with source.open("rb") as file:
        digest.update(file.read(skipped))
        report(skipped)
        while block := file.read(_BLOCK):
            digest.update(block)
            target.write(block)
            report(len(block))
    return digest.hexdigest()
