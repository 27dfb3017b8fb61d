"""Photos of class folders in object storage: fetched at the import, several at a time."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from core.ahead import work_ahead
from core.config import read_settings
from core.errors import SourceRefused
from core.storage import StoredFile, open_storage
from data.sources.found import READING, FoundSource, Tell
from data.sources.layout import read_layout

_AT_ONCE = 8


def find_in_bucket(address: str, unpacked: Path, tell: Tell) -> FoundSource:
    """Return the photos of class folders, or split folders of them, below an address.

    Raises:
        SourceRefused: More files than are looked at, or a layout that is none we know.
        StorageFailed: They cannot be listed or read.
    """
    storage, settings = open_storage(address), read_settings()
    listed = [one for one in storage.list_files() if not one.name.endswith("/")]
    if len(listed) > settings.import_limit_files:
        raise SourceRefused(
            f"{address} holds more than the {settings.import_limit_files:,} files that are looked "
            "at.",
            "Name the folder of the photos, or raise PETALSCOPE_IMPORT_LIMIT_FILES.",
        )
    sizes = {unpacked / f"{number:06d}": one for number, one in enumerate(listed)}
    found = read_layout([(one.name, file) for file, one in sizes.items()])
    most = settings.photo_limit_mb * 1_000_000 + 1  # of a larger one enough to be set aside

    def fetch(one: StoredFile) -> bytes:
        return storage.read(one.name, min(one.size, most))

    files = [photo.file for photo in found.photos]
    fetched = work_ahead(files, lambda file: fetch(sizes[file]), _AT_ONCE, 2 * _AT_ONCE)
    with closing(fetched):
        for done, (file, content) in enumerate(fetched, 1):
            file.write_bytes(content)
            tell(READING, done, len(files))
    return replace(found, name=address.rstrip("/").rpartition("/")[2], origin=address)
