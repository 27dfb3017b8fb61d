"""All sources by name; `find_source(request, output)` finds the photos of each."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from core.config import read_settings
from core.errors import SourceRefused
from core.formats import count
from data.sources.archive import ARCHIVE
from data.sources.found import Field, FoundSource, Output, SourceKind, SourceRequest, Way
from data.sources.layout import FOLDER, LAYOUTS
from data.sources.names import name_classes
from data.sources.oxford102 import OXFORD102
from data.sources.published import FLOWER_PHOTOS, SAMPLE
from data.sources.table import TABLE, TABLE_ENDINGS


def find_source(request: SourceRequest, output: Output) -> FoundSource:
    """Return the photos of the requested source.

    Raises:
        SourceRefused: The request names no source, or the source cannot be a dataset.
        DownloadFailed: The source could not be fetched.
        OSError: The disk is full; nothing is left.
    """
    kind = _find_kind(request) if request.kind == "auto" else SOURCES[request.kind]
    if kind.needs_path and not request.path:
        raise SourceRefused("Nothing was chosen to import.", "Give a folder, an archive or a .csv.")
    is_allowed = _limit_to([*find_import_folders(), output.downloads.resolve()])
    if request.from_page:  # before a look at the disk: errors must not reveal other files
        for path in (request.path, request.images, request.labels, request.splits, request.names):
            if path and not is_allowed(Path(path)):
                raise SourceRefused(
                    f"“{path}” is not below a folder that pages may read.",
                    "Move the photos there, add their folder to PETALSCOPE_IMPORT_FOLDERS, or "
                    "import them with “python -m core import” in a shell on this machine.",
                )
    if kind is not OXFORD102 and (request.images or request.labels or request.splits):
        raise SourceRefused(
            f"--images, --labels and --splits belong to {OXFORD102.title}; this is: {kind.title}.",
            "Leave them out, or name the kind: --source oxford102.",
        )
    found = kind.find(request, output)
    if request.layout and not found.layout:
        raise SourceRefused("This source can be read in one way only.", "Leave out --layout.")
    if request.names and kind is not OXFORD102:
        found = name_classes(found, Path(request.names).expanduser())
    if request.group and not any(photo.group for photo in found.photos):
        raise SourceRefused(
            "Only a table has groups of photos.", "Leave out --group, or import a .csv."
        )
    if request.from_page:
        found = _keep_allowed(found, output.unpacked.resolve(), is_allowed)
    if not request.own_split:
        return found
    photos = [replace(photo, split=None) for photo in found.photos]
    return replace(found, photos=photos, split_origin=None)


def find_import_folders() -> list[Path]:
    """Return the folders below which pages may read; without any, pages read nothing by path."""
    named = read_settings().import_folders.split(os.pathsep)
    # Not Path.expanduser, which raises where there is no home.
    return [Path(os.path.expanduser(one)).resolve() for one in named if one.strip()]  # noqa: PTH111


def _limit_to(folders: Sequence[Path]) -> Callable[[Path], bool]:
    """Return a check whether a file lies below one of the folders once all links are followed."""
    resolve = functools.cache(Path.resolve)  # many files share a folder

    def is_allowed(file: Path) -> bool:
        real = resolve(file.parent) / file.name
        real = real.resolve() if real.is_symlink() or file.name in ("", "..") else real
        return any(real.is_relative_to(folder) for folder in folders)

    return is_allowed


def _keep_allowed(
    found: FoundSource, unpacked: Path, is_allowed: Callable[[Path], bool]
) -> FoundSource:
    """Return the source without photos that links or a table bring from other folders."""
    photos = [
        photo
        for photo in found.photos
        if photo.file.is_relative_to(unpacked) or is_allowed(photo.file)
    ]
    left_out = len(found.photos) - len(photos)
    if not left_out:
        return found
    note = (
        f"Skipped, because outside of the folders that pages may read: {count(left_out, 'photo')}."
    )
    if not photos:
        raise SourceRefused("No photo is left.", note)
    return replace(found, photos=photos, notes=(*found.notes, note))


def _find_kind(request: SourceRequest) -> SourceKind:
    """Return the kind that the path shows."""
    path = request.place
    if request.path in ("", "sample"):
        return SAMPLE if request.path else AUTO
    if path.is_dir():
        return OXFORD102 if (path / "imagelabels.mat").is_file() else FOLDER
    return TABLE if path.suffix.lower() in TABLE_ENDINGS else ARCHIVE


AUTO = SourceKind(
    kind="auto",
    title="Path on this machine",
    find=lambda request, output: _find_kind(request).find(request, output),
    ways=(
        Way(
            fields=(Field("path", "Path of the folder or archive", "/home/me/flowers"),),
            note=f"{LAYOUTS} Nothing in the folder is changed.",
        ),
    ),
)
SOURCES: dict[str, SourceKind] = {
    source.kind: source
    for source in (AUTO, FOLDER, ARCHIVE, TABLE, OXFORD102, FLOWER_PHOTOS, SAMPLE)
}
"""Kind → source. A new source states its `SourceKind` and is added here."""
