"""Unpacking of uploaded archives, which are never trusted: one hostile member refuses the whole.

Only photos are written, under numbered names of our own, so nothing can land outside of the target.
Python's readers load headers of any size into memory, so both read through `BoundedFile`.
"""

import errno
import gzip
import re
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, NoReturn, cast

from core.config import read_settings
from core.errors import ArchiveRefused, SourceRefused
from core.formats import count
from data.images import START_BYTES, starts_like_photo
from data.sources.found import READING, FoundSource, OnProgress, Output, SourceKind
from data.sources.layout import Read, is_hidden, is_other, is_photo, make_storable, read_layout

MEMBER_LIMIT = 100_000
RATIO_LIMIT = 100
"""Photos hardly compress; an archive that unpacks to 100 times its size was made to harm."""
PATH_LIMIT = 1_000
"""Characters of a path; together with MEMBER_LIMIT it bounds the memory that names take."""
ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")
HEADER_BYTES = 2**16
"""Limit for the headers of one member; honest ones take a few hundred bytes."""
DIRECTORY_BYTES = 64 * 2**20
"""Limit for the directory of a .zip; 100,000 honest members take about 15 MB."""

_PADDING_BYTES = 10_000_000  # zeros behind the last member; honest programs write up to 10 KB
_HARMLESS_BYTES = 10_000_000
_DRIVE = re.compile(r"[A-Za-z]:")
_LONG_NUMBER = re.compile(rb"\d{200}")  # tarfile parses a number in the square of its length
_NOT_ZERO = re.compile(rb"[^\0]")
_LOCAL_HEADER = 30
_UTF8 = 0x800
_GARBLED = re.compile("[\u2500-\u259f\udc80-\udcff\ufffd]|[A-Za-z][\u0393-\u03c6\u2229\u221e÷ⁿ≈√]")
"""Box drawings or Greek within Latin words: bytes of another code page, read in that of DOS."""
_LOCKED = 0x1 | 0x40 | 0x2000
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    OSError,  # without a number or with EINVAL; other numbers come from the disk, see below
    zlib.error,
    struct.error,
    EOFError,
    ValueError,  # malformed numbers in a header; names in an unknown encoding
    OverflowError,
    IndexError,
    NotImplementedError,  # a .zip version that Python does not know
    RecursionError,  # a .tar of nested headers only
)


class Member(NamedTuple):
    """One entry of an archive; a folder's `path` ends with a slash."""

    path: str
    size: int
    """Unpacked, as declared; no more is ever read."""
    is_plain: bool
    """Whether it is a file or a folder: no link, device or the like."""
    open: Callable[[], IO[bytes] | None]


def find_in_archive(archive: Path, layout: str, output: Output) -> FoundSource:
    """Return the photos of an archive of class folders or split folders."""
    read = partial(read_layout, layout=layout)
    found = unpack_photos(archive, output.unpacked, partial(output.tell, READING), read)
    ending = next((e for e in ARCHIVE_ENDINGS if archive.name.lower().endswith(e)), "")
    name = archive.name[: len(archive.name) - len(ending)] or archive.name
    return replace(found, name=name, origin=archive.name)


def unpack_photos(
    archive: Path,
    target: Path,
    on_progress: OnProgress = lambda *_: None,
    read: Read = read_layout,
) -> FoundSource:
    """Return the photos of an archive (.zip, .tgz, .tar.gz or .tar by content), sorted by path.

    Args:
        target: An existing empty folder for the photos, which get numbered names.
        read: Decides which files are photos, and which class their folders name.

    Raises:
        ArchiveRefused: The file is no archive, broken, hostile or too large; nothing is left.
        SourceRefused: The layout is unknown; nothing is left.
        OSError: The disk is full; nothing is left.
    """
    if not archive.is_file():
        raise SourceRefused(f"There is no file “{archive}”.", "Check the path.")
    with ExitStack() as on_error, _report_damage(), _open_archive(archive) as read_members:
        files, folders, repeated = _check_members(read_members(), archive.stat().st_size)
        places = {path: target / f"{number:06d}" for number, path in enumerate(files)}
        for path, place in places.items():
            on_error.callback(place.unlink, missing_ok=True)
            if files[path]:
                place.write_bytes(files[path])
        found = read(list(places.items()), folders)
        wanted = {photo.file for photo in found.photos}
        for path in [path for path, place in places.items() if place not in wanted]:
            places.pop(path).unlink(missing_ok=True)
        _write_files(read_members(), places, on_progress)
        on_error.pop_all()
    notes = [*found.notes]
    if repeated:
        again = count(repeated, "path")
        notes.append(f"{again} occurred again in the archive; the last file was used.")
    if garbled := [path for path in files if _GARBLED.search(path)]:
        notes.append(
            f"{count(len(garbled), 'name')} may be garbled, as “{make_storable(garbled[0])}”: the "
            "archive does not say how its names are written. Pack it again with names in UTF-8."
        )
    return replace(found, notes=tuple(notes))


def _write_files(
    members: Iterable[Member], places: dict[str, Path], on_progress: OnProgress
) -> None:
    done = 0
    for member in members:
        if member.path in places and (stream := member.open()):
            with stream, places[member.path].open("wb") as file:
                shutil.copyfileobj(stream, file, 2**18)
            done += 1
            on_progress(min(done, len(places)), len(places))


def _check_members(
    members: Iterable[Member], packed_bytes: int
) -> tuple[dict[str, bytes], list[str], int]:
    """Return path → first bytes, for photos without an ending; folders; number of repeated paths.

    The first bytes of other files are b"".

    Raises:
        ArchiveRefused: A member is not harmless, or the members are too many or too large.
    """
    limit_mb = read_settings().archive_limit_mb
    files: dict[str, bytes] = {}
    folders: dict[str, None] = {}
    total = repeated = 0
    for number, member in enumerate(members, start=1):
        _check_path(member.path)
        if number > MEMBER_LIMIT:
            _refuse(f"It has more than {MEMBER_LIMIT:,} members.")
        if member.size < 0:
            _refuse(f"“{member.path}” claims a negative size.")
        if not member.is_plain:
            _refuse(f"“{member.path}” is a link or a device.")
        total += member.size
        if total > limit_mb * 1_000_000:
            _refuse(f"It unpacks to more than the {limit_mb:,} MB allowed.")
        if total > max(RATIO_LIMIT * packed_bytes, _HARMLESS_BYTES):
            _refuse(f"It unpacks to more than {RATIO_LIMIT} times its size.")
        if member.path.endswith("/"):
            folders[member.path.rstrip("/")] = None
        elif member.path:
            repeated += member.path in files
            files[member.path] = _read_start(member)
    return files, list(folders), repeated


def _read_start(member: Member) -> bytes:
    """Return the first bytes of a photo whose path does not end like one, else b""."""
    if is_photo(member.path) or is_hidden(member.path) or is_other(member.path):
        return b""
    with suppress(*_DAMAGE):  # of a file that may not be needed
        if stream := member.open():
            with stream:
                start = stream.read(START_BYTES)
            return start if starts_like_photo(start) else b""
    return b""


def _check_path(path: str) -> None:
    if len(path) > PATH_LIMIT:
        _refuse(f"“{path[:40]}…” is a path of {len(path):,} characters.")
    if "\0" in path:
        _refuse(f"The name “{path.partition(chr(0))[0]}” contains a zero byte.")
    if path.startswith("/") or _DRIVE.match(path):
        _refuse(f"“{path}” has an absolute path.")
    if ".." in path.split("/"):
        _refuse(f"“{path}” points outside of the archive.")


class BoundedFile:
    """A file with an allowance: the bytes that its reader may need for the next step."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.allowance = HEADER_BYTES
        self.forbidden: re.Pattern[bytes] | None = None
        """A pattern that no block may contain."""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; without a size, up to the allowance.

        Raises:
            ArchiveRefused: The reader asks for more than the allowance.
        """
        if size > self.allowance:
            _refuse("It holds a header of absurd size.")
        block = self._file.read(size if size >= 0 else self.allowance)
        self.allowance -= len(block)
        # The directory of a .zip comes in one piece; each of its entries begins with this mark.
        if block.count(b"PK\x01\x02") > MEMBER_LIMIT:
            _refuse(f"It has more than {MEMBER_LIMIT:,} members.")
        if self.forbidden and self.forbidden.search(block):
            _refuse("It is damaged, or a header is malicious.")
        return block


def _read_zip(file: BoundedFile) -> Iterator[Member]:
    """Yield the members of a .zip after a check that none shares bytes with its neighbour."""
    file.allowance = DIRECTORY_BYTES
    archive, end = zipfile.ZipFile(cast(IO[bytes], file)), 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            _refuse("Its members overlap.")
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size
    for entry in archive.infolist():
        if entry.flag_bits & _LOCKED:
            _refuse("It is locked with a password.")
        if entry.compress_type not in _PACKINGS:
            _refuse("It is compressed by another method than the usual one (deflate).")
        if "\0" in entry.orig_filename:
            _refuse(f"The name “{entry.filename}” contains a zero byte.")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        file.allowance = HEADER_BYTES + entry.compress_size
        path = _clean_path(_decode_name(entry))
        yield Member(path, entry.file_size, is_plain, partial(archive.open, entry))


def _read_tar(file: BoundedFile) -> Iterator[Member]:
    """Yield the members of a .tar, then check that only zeros follow: else it is damaged."""
    file.seek(0)
    file.allowance, end = HEADER_BYTES, 0
    with tarfile.open(fileobj=cast(IO[bytes], file), mode="r:") as archive:

        def open_member(entry: tarfile.TarInfo) -> IO[bytes] | None:
            file.forbidden = None  # a photo may contain anything
            return archive.extractfile(entry)

        file.forbidden = _LONG_NUMBER
        while (entry := archive.next()) is not None:
            end = archive.offset
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep them all
            file.allowance = HEADER_BYTES + max(entry.size, 0)
            is_plain = (entry.isreg() or entry.isdir()) and entry.sparse is None
            path = _clean_path(entry.name) + ("/" if entry.isdir() else "")
            yield Member(path, entry.size, is_plain, partial(open_member, entry))
            file.forbidden = _LONG_NUMBER
    file.seek(end)
    file.forbidden, file.allowance = _NOT_ZERO, _PADDING_BYTES
    while file.read(min(2**16, file.allowance)):  # reads the checksum of a .tgz, too
        pass
    file.forbidden = None


def _decode_name(entry: zipfile.ZipInfo) -> str:
    """Return the name of a member of a .zip, in UTF-8 where possible, even without its flag."""
    if not entry.flag_bits & _UTF8:
        with suppress(UnicodeError):
            return entry.filename.encode("cp437").decode()
    return entry.filename


def _clean_path(name: str) -> str:
    # Some Windows programs write backslashes; macOS writes é as two characters.
    return unicodedata.normalize("NFC", name).replace("\\", "/").removeprefix("./")


@contextmanager
def _open_archive(archive: Path) -> Iterator[Callable[[], Iterator[Member]]]:
    """Yield the reader that the first bytes ask for; each call reads from the beginning.

    Raises:
        ArchiveRefused: The file is neither .zip nor .tar nor .tar.gz.
    """
    with archive.open("rb") as file:
        start = file.read(512)
    is_zip, is_gzip = start.startswith((b"PK\x03\x04", b"PK\x05\x06")), start[:2] == b"\x1f\x8b"
    if not (is_zip or is_gzip or start[257:262] == b"ustar"):
        raise ArchiveRefused(
            f"“{archive.name}” is not a .zip, .tgz or .tar archive.",
            "Pack the folders of photos as .zip or .tgz, or import the folder itself.",
        )
    with gzip.open(archive) if is_gzip else archive.open("rb") as content:
        yield partial(_read_zip if is_zip else _read_tar, BoundedFile(cast(IO[bytes], content)))


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


def _refuse(problem: str) -> NoReturn:
    raise ArchiveRefused(
        f"The archive was refused: {problem}",
        "Pack only the folders of photos, as .zip or .tgz, or import the folder itself.",
    )


ARCHIVE = SourceKind(
    kind="archive",
    title="Archive",
    find=lambda request, output: find_in_archive(request.place, request.layout, output),
)
