"""All sources by name, and the one way to open them: `open_source(request)`."""

import functools
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.config import read_settings
from core.errors import SourceRefused
from core.formats import count
from core.workspace import open_workspace
from data.sources.archive import ARCHIVE
from data.sources.found import (
    Field,
    FoundSource,
    Source,
    SourceKind,
    SourceRequest,
    Tell,
    Way,
)
from data.sources.layout import FOLDER, LAYOUTS
from data.sources.oxford102 import OXFORD102
from data.sources.published import FLOWER_PHOTOS
from data.sources.sample import SAMPLE
from data.sources.table import TABLE, TABLE_ENDINGS


def open_source(request: SourceRequest, downloads: Path | None = None) -> Source:
    """Return the source that is asked for; nothing is read yet.

    Args:
        downloads: Where fetched files are kept; by default in the workspace of the settings.

    Raises:
        SourceRefused: The request names no source, or a file of it is not there.
    """
    kind = SOURCES[request.kind]
    if kind.needs_path and not request.path:
        raise SourceRefused("Nothing was chosen to import.", "Give a folder, an archive or a .csv.")
    downloads = downloads or open_workspace().downloads
    places = _Places([*find_import_folders(), downloads.resolve()]) if request.from_page else None
    if places:  # before anything is looked at: what is elsewhere is not even said to be there
        for path in (request.path, request.images, request.labels, request.splits, request.names):
            places.check(path)
    source = kind.open(request, downloads)

    def find(unpacked: Path, tell: Tell) -> FoundSource:
        found = source(unpacked, tell)
        found = places.keep_inside(found, unpacked) if places else found
        return _forget_splits(found) if request.own_split else found

    return find


def find_import_folders() -> list[Path]:
    """Return the folders below which a page may name paths; empty: none."""
    named = read_settings().import_folders.split(os.pathsep)
    # Not Path.expanduser, which raises where there is no home.
    return [Path(os.path.expanduser(one)).resolve() for one in named if one.strip()]  # noqa: PTH111


class _Places:
    """Folders, and whether files lie below one of them once every link is followed."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._real = functools.cache(Path.resolve)  # of the folders of many files

    def check(self, path: str) -> None:
        """Check a path that was typed.

        Raises:
            SourceRefused: It is elsewhere.
        """
        if path and not self.hold(Path(path)):
            raise SourceRefused(
                f"“{path}” is not below a folder that pages may read.",
                "Move the photos there, add their folder to PETALSCOPE_IMPORT_FOLDERS, or import "
                "them by “python -m core import” at a shell of this machine.",
            )

    def hold(self, file: Path) -> bool:
        real = self._real(file.parent) / file.name
        real = real.resolve() if real.is_symlink() or file.name in ("", "..") else real
        return any(real.is_relative_to(folder) for folder in self._folders)

    def keep_inside(self, found: FoundSource, unpacked: Path) -> FoundSource:
        """Return the photos but those that links or a table lead to elsewhere."""
        own = unpacked.resolve()
        photos = [
            photo
            for photo in found.photos
            if photo.file.is_relative_to(own) or self.hold(photo.file)
        ]
        left_out = len(found.photos) - len(photos)
        if not left_out:
            return found
        note = (
            f"Left out, as outside of the folders that pages may read: {count(left_out, 'photo')}."
        )
        if not photos:
            raise SourceRefused("No photo is left.", note)
        return replace(found, photos=photos, notes=(*found.notes, note))


def _forget_splits(found: FoundSource) -> FoundSource:
    """Return the photos without the source's own splits, so that ours are drawn."""
    photos = [replace(photo, split=None) for photo in found.photos]
    return replace(found, photos=photos, split_origin=None)


def _open_by_path(request: SourceRequest, downloads: Path) -> Source:
    """Return the source that the path is of."""
    path = request.place
    if request.path == "sample":
        kind = SAMPLE
    elif path.is_dir():
        kind = OXFORD102 if (path / "imagelabels.mat").is_file() else FOLDER
    else:
        kind = TABLE if path.suffix.lower() in TABLE_ENDINGS else ARCHIVE
    return kind.open(request, downloads)


AUTO = SourceKind(
    kind="auto",
    title="Path on this machine",
    open=_open_by_path,
    ways=(
        Way(
            fields=(Field("path", "Path of the folder or archive", "/home/me/flowers"),),
            note=f"{LAYOUTS} The photos are only read; nothing in the folder is changed.",
        ),
    ),
)
SOURCES: dict[str, SourceKind] = {
    source.kind: source
    for source in (AUTO, FOLDER, ARCHIVE, TABLE, OXFORD102, FLOWER_PHOTOS, SAMPLE)
}
"""Kind → source. A new one states its `SourceKind` and gets a place here."""
