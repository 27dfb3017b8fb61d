"""Folders of files, on this machine or in object storage, by one small interface over pyarrow.

An address is a path, `s3://bucket/folder` or `gs://bucket/folder`. Credentials come from the usual
variables (AWS_ACCESS_KEY_ID …, AWS_ENDPOINT_URL for another maker's store), never from an address,
and are never said. A file is there whole or not at all.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import StorageFailed
from core.formats import count

_ADDRESS = re.compile(r"(s3|gs)://([^/]*)(.*)", re.DOTALL | re.IGNORECASE)
"""Scheme, bucket and folder."""
_TRIES = 5
"""Times that a request to object storage is made before it has failed."""


class StoredFile(NamedTuple):
    """A file by its name below the folder, and its bytes."""

    name: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Storage:
    """A folder; names in it are relative, divided by "/"."""

    files: Any
    """A pyarrow.fs.FileSystem."""
    root: str
    address: str
    """As a person wrote it."""

    def list_files(self) -> list[StoredFile]:
        """Return all files in the folder and the folders inside, by name."""
        return sorted(StoredFile(self._name(one), one.size) for one in self._find())

    def list_older(self, seconds: float) -> list[str]:
        """Return the names of the files that were written so many seconds ago, or earlier."""
        before = time.time() - seconds
        old = [one for one in self._find() if one.mtime and one.mtime.timestamp() < before]
        return [self._name(one) for one in old]

    def _find(self) -> list[Any]:
        """Return the pyarrow.fs.FileInfo of all files."""
        from pyarrow.fs import FileSelector, FileType

        with self._telling("listed"):
            found = self.files.get_file_info(FileSelector(self.root, recursive=True))
        return [one for one in found if one.type == FileType.File]

    def _name(self, one: Any) -> str:
        return str(one.path[len(self.root) + 1 :])

    def read(self, name: str, size: int | None = None) -> bytes:
        """Return the bytes of a file, or the first `size` of them.

        Raises:
            StorageFailed: It is not there, or fewer bytes came, however often it was asked.
        """
        path, content = f"{self.root}/{name}", b""
        with self._telling(f"read: {name}"):
            if size is None:
                size = self.files.get_file_info(path).size or 0
            for _ in range(_TRIES):  # an answer that is cut short is not told by pyarrow
                with self.files.open_input_stream(path) as stream:
                    content = bytes(stream.read(size))
                if len(content) == size:
                    return content
            raise OSError(f"{count(len(content), 'byte')} came of {size:,}")

    def write(self, name: str, content: bytes) -> None:
        """Write a file: what reads it sees all of the old one or all of the new one."""
        with self._telling(f"written: {name}"):
            path = f"{self.root}/{name}"
            if not is_address(self.address):
                self.files.create_dir(str(Path(path).parent), recursive=True)
            unfinished = self._name_unfinished(path)
            with self.files.open_output_stream(unfinished) as stream:
                stream.write(content)
            if unfinished != path:
                self.files.move(unfinished, path)

    def delete(self, name: str) -> None:
        """Delete a file; none is none."""
        with self._telling(f"deleted: {name}"):
            try:
                self.files.delete_file(f"{self.root}/{name}")
            except FileNotFoundError:
                return

    def has(self, name: str) -> bool:
        """Return whether there is a file of that name."""
        from pyarrow.fs import FileType

        with self._telling(f"looked for: {name}"):
            return bool(self.files.get_file_info(f"{self.root}/{name}").type == FileType.File)

    def _name_unfinished(self, path: str) -> str:
        """Return where a file is written before it is there; an object is there when it is sent."""
        if is_address(self.address):
            return path
        folder, _, name = path.rpartition("/")
        return f"{folder}/.{os.getpid()}-{os.urandom(4).hex()}-{name}"

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageFailed(
                f"{self.address} could not be {what} ({' '.join(str(error).split())[:200]}).",
                "Check the address, the network and what your credentials allow, and try again: "
                "what is done is kept.",
                address=self.address,
            ) from error


def is_address(text: str) -> bool:
    """Return whether a text names a folder of object storage."""
    return _ADDRESS.match(text) is not None


def open_storage(address: str) -> Storage:
    """Return the folder of an address; nothing is asked of it yet.

    Raises:
        StorageFailed: It names no bucket, or holds credentials.
    """
    match = _ADDRESS.match(address)
    if match is None:
        from pyarrow.fs import LocalFileSystem

        root = str(Path(address).expanduser().resolve())
        return Storage(files=LocalFileSystem(), root=root, address=address)
    scheme, bucket, folder = match[1].lower(), match[2], match[3]
    if not bucket or {"@", ":"} & {*bucket} or "?" in address:  # a secret may hold a "/"
        raise StorageFailed(
            "This address names no bucket, or more than a bucket and a folder.",
            f"Write {scheme}://bucket/folder; credentials belong into the environment.",
            address=f"{scheme}://…",
        )
    root = f"{bucket}{folder}".strip("/")
    return Storage(files=_connect(scheme), root=root, address=address.rstrip("/"))


def _connect(scheme: str) -> Any:
    if scheme == "gs":
        from pyarrow.fs import GcsFileSystem

        return GcsFileSystem()
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
    retries = AwsStandardS3RetryStrategy(max_attempts=_TRIES)
    return S3FileSystem(endpoint_override=endpoint, retry_strategy=retries)
