"""flower_photos (also tf_flowers): 3,670 photos of five classes, as an archive or downloaded."""

from dataclasses import replace
from pathlib import Path

from core.config import FLOWER_PHOTOS_URL, read_settings
from data.sources.archive import ArchiveSource
from data.sources.fetching import fetch_file
from data.sources.folder import FolderSource
from data.sources.found import FoundSource, OnProgress, Source

FILE = "flower_photos.tgz"
SHA256 = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
"""Source: tensorflow_datasets/datasets/tf_flowers/checksums.tsv of TensorFlow Datasets."""


class FlowerPhotosSource:
    """An archive or folder of it on this machine, or the download when none is named."""

    def __init__(self, path: Path | None, downloads: Path) -> None:
        self.phase = "reading the source"
        self._path = path
        self._downloads = downloads

    def find(self, unpacked: Path, on_progress: OnProgress | None = None) -> FoundSource:
        """Returns the photos; the source has no splits; see data.sources.found.Source."""
        path = self._path or self._download(on_progress)
        source: Source = FolderSource(path) if path.is_dir() else ArchiveSource(path)
        found = source.find(unpacked, on_progress)
        where = found.origin if self._path else "downloaded"
        return replace(found, name="flower_photos", origin=f"flower_photos, {where}")

    def _download(self, on_progress: OnProgress | None) -> Path:
        def report(done: int, total: int) -> None:
            if on_progress:
                on_progress(done // 1_000_000, total // 1_000_000)

        self.phase = f"downloading {FILE}, in MB"
        address = read_settings().flower_photos_url
        target = self._downloads / FILE
        # Another server than the makers' may hold a resized copy.
        fetch_file(address, target, SHA256 if address == FLOWER_PHOTOS_URL else None, report)
        self.phase = "reading the source"
        return target
