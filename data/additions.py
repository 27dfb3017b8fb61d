"""A new version of a dataset with added photos; the old ones keep their numbers.

All files are copied; the parent stays as it is.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from core.errors import EditRefused
from core.workspace import Workspace
from data.dataset import (
    MANIFEST,
    ORIGINALS,
    PHOTO_BYTES,
    PHOTOS,
    SET_ASIDE,
    THUMBNAILS,
    Dataset,
    identify_dataset,
    write_photos_header,
)
from data.importing import keep_dataset, label_classes, make_staging_folder, report_full_disk
from data.manifest import read_facts, read_whole, write_facts
from data.packing import pack_photos
from data.sources.found import FoundPhoto, Tell
from data.versions import NO_ROOM, describe_child, read_blocks

_NEW = "new-"


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
        return keep_dataset(workspace, folder, identifier)


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
    """Write photos, thumbnails and originals: first the parent's, then the new ones."""
    pieces = sum((parent.folder / name).stat().st_size for name in (THUMBNAILS, ORIGINALS))
    done, total = 0, pieces + len(parent) * PHOTO_BYTES
    for name in (THUMBNAILS, ORIGINALS, PHOTOS):
        file = folder / f"{_NEW}{name}"
        with file.open("rb") as new, (folder / name).open("wb") as target:
            if name == PHOTOS:
                write_photos_header(target, len(parent) + added)
                new.seek(target.tell())  # its own header is as long
            for block in read_blocks(parent, name):
                target.write(block)
                done += len(block)
                on_progress("copying photos", done, total)
            shutil.copyfileobj(new, target)
        file.unlink()
