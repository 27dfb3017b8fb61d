"""All sources by name, and the one way to open them: `open_source(request)`.

A request is plain words, so that it can be kept as JSON and handed to another process.
"""

from dataclasses import replace
from pathlib import Path

from core.errors import SourceRefused
from core.workspace import open_workspace
from data.sources.archive import ARCHIVE
from data.sources.found import (
    Field,
    FoundSource,
    OnProgress,
    Source,
    SourceKind,
    SourceRequest,
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
        request: What to import.
        downloads: Where fetched files are kept; by default in the workspace of the settings.

    Raises:
        SourceRefused: The request names no source, or a file of it is not there.
    """
    kind = SOURCES[request.kind]
    if kind.needs_path and not request.path:
        raise SourceRefused("Nothing was chosen to import.", "Give a folder, an archive or a .csv.")
    source = kind.open(request, downloads or open_workspace().downloads)
    return _OwnSplits(source) if request.own_split else source


def _open_by_path(request: SourceRequest, downloads: Path) -> Source:
    """Return the source that the path is of."""
    path = Path(request.path).expanduser()
    if request.path == "sample":
        kind = SAMPLE
    elif path.is_dir():
        kind = OXFORD102 if (path / "imagelabels.mat").is_file() else FOLDER
    else:
        kind = TABLE if path.suffix.lower() in TABLE_ENDINGS else ARCHIVE
    return kind.open(request, downloads)


class _OwnSplits:
    """A source whose own splits are passed over, so that ours are drawn."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def phase(self) -> str:
        return self._source.phase

    def find(self, unpacked: Path, on_progress: OnProgress | None = None) -> FoundSource:
        found = self._source.find(unpacked, on_progress)
        photos = [replace(photo, split=None) for photo in found.photos]
        return replace(found, photos=photos, split_origin=None)


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
