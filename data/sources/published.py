"""Public datasets: files fetched once and known by their digest, and flower_photos (tf_flowers)."""

import gzip
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.config import FLOWER_PHOTOS_URL, read_settings
from core.downloading import Report, download_file
from core.errors import DownloadFailed
from core.workspace import digest_file
from data.sources.archive import find_in_archive
from data.sources.found import Field, FoundSource, SourceKind, Tell, Way
from data.sources.layout import find_in_folder

FILE = "flower_photos.tgz"
SHA256 = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
"""Source: tensorflow_datasets/datasets/tf_flowers/checksums.tsv of TensorFlow Datasets."""


def fetch_file(address: str, target: Path, digest: str | None, on_progress: Report) -> None:
    """Fetch a file to `target`, unless it is there already.

    Args:
        digest: Its MD5 or SHA-256; None: none is known, as of a copy on another server, so that
            only the checksum inside a .tgz is looked at, which tells damage, but no other file.

    Raises:
        DownloadFailed: It cannot be fetched, or what came is not it; see core.downloading.
        DiskFull: There is no room for it.
    """

    def check(file: Path) -> None:
        algorithm = "sha256" if digest and len(digest) == 64 else "md5"
        if digest and digest_file(file, algorithm) != digest:
            raise _refuse(address, "its digest is not that of the published file")
        if digest is None and target.suffix in (".tgz", ".gz"):
            _check_gzip(file, address)

    download_file(address, target, check, on_progress)


def tell_mb(tell: Tell, name: str) -> Report:
    """Return what is told the bytes of a file of that name, and tells them on in MB."""
    phase = f"downloading {name}, in MB"
    return lambda done, total: tell(phase, done // 1_000_000, total // 1_000_000)


def _check_gzip(file: Path, address: str) -> None:
    """Read a .gz to its end, whose checksum and length it states itself."""
    try:
        with gzip.open(file) as stream:
            while stream.read(2**20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise _refuse(address, f"it is no whole .tgz ({error})") from error


def _refuse(address: str, reason: str) -> DownloadFailed:
    return DownloadFailed(
        f"What came from {address} is not what was asked for: {reason}.",
        "Try again; if it stays so, get the file elsewhere and import it by its path.",
        reason=reason,
        address=address,
    )


def find_flower_photos(
    named: Path | None, downloads: Path, unpacked: Path, tell: Tell
) -> FoundSource:
    """Return the photos of an archive or folder of it on this machine, or of the download."""
    path = named or downloads / FILE
    if not named:
        address = read_settings().flower_photos_url
        # Another server than the makers' may hold a resized copy.
        digest = SHA256 if address == FLOWER_PHOTOS_URL else None
        fetch_file(address, path, digest, tell_mb(tell, FILE))
    found = (find_in_folder if path.is_dir() else find_in_archive)(path, unpacked, tell)
    where = found.origin if named else "downloaded"
    return replace(found, name="flower_photos", origin=f"flower_photos, {where}")


DOWNLOAD = Way(
    key="Download",
    title="Download",
    note="229 MB, kept in the workspace; a download that breaks off goes on.",
    button="Download and read",
)
FLOWER_PHOTOS = SourceKind(
    kind="flower_photos",
    title="flower_photos",
    needs_path=False,
    open=lambda request, downloads: partial(
        find_flower_photos, request.place if request.path else None, downloads
    ),
    about="3,670 photos of five kinds of flowers, in one archive. It comes without splits.",
    ways=(
        Way(
            key="In one folder",
            title="On this machine",
            fields=(Field("path", "Path of the archive", "/home/me/flower_photos.tgz"),),
        ),
        DOWNLOAD,
    ),
)
