"""Datasets that need no path: the sample in the program, and flower_photos (tf_flowers).

Downloads are stored in the workspace and checked by their digest. `sample.zip` was drawn once, by
commit 49d9ce1; its `faults.json` lists the planted faults.
"""

import gzip
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.config import FLOWER_PHOTOS_URL, read_settings
from core.downloading import download_file
from core.errors import DownloadFailed, SourceRefused
from core.workspace import digest_file
from data.sources.archive import find_in_archive, unpack_photos
from data.sources.found import Field, FoundSource, Output, SourceKind, SourceRequest, Tell, Way
from data.sources.layout import read_folder

SAMPLE_FILE = Path(__file__).with_name("sample.zip")
SAMPLE_SHA256 = "9b4d615f017cfb5c47b0d75e282b1cd7ff1e9cc439955bdb0e0665dcfb5ced92"
FILE = "flower_photos.tgz"
SHA256 = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
"""Source: tensorflow_datasets/datasets/tf_flowers/checksums.tsv of TensorFlow Datasets."""


def find_in_sample(_request: SourceRequest, output: Output) -> FoundSource:
    """Return the photos of the embedded sample.

    Raises:
        SourceRefused: The file of the sample is missing or damaged.
    """
    if not SAMPLE_FILE.is_file() or digest_file(SAMPLE_FILE) != SAMPLE_SHA256:
        raise SourceRefused(
            "The file of the sample is missing or damaged.",
            "Install Petalscope again, or import your own photos.",
        )
    tell = partial(output.tell, "unpacking the sample")
    found = unpack_photos(SAMPLE_FILE, output.unpacked, tell)
    return replace(found, name="Flower sample", origin="the embedded sample")


def fetch_file(address: str, target: Path, digest: str | None, tell: Tell) -> None:
    """Fetch a file to `target`, unless it is there already.

    Args:
        digest: MD5 or SHA-256 of the file. None (unknown, as for a copy on another server): only
            the checksum inside a .tgz is verified, which shows damage.

    Raises:
        DownloadFailed: The download failed, or the file is a wrong one; see core.downloading.
        DiskFull: The file does not fit on the disk.
    """

    def check(file: Path) -> None:
        algorithm = "sha256" if digest and len(digest) == 64 else "md5"
        if digest and digest_file(file, algorithm) != digest:
            raise _refuse(address, "its digest is not the published one")
        if digest is None and target.suffix in (".tgz", ".gz"):
            try:
                with gzip.open(file) as stream:  # verifies checksum and length at its end
                    while stream.read(2**20):
                        pass
            except (OSError, EOFError, zlib.error) as error:
                raise _refuse(address, f"the .tgz is incomplete ({error})") from error

    def report(done: int, total: int) -> None:
        tell(f"downloading {target.name}, in MB", done // 1_000_000, total // 1_000_000)

    download_file(address, target, check, report)


def _refuse(address: str, reason: str) -> DownloadFailed:
    return DownloadFailed(
        f"The download from {address} is not the expected file: {reason}.",
        "Try again, or get the file elsewhere and import it by its path.",
        reason=reason,
        address=address,
    )


def find_flower_photos(request: SourceRequest, output: Output) -> FoundSource:
    """Return the photos of flower_photos: from a named archive or folder, else downloaded."""
    path = request.place if request.path else output.downloads / FILE
    if not request.path:
        address = read_settings().flower_photos_url
        # Another server may hold resized photos.
        digest = SHA256 if address == FLOWER_PHOTOS_URL else None
        fetch_file(address, path, digest, output.tell)
    found = read_folder(path) if path.is_dir() else find_in_archive(path, "", output)
    origin = found.origin if request.path else "downloaded"
    return replace(found, name="flower_photos", origin=f"flower_photos, {origin}")


SAMPLE = SourceKind(
    kind="sample",
    title="Sample flowers",
    needs_path=False,
    find=find_in_sample,
    about="Five classes of drawn flowers, 100 photos each, with a few planted faults. "
    "No network needed.",
    ways=(Way(button="Add the sample"),),
)
DOWNLOAD = Way(
    title="Download",
    note="229 MB, stored in the workspace. A broken download resumes.",
    button="Download and read",
)
FLOWER_PHOTOS = SourceKind(
    kind="flower_photos",
    title="flower_photos",
    needs_path=False,
    find=find_flower_photos,
    about="3,670 photos of five kinds of flowers in one archive, without splits.",
    ways=(
        Way(
            title="On this machine",
            fields=(Field("path", "Path of the archive", "/home/me/flower_photos.tgz"),),
        ),
        DOWNLOAD,
    ),
)
