"""All sources by name, and the one way to open them: `open_source(request)`.

A request is plain words, so that it can be kept as JSON and handed to another process.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from core.errors import SourceRefused
from core.workspace import open_workspace
from data.sources.found import FoundSource, OnProgress, Source

Kind = Literal["auto", "folder", "archive", "csv", "oxford102", "flower_photos", "sample"]
TABLE_ENDINGS = (".csv", ".tsv")


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """What a person asked to import; `asdict` gives JSON and `SourceRequest(**…)` takes it."""

    kind: Kind = "auto"
    path: str = ""
    """Folder, archive or .csv; for oxford102 the folder of its three files; “sample” for auto."""
    images: str = ""
    labels: str = ""
    splits: str = ""
    """102flowers.tgz, imagelabels.mat and setid.mat of oxford102, where they lie apart."""
    names: str = ""
    """A mapping.json or cat_to_name.json with the class names of oxford102."""
    own_split: bool = False
    """Draw our own stratified splits, whatever the source says."""


def open_source(request: SourceRequest, downloads: Path | None = None) -> Source:
    """Returns the source that is asked for; nothing is read yet.

    Args:
        request: What to import.
        downloads: Where fetched files are kept; by default in the workspace of the settings.

    Raises:
        SourceRefused: The request names no source, or a file of it is not there.
    """
    source = _open(request, downloads or open_workspace().downloads)
    return _OwnSplits(source) if request.own_split else source


def _open(request: SourceRequest, downloads: Path) -> Source:
    # Only what is asked for is imported: SciPy takes a while.
    path = Path(request.path).expanduser()
    match _recognise_kind(request):
        case "sample":
            from data.sources.sample import SampleSource

            return SampleSource()
        case "folder":
            from data.sources.layout import FolderSource

            return FolderSource(path)
        case "csv":
            from data.sources.table import TableSource

            return TableSource(path)
        case "oxford102":
            from data.sources.oxford102 import open_oxford102

            return open_oxford102(request, downloads)
        case "flower_photos":
            from data.sources.published import FlowerPhotosSource

            return FlowerPhotosSource(path if request.path else None, downloads)
        case _:
            from data.sources.archive import ArchiveSource

            return ArchiveSource(path)


def _recognise_kind(request: SourceRequest) -> Kind:
    """Returns the kind that is asked for; where that is left open, by what the path is."""
    if request.kind == "sample" or (request.kind, request.path) == ("auto", "sample"):
        return "sample"
    if request.kind in ("oxford102", "flower_photos"):
        return request.kind
    if not request.path:
        raise SourceRefused("Nothing was chosen to import.", "Give a folder, an archive or a .csv.")
    if request.kind != "auto":
        return request.kind
    path = Path(request.path).expanduser()
    if path.is_dir():
        return "oxford102" if (path / "imagelabels.mat").is_file() else "folder"
    return "csv" if path.suffix.lower() in TABLE_ENDINGS else "archive"


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
