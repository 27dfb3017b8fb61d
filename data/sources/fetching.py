"""Files of public datasets: fetched once into the downloads folder, and known by their digest."""

import gzip
import zlib
from pathlib import Path

from core.downloading import Report, download_file
from core.errors import DownloadFailed
from core.workspace import digest_file


def fetch_file(address: str, target: Path, digest: str | None, on_progress: Report) -> None:
    """Returns nothing; the file stands at `target`, fetched now or earlier.

    Args:
        address: Where it is published.
        target: Where it is kept.
        digest: Its MD5 or SHA-256; None: none is known, as of a copy on another server, so that
            only the checksum inside a .tgz is looked at, which tells damage, but no other file.
        on_progress: Told the bytes that are here and the bytes in all.

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


def _check_gzip(file: Path, address: str) -> None:
    """Reads a .gz to its end, whose checksum and length it states itself."""
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
