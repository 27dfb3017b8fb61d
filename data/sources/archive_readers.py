"""Reading of .zip and .tar as a list of members, then as their contents, never trusting either.

Python's own readers take headers of any size into memory: both read through `BoundedFile`.
"""

import gzip
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, NoReturn, cast

from core.errors import ArchiveRefused

MEMBER_LIMIT = 100_000

_HEADER_BYTES = 2**16
"""Most that the headers of one member may take; honest ones take a few hundred bytes."""
_PADDING_BYTES = 10_000_000
"""Most zeros behind the last member; honest programs fill up to 10 KB."""
_LONG_NUMBER = re.compile(rb"\d{200}")
"""tarfile looks for numbers in a header in a time that grows with the square of their length."""
_DIRECTORY_BYTES = 64 * 2**20
"""Most that the directory of a .zip may take; 100,000 honest members take about 15 MB."""
_LOCAL_HEADER = 30
_LOCKED = 0x1 | 0x40 | 0x2000
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One entry of an archive; `path` has forward slashes, that of a folder ends with one."""

    path: str
    size: int
    """Unpacked, as declared; no more is ever read."""
    is_plain: bool
    """Whether it is a file or a folder: no link, device or the like."""


def refuse_archive(problem: str) -> NoReturn:
    """Raise ArchiveRefused with the problem, a sentence."""
    raise ArchiveRefused(
        f"The archive was refused: {problem}",
        "Pack only the folders of photos, as .zip or .tgz, or import the folder itself.",
    )


class BoundedFile:
    """A file that is read by allowance: what its reader expects to need for the next step."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.allowance = _HEADER_BYTES
        self.forbidden: re.Pattern[bytes] | None = None
        """What must not be met in what is read."""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, like any file; without a size what is allowed.

        Raises:
            ArchiveRefused: More was asked for than is allowed.
        """
        if size > self.allowance:
            refuse_archive("It holds a header of absurd size.")
        block = self._file.read(size if size >= 0 else self.allowance)
        self.allowance -= len(block)
        # A directory of a .zip comes in one piece; each of its entries begins with this mark.
        if block.count(b"PK\x01\x02") > MEMBER_LIMIT:
            refuse_archive(f"It has more than {MEMBER_LIMIT:,} members.")
        if self.forbidden and self.forbidden.search(block):
            refuse_archive("It is broken, or a header was made to harm.")
        return block

    def seek(self, place: int, whence: int = 0) -> int:
        """Move to a place, like any file."""
        return self._file.seek(place, whence)

    def tell(self) -> int:
        """Return the place, like any file."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Always true."""
        return True


class ZipReader:
    """A .zip; every entry is checked against its neighbours and its own header."""

    def __init__(self, file: BoundedFile) -> None:
        self._file = file
        file.allowance = _DIRECTORY_BYTES
        self._archive = zipfile.ZipFile(cast(IO[bytes], file))

    def members(self) -> Iterator[Member]:
        """Yield the members in the order of the directory.

        Raises:
            ArchiveRefused: Locked, packed in an unusual way, or members share their bytes.
        """
        end = 0
        for entry in sorted(self._archive.infolist(), key=lambda entry: entry.header_offset):
            if entry.header_offset < end:
                refuse_archive("Its members overlap.")
            end = entry.header_offset + _LOCAL_HEADER + entry.compress_size
        for entry in self._archive.infolist():
            if entry.flag_bits & _LOCKED:
                refuse_archive("It is locked with a password.")
            if entry.compress_type not in _PACKINGS:
                refuse_archive("It is packed by another method than the usual one (deflate).")
            if "\0" in entry.orig_filename:
                refuse_archive(f"“{entry.filename}” goes on behind its end.")
            kind = stat.S_IFMT(entry.external_attr >> 16)
            is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            yield Member(path=_clean_path(entry.filename), size=entry.file_size, is_plain=is_plain)

    def streams(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Yield path and content of every file."""
        for entry in self._archive.infolist():
            path = _clean_path(entry.filename)
            if path and not path.endswith("/"):
                self._file.allowance = _HEADER_BYTES + entry.compress_size
                with self._archive.open(entry) as stream:
                    yield path, stream


class TarReader:
    """A .tar, which is read through once for the members and once for the contents."""

    def __init__(self, file: BoundedFile) -> None:
        self._file = file

    def members(self) -> Iterator[Member]:
        """Yield the members in their order.

        Raises:
            ArchiveRefused: Behind the last one there is something else: it is damaged.
        """
        self._file.forbidden = _LONG_NUMBER
        end = 0
        for archive, entry in self._entries():
            end = archive.offset
            is_plain = (entry.isreg() or entry.isdir()) and entry.sparse is None
            path = _clean_path(entry.name) + ("/" if entry.isdir() else "")
            yield Member(path=path, size=entry.size, is_plain=is_plain)
        self._file.forbidden = re.compile(rb"[^\0]")
        self._file.seek(end)
        self._file.allowance = _PADDING_BYTES
        while self._file.read(min(2**16, self._file.allowance)):  # with the checksum of a .tgz
            pass
        self._file.forbidden = None

    def streams(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Yield path and content of every file."""
        for archive, entry in self._entries():
            if entry.isreg() and (stream := archive.extractfile(entry)):
                yield _clean_path(entry.name), stream

    def _entries(self) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
        self._file.seek(0)
        self._file.allowance = _HEADER_BYTES
        with tarfile.open(fileobj=cast(IO[bytes], self._file), mode="r:") as archive:
            while (entry := archive.next()) is not None:
                # It would keep them all, with all that their headers say.
                archive.members.clear()  # type: ignore[attr-defined]
                self._file.allowance = _HEADER_BYTES + max(entry.size, 0)
                yield archive, entry


@contextmanager
def open_reader(archive: Path) -> Iterator[ZipReader | TarReader]:
    """Yield a reader chosen by content; whatever Python's readers raise passes through.

    Raises:
        ArchiveRefused: It is neither .zip nor .tar nor .tar.gz.
    """
    kind = _detect_kind(archive)
    with gzip.open(archive) if kind == "gzip" else archive.open("rb") as file:
        bounded = BoundedFile(cast(IO[bytes], file))
        yield ZipReader(bounded) if kind == "zip" else TarReader(bounded)


def _clean_path(name: str) -> str:
    # Some Windows programs write backslashes.
    return name.replace("\\", "/").removeprefix("./")


def _detect_kind(archive: Path) -> Literal["zip", "gzip", "tar"]:
    with archive.open("rb") as file:
        start = file.read(512)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start[257:262] == b"ustar":
        return "tar"
    raise ArchiveRefused(
        f"“{archive.name}” is not a .zip, .tgz or .tar archive.",
        "Pack the folders of photos as .zip or .tgz, or import the folder itself.",
    )
