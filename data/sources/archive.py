"""Unpacking of uploaded archives, which are never trusted: one hostile member, and all is refused.

Only photos are written, under numbered names of our own: nothing can land outside.
"""

import errno
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from core.config import read_settings
from core.errors import ArchiveRefused, SourceRefused
from core.formats import count
from data.sources.archive_readers import (
    MEMBER_LIMIT,
    Member,
    TarReader,
    ZipReader,
    open_reader,
    refuse_archive,
)
from data.sources.found import READING, FoundSource, OnProgress, SourceKind, Tell
from data.sources.layout import Read, read_layout

RATIO_LIMIT = 100
"""Photos hardly compress; what unpacks to more than a hundred times its size was made to harm."""
PATH_LIMIT = 1_000
"""Characters of a path; with the limit on members it bounds what their names take in memory."""
ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")

_HARMLESS_BYTES = 10_000_000
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    OSError,  # without a number or EINVAL; others are the disk's, see below
    zlib.error,
    struct.error,
    EOFError,
    ValueError,  # numbers in a header that are none; names in no known alphabet
    OverflowError,
    IndexError,
    NotImplementedError,  # a .zip in a version Python does not know
    RecursionError,  # a .tar of nothing but nested headers
)


@dataclass(frozen=True, kw_only=True)
class ArchiveContents:
    """What an archive claims to hold, once all of it was found harmless."""

    files: list[str]
    """Paths of the files, each once."""
    folders: list[str]
    repeated: int
    """Files whose path came up before; the last one counts, as with tar and unzip."""


def find_in_archive(archive: Path, unpacked: Path, tell: Tell) -> FoundSource:
    """Return the photos of class folders, or split folders of them, packed in an archive."""
    found = unpack_photos(archive, unpacked, partial(tell, READING))
    return replace(found, name=_strip_ending(archive.name), origin=archive.name)


def _strip_ending(name: str) -> str:
    """Return the name of an archive without .zip, .tgz, .tar.gz or .tar."""
    for ending in ARCHIVE_ENDINGS:
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def unpack_photos(
    archive: Path, target: Path, on_progress: OnProgress | None = None, read: Read = read_layout
) -> FoundSource:
    """Return the photos of an archive (.zip, .tgz, .tar.gz or .tar by content), sorted by path.

    Args:
        target: An existing empty folder; the photos are written into it under numbered names.
        read: What says which files are photos, and which class their folders mean.

    Raises:
        ArchiveRefused: Not such an archive, broken, hostile or too large; nothing is left.
        SourceRefused: Its layout is none we know; nothing is left.
        OSError: There is no room; nothing is left.
    """
    if not archive.is_file():
        raise SourceRefused(f"There is no file “{archive}”.", "Check the path.")
    with ExitStack() as on_error, _report_damage(), open_reader(archive) as opened:
        contents = _check_members(opened.members(), archive.stat().st_size)
        places = {path: target / f"{number:06d}" for number, path in enumerate(contents.files)}
        found = read(list(places.items()), contents.folders)
        wanted = {photo.file for photo in found.photos}
        places = {path: place for path, place in places.items() if place in wanted}
        for place in places.values():
            on_error.callback(place.unlink, missing_ok=True)
        _write_files(opened, places, on_progress)
        on_error.pop_all()
    if not contents.repeated:
        return found
    again = f"{count(contents.repeated, 'path')} met again in the archive; the last file counts."
    return replace(found, notes=(*found.notes, again))


def _write_files(
    opened: ZipReader | TarReader, places: Mapping[str, Path], on_progress: OnProgress | None
) -> None:
    done = 0
    for path, stream in opened.streams():
        if path in places:
            with places[path].open("wb") as file:
                shutil.copyfileobj(stream, file, 2**18)
            done += 1
            if on_progress:
                on_progress(min(done, len(places)), len(places))


def _check_members(members: Iterable[Member], packed_bytes: int) -> ArchiveContents:
    """Return what an archive holds when all of its members were found harmless."""
    limit_mb = read_settings().archive_limit_mb
    files: dict[str, None] = {}
    folders: dict[str, None] = {}
    total = repeated = 0
    for number, member in enumerate(members, start=1):
        _check_path(member.path)
        if number > MEMBER_LIMIT:
            refuse_archive(f"It has more than {MEMBER_LIMIT:,} members.")
        if member.size < 0:
            refuse_archive(f"“{member.path}” claims a negative size.")
        if not member.is_plain:
            refuse_archive(f"“{member.path}” is a link or a device.")
        total += member.size
        if total > limit_mb * 1_000_000:
            refuse_archive(f"It unpacks to more than the {limit_mb:,} MB allowed.")
        if total > max(RATIO_LIMIT * packed_bytes, _HARMLESS_BYTES):
            refuse_archive(f"It unpacks to more than {RATIO_LIMIT} times its size.")
        if member.path.endswith("/"):
            folders[member.path.rstrip("/")] = None
        elif member.path:
            repeated += member.path in files
            files[member.path] = None
    return ArchiveContents(files=list(files), folders=list(folders), repeated=repeated)


def _check_path(path: str) -> None:
    if len(path) > PATH_LIMIT:
        refuse_archive(f"“{path[:40]}…” is a path of {len(path):,} characters.")
    if "\0" in path:
        refuse_archive(f"“{path.partition(chr(0))[0]}” goes on behind its end.")
    if path.startswith("/") or _DRIVE.match(path):
        refuse_archive(f"“{path}” has an absolute path.")
    if ".." in path.split("/"):
        refuse_archive(f"“{path}” points outside of the archive.")


@contextmanager
def _report_damage() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise ArchiveRefused(
            f"The archive is broken or cut short ({error}).", "Copy or download it again."
        ) from error


ARCHIVE = SourceKind(
    kind="archive",
    title="Archive",
    open=lambda request, _downloads: partial(find_in_archive, request.place),
)
