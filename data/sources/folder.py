"""Photos in a folder on this machine; they are read where they lie and never changed."""

import os
from dataclasses import replace
from pathlib import Path

from core.errors import SourceRefused
from data.sources.found import FoundPhoto, FoundSource, OnProgress
from data.sources.layout import Layout, read_layout


class FolderSource:
    """Class folders, or split folders of them, where they lie."""

    phase = "reading the source"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, _unpacked: Path, _on_progress: OnProgress | None = None) -> FoundSource:
        """Returns the photos of the folder; see data.sources.found.Source."""
        folder = self._folder.resolve()
        layout = read_folder(self._folder)
        return FoundSource(
            photos=layout.photos,
            name=folder.name or str(folder),
            origin=str(folder),
            notes=layout.notes,
        )


def read_folder(folder: Path) -> Layout:
    """Returns the photos in the folder and all folders inside, sorted by path.

    Links to files are followed, links to folders are not (they could lead round in circles).

    Raises:
        SourceRefused: There is no such folder, it may not be read, or its layout is none we know.
    """
    if not folder.is_dir():
        raise SourceRefused(
            f"There is no folder “{folder}”.", "Check the path; it is one on the server's machine."
        )
    files = []
    folders: list[str] = []
    links: list[str] = []
    for place, inside, names in os.walk(folder, onerror=_refuse_unreadable):
        for name in inside:
            of_kind = links if Path(place, name).is_symlink() else folders
            of_kind.append(Path(place, name).relative_to(folder).as_posix())
        for name in names:
            file = Path(place, name)
            files.append((file.relative_to(folder).as_posix(), file))
    layout = read_layout(files, folders)
    noted = [
        f"“{name}” is a link to a folder; links to folders are not followed." for name in links
    ]
    return replace(layout, notes=(*layout.notes, *noted))


def find_photos_in_folder(folder: Path) -> list[FoundPhoto]:
    """Returns the photos of `read_folder` without its notes."""
    return read_folder(folder).photos


def _refuse_unreadable(error: OSError) -> None:
    raise SourceRefused(
        f"The folder “{error.filename}” could not be read ({error.strerror}).",
        "Check who may read it.",
    ) from error
